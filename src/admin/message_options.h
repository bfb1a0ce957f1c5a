// What a request asks of its message: fields and parameters as PushOptions. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "admin/refusal.h"
#include "admin/request_reader.h"
#include "ringgate/push.h"

namespace ringgate::admin {

/// Whether a request may ask anything: of most it is known at once that they do not.
bool may_have_message_options(const Request& request);

/// Whether a request has a field that asks something of a message. Where it is not served it must not be passed over: its sender believes
/// that a repeat, or another connection, is safe (RFC 9110 section 13.1.1).
bool has_message_fields(const Request& request);

/// Reads Ringgate-Ttl, Ringgate-Coalesce-Key, Idempotency-Key, If-Match and the parameters `wait` and `timeout`. Without any of them the
/// options are plain. The error names one that is malformed, or given twice and not a list.
std::expected<PushOptions, Refusal> read_message_options(const Request& request);

/// The options of a line of a batch, and of a push on a backend's WebSocket, by the names of their members.
inline constexpr std::array<std::string_view, 6> line_options{"ttl",  "coalesce_key", "idempotency_key",
                                                              "conn", "wait",         "timeout"};

/// Sets `line_options[index]` from its text; the refusal if that is malformed.
std::optional<Refusal> set_line_option(PushOptions& options, std::size_t index, std::string_view value);

}  // namespace ringgate::admin
