// What a request asks of its message: fields and parameters as PushOptions. Pure; any thread.
#pragma once

#include <expected>

#include "admin/refusal.h"
#include "admin/request_reader.h"
#include "ringgate/push.h"

namespace ringgate::admin {

/// Whether a request may ask anything: of most it is known at once that they do not.
bool may_have_message_options(const Request& request);

/// Reads Ringgate-Ttl, Ringgate-Coalesce-Key, Idempotency-Key, If-Match and the parameters `wait` and `timeout`. Without any of them the
/// options are plain. The error names the first that is malformed or given twice.
std::expected<PushOptions, Refusal> read_message_options(const Request& request);

}  // namespace ringgate::admin
