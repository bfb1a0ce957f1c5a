// POST /v1/devices/{id}/messages and POST /v1/broadcast.
#include <optional>

#include "admin/admin_api.h"
#include "admin/content_type.h"
#include "admin/device_selection.h"
#include "admin/json.h"
#include "admin/message_options.h"
#include "admin/sweep_answer.h"
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

/// Of a push that was taken and then did not come as far as somebody waited for: with all that is known.
Answer refuse_with(Refusal refusal, std::string_view device_id, const PushResult& result) {
  const RefusalFacts& facts = facts_of(refusal);
  return {.status = facts.status,
          .content_type = "application/problem+json",
          .body = undelivered_json(facts, device_id, result),
          .extra_fields = facts.extra_fields,
          .refusal = std::nullopt};
}

Answer answer_of(std::string_view device_id, const PushResult& result) {
  switch (result.outcome) {
    case PushOutcome::delivered: return Answer::json(delivered_json(device_id, result));
    case PushOutcome::unknown_device: return Answer::refuse(Refusal::unknown_device);
    case PushOutcome::backpressure: return Answer::refuse(Refusal::backpressure);
    case PushOutcome::too_large: return Answer::refuse(Refusal::too_large);
    case PushOutcome::closing: return Answer::refuse(Refusal::closing);
    case PushOutcome::invalid_utf8: return Answer::refuse(Refusal::invalid_utf8);
    case PushOutcome::other_connection: return Answer::refuse(Refusal::other_connection);
    case PushOutcome::level_unsupported: return Answer::refuse(Refusal::receipt_unsupported);
    case PushOutcome::id_conflict: return Answer::refuse(Refusal::id_conflict);
    case PushOutcome::expired: return refuse_with(Refusal::expired, device_id, result);
    case PushOutcome::coalesced: return refuse_with(Refusal::coalesced, device_id, result);
    case PushOutcome::dropped: return refuse_with(Refusal::dropped, device_id, result);
    case PushOutcome::timed_out: return refuse_with(Refusal::wait_timeout, device_id, result);
    case PushOutcome::connection_ended: return refuse_with(Refusal::connection_ended, device_id, result);
    case PushOutcome::unknown_outcome: break;
  }
  return Answer::refuse(Refusal::unknown_outcome);
}

Answer answer_of(const BroadcastResult& result) {
  return result.outcome == BroadcastOutcome::completed ? Answer::json(broadcast_json(result)) : refusal_of(result);
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
  ws::MessageRef message = ws::MessageRef::encode(*type, bytes_of(call.request.body));
  if (!may_have_message_options(call.request)) [[likely]]
    return push_service_.push(id, std::move(message), std::move(on_result));
  const auto options = read_message_options(call.request);
  if (!options) return call.responder.refuse(options.error());
  push_service_.push(id, std::move(message), *options, std::move(on_result));
}

void AdminApi::broadcast_message(Call call) {
  const auto parameters = Parameters::read_query(call.request.query, filter_parameters);
  if (!parameters) return call.responder.refuse(Refusal::bad_filter);
  const auto filter = filter_of(*parameters);
  if (!filter) return call.responder.refuse(filter.error());
  send_to_all(call, selection_of(*filter, call.caller));
}

void AdminApi::send_to_all(Call& call, dispatch::Selection selection) {
  const auto type = type_of(call.request);
  if (!type) return call.responder.refuse(Refusal::content_type);
  auto on_result = [responder = call.responder](const BroadcastResult& result) { responder.answer(answer_of(result)); };
  if (is_invalid(*type, call.request))
    return push_service_.refuse_broadcast(BroadcastOutcome::invalid_utf8, std::move(on_result));
  push_service_.broadcast(ws::MessageRef::encode(*type, bytes_of(call.request.body)), std::move(selection), std::move(on_result));
}

}  // namespace ringgate::admin
