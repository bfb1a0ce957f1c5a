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

/// Why an answer is no decision.
struct HookFault {
  std::string_view cause;       // a part of a sentence for the log; static
  bool is_of_a_member = false;  // it is an acceptance with a value that is not valid; otherwise the answer counts as none
};

/// The decision in an answer with status 200, 204, 401 or 403.
std::expected<UpgradeDecision, HookFault> decision_of(int status, std::string_view body);

}  // namespace ringgate::hooks
