// Messages that a device answers: which id ties the answer to the message, who awaits it, and until when. Part of DeviceSession.
//
// Only messages of connections for which a caller waits are looked into. A reply goes its way besides: to the handler and to the sinks of
// its route, as every message does.
#include "dispatch/device_session.h"

namespace ringgate::dispatch {
namespace {

RequestOutcome outcome_of(PushOutcome refusal) {
  switch (refusal) {
    case PushOutcome::backpressure: return RequestOutcome::backpressure;
    case PushOutcome::too_large: return RequestOutcome::too_large;
    case PushOutcome::unknown_device: return RequestOutcome::unknown_device;
    default: return RequestOutcome::closing;
  }
}

}  // namespace

void DeviceSession::request(conn::Connection& connection, const DeviceRequest& request, RequestCallback on_result) {
  const DeviceRecord& record = record_of(connection);
  if (record.phase != Phase::open || !connection.is_live()) return on_result({RequestOutcome::closing, nullptr});
  const auto& pointer = settings_.correlations[record.route_index];
  if (!pointer) return on_result({RequestOutcome::no_pointer, nullptr});
  const auto id = pointer->find(text_of(request.message->payload()));
  if (!id) return on_result({RequestOutcome::no_id, nullptr});
  const std::uint32_t slot = transport_.table().slot_of(connection);
  switch (awaited_.add(slot, *id, transport_.now() + request.timeout, on_result)) {
    case AwaitedReplies::Added::added: break;
    case AwaitedReplies::Added::id_in_use: return on_result({RequestOutcome::id_in_use, nullptr});
    case AwaitedReplies::Added::no_room: return on_result({RequestOutcome::no_room, nullptr});
  }
  const DeliveryResult sent = deliver(connection, request.message, Audience::one);
  if (sent.outcome == PushOutcome::delivered) return;
  if (auto waiter = awaited_.take(slot, *id)) (*waiter)({outcome_of(sent.outcome), nullptr});
}

void DeviceSession::note_reply(const conn::Connection& connection, MessageType type, ByteView payload) {
  const std::uint32_t slot = transport_.table().slot_of(connection);
  const auto& pointer = settings_.correlations[record_of(connection).route_index];
  if (!pointer || !awaited_.any(slot)) return;
  const auto id = pointer->find(text_of(payload));
  if (!id) return;
  if (auto waiter = awaited_.take(slot, *id))
    (*waiter)({RequestOutcome::answered, std::make_unique<DeviceReply>(DeviceReply{type, std::string(text_of(payload))})});
}

void DeviceSession::give_up_some_replies() {
  while (auto waiter = awaited_.take_expired(transport_.now())) (*waiter)({RequestOutcome::timed_out, nullptr});
}

void DeviceSession::end_waits(const conn::Connection& connection) {
  while (auto waiter = awaited_.take_any(transport_.table().slot_of(connection))) (*waiter)({RequestOutcome::ended, nullptr});
}

}  // namespace ringgate::dispatch
