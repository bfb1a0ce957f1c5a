// POST /v1/devices/{id}/requests: a message that the device answers.
#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "admin/query_duration.h"
#include "base/limits.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

using dispatch::RequestOutcome;

constexpr DurationRange timeouts{.lowest = nanoseconds_per_millisecond,
                                 .highest = limits::request_seconds_max * nanoseconds_per_second,
                                 .otherwise = 10 * nanoseconds_per_second};

Refusal refusal_of(RequestOutcome outcome) {
  switch (outcome) {
    case RequestOutcome::unknown_device: return Refusal::unknown_device;
    case RequestOutcome::backpressure: return Refusal::backpressure;
    case RequestOutcome::too_large: return Refusal::too_large;
    case RequestOutcome::closing: return Refusal::closing;
    case RequestOutcome::timed_out: return Refusal::reply_timeout;
    case RequestOutcome::ended: return Refusal::reply_lost;
    case RequestOutcome::no_pointer: return Refusal::no_correlation;
    case RequestOutcome::no_id: return Refusal::no_correlation_id;
    case RequestOutcome::id_in_use: return Refusal::correlation_id_in_use;
    case RequestOutcome::no_room: return Refusal::requests_limit;
    case RequestOutcome::answered:
    case RequestOutcome::unknown_outcome: break;
  }
  return Refusal::unknown_outcome;
}

}  // namespace

void AdminApi::request_of_device(Call call) {
  const auto timeout = query_duration(call.request.query, "timeout", timeouts);
  if (!timeout) return call.responder.refuse(Refusal::bad_request_timeout);
  const auto type = call.request.content_type ? message_type_of(*call.request.content_type) : std::nullopt;
  if (!type) return call.responder.refuse(Refusal::content_type);
  const ByteView body = bytes_of(call.request.body);
  if (*type == MessageType::text && !ws::valid_utf8(body)) return call.responder.refuse(Refusal::invalid_utf8);
  push_service_.request(call.device_id.view(), ws::MessageRef::encode(*type, body), *timeout,
                        [responder = call.responder](dispatch::RequestResult result) {
                          if (result.outcome != RequestOutcome::answered) return responder.refuse(refusal_of(result.outcome));
                          const bool is_text = result.reply->type == MessageType::text;
                          responder.answer({.content_type = is_text ? "text/plain; charset=utf-8" : "application/octet-stream",
                                            .body = std::move(result.reply->payload)});
                        });
}

}  // namespace ringgate::admin
