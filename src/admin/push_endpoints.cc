// POST /v1/devices/{id}/messages and POST /v1/broadcast.
#include <optional>

#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "admin/json.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

/// The message type of a request's body; nullopt if its Content-Type names none.
std::optional<MessageType> type_of(const Request& request) {
  return request.content_type ? message_type_of(*request.content_type) : std::nullopt;
}

bool is_invalid(MessageType type, const Request& request) {
  return type == MessageType::text && !ws::valid_utf8(bytes_of(request.body));
}

Answer answer_of(std::string_view device_id, const PushResult& result) {
  switch (result.outcome) {
    case PushOutcome::delivered: return Answer::json(delivered_json(device_id, result));
    case PushOutcome::unknown_device: return Answer::refuse(Refusal::unknown_device);
    case PushOutcome::backpressure: return Answer::refuse(Refusal::backpressure);
    case PushOutcome::too_large: return Answer::refuse(Refusal::too_large);
    case PushOutcome::closing: return Answer::refuse(Refusal::closing);
    case PushOutcome::invalid_utf8: return Answer::refuse(Refusal::invalid_utf8);
    case PushOutcome::unknown_outcome: break;
  }
  return Answer::refuse(Refusal::unknown_outcome);
}

Answer answer_of(const BroadcastResult& result) {
  switch (result.outcome) {
    case BroadcastOutcome::completed: return Answer::json(broadcast_json(result));
    case BroadcastOutcome::backpressure: return Answer::refuse(Refusal::unavailable);
    case BroadcastOutcome::too_large: return Answer::refuse(Refusal::too_large);
    case BroadcastOutcome::closing: return Answer::refuse(Refusal::stopping);
    case BroadcastOutcome::invalid_utf8: return Answer::refuse(Refusal::invalid_utf8);
    case BroadcastOutcome::unknown_outcome: break;
  }
  return Answer::refuse(Refusal::unknown_outcome);
}

}  // namespace

void AdminApi::push_message(Call call) {
  const auto type = type_of(call.request);
  if (!type) return call.responder.refuse(Refusal::content_type);
  const std::string_view id = call.device_id.view();
  auto on_result = [responder = call.responder, id = std::string(id)](const PushResult& result) {
    responder.answer(answer_of(id, result));
  };
  if (is_invalid(*type, call.request)) return push_service_.refuse_push(PushOutcome::invalid_utf8, std::move(on_result));
  push_service_.push(id, ws::MessageRef::encode(*type, bytes_of(call.request.body)), std::move(on_result));
}

void AdminApi::broadcast_message(Call call) {
  const auto type = type_of(call.request);
  if (!type) return call.responder.refuse(Refusal::content_type);
  auto on_result = [responder = call.responder](const BroadcastResult& result) { responder.answer(answer_of(result)); };
  if (is_invalid(*type, call.request))
    return push_service_.refuse_broadcast(BroadcastOutcome::invalid_utf8, std::move(on_result));
  push_service_.broadcast(ws::MessageRef::encode(*type, bytes_of(call.request.body)), std::move(on_result));
}

}  // namespace ringgate::admin
