// POST /v1/devices/{id}/messages and POST /v1/broadcast.
#include <expected>

#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "admin/json.h"
#include "ws/prepared_message.h"
#include "ws/utf8.h"

namespace ringgate::admin {
namespace {

/// The message that a request's body is, encoded once.
std::expected<ws::MessageRef, Refusal> message_of(const Request& request) {
  const auto type = request.content_type ? message_type_of(*request.content_type) : std::nullopt;
  if (!type) return std::unexpected{Refusal::content_type};
  const ByteView payload = bytes_of(request.body);
  if (*type == MessageType::text && !ws::valid_utf8(payload)) return std::unexpected{Refusal::invalid_utf8};
  ws::MessageRef message = ws::MessageRef::encode(*type, payload);
  if (!message) return std::unexpected{Refusal::backpressure};  // out of memory: worth another try
  return message;
}

Answer answer_of(std::string_view device_id, const PushResult& result) {
  switch (result.outcome) {
    case PushOutcome::delivered:
      return Answer::json(delivered_json(device_id, result));
    case PushOutcome::unknown_device:
      return Answer::refuse(Refusal::unknown_device);
    case PushOutcome::backpressure:
      return Answer::refuse(Refusal::backpressure);
    case PushOutcome::too_large:
      return Answer::refuse(Refusal::too_large);
    case PushOutcome::closing:
      return Answer::refuse(Refusal::closing);
  }
  return Answer::refuse(Refusal::unknown_device);
}

}  // namespace

void AdminApi::push_message(Call call) {
  auto message = message_of(call.request);
  if (!message) return call.responder.refuse(message.error());
  push_service_.push(call.device_id.view(), std::move(*message),
                     [responder = call.responder, id = std::string(call.device_id.view())](
                         const PushResult& result) { responder.answer(answer_of(id, result)); });
}

void AdminApi::broadcast_message(Call call) {
  auto message = message_of(call.request);
  if (!message) return call.responder.refuse(message.error());
  push_service_.broadcast(std::move(*message), [responder = call.responder](const BroadcastResult& result) {
    responder.answer(Answer::json(broadcast_json(result)));
  });
}

}  // namespace ringgate::admin
