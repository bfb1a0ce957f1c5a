// What a connect hook is asked about an opening handshake, and how its answer is read: both JSON. Pure; any thread; allocates.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ringgate/upgrade_request.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate::hooks {

/// `query` without the parameters that hold credentials: access_token, signature.
std::string without_credentials(std::string_view query);

/// The body of the question. `field_names`: fields of the request that it shows.
std::string question_of(const UpgradeRequest& request, std::span<const std::string> field_names);

/// The decision in an answer with status 200, 401 or 403. The error is a part of a sentence for the log; the answer then counts as none.
std::expected<UpgradeDecision, std::string_view> decision_of(int status, std::string_view body);

}  // namespace ringgate::hooks
