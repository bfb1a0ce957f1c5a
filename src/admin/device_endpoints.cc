// GET and DELETE /v1/devices/{id}.
#include "admin/admin_api.h"
#include "admin/close_refusal.h"
#include "admin/json.h"
#include "admin/query_number.h"
#include "base/limits.h"
#include "http/uri.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

using Presence = http::QueryParameter::Presence;

// Close codes that a backend may use: the part of the private range (RFC 6455 section 7.4.2) without the gate's own codes.
constexpr NumberRange close_codes{.lowest = 4000, .highest = 4099, .otherwise = 4000};

/// The close reason in a query; nullopt if a Close frame cannot hold it.
std::optional<std::string> close_reason_of(std::string_view query) {
  const http::QueryParameter parameter = http::query_parameter(query, "reason");
  if (parameter.presence == Presence::conflicting) return std::nullopt;
  std::string reason(parameter.value.size(), '\0');
  const auto size = http::percent_decode(parameter.value, reason);
  if (!size || *size > limits::close_reason_bytes_max) return std::nullopt;
  reason.resize(*size);
  return ws::valid_utf8(bytes_of(reason)) ? std::optional(std::move(reason)) : std::nullopt;
}

}  // namespace

void AdminApi::show_device(Call call) {
  push_service_.describe(call.device_id.view(), [responder = call.responder](dispatch::DescribeResult result) {
    switch (result.outcome) {
      case dispatch::DescribeOutcome::found: return responder.answer(Answer::json(device_json(*result.device)));
      case dispatch::DescribeOutcome::unknown_device: return responder.refuse(Refusal::unknown_device);
      case dispatch::DescribeOutcome::unavailable: return responder.refuse(Refusal::unavailable);
    }
  });
}

void AdminApi::close_device(Call call) {
  const auto code = query_number(call.request.query, "code", close_codes);
  if (!code) return call.responder.refuse(Refusal::bad_code);
  auto reason = close_reason_of(call.request.query);
  if (!reason) return call.responder.refuse(Refusal::bad_reason);
  push_service_.close_device(call.device_id.view(), static_cast<CloseCode>(*code), std::move(*reason),
                             [responder = call.responder](const dispatch::CloseResult& result) {
                               if (result.outcome == dispatch::CloseOutcome::closed) return responder.answer({.status = 204});
                               responder.answer(failure_of(result, "closed"));
                             });
}

}  // namespace ringgate::admin
