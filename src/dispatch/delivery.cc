// Delivers pushes to connections of this shard, and describes these. Part of DeviceSession; the push service finds the owner.
#include <utility>

#include "dispatch/connection_access.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

conn::Connection* DeviceSession::find(device::ConnectionRef ref) {
  if (ref.shard != shard_index_) return nullptr;
  conn::Connection* connection = transport_.table().find(ref.slot, ref.generation);
  return connection != nullptr && transport_.serves(*connection, *this) ? connection : nullptr;
}

conn::Connection* DeviceSession::find(device::ConnectionRef ref, device::IdKey key) {
  conn::Connection* connection = find(ref);
  return connection != nullptr && gate_.hash(record_of(*connection).id.view()) == key ? connection : nullptr;
}

conn::Connection* DeviceSession::find(device::ConnectionRef ref, std::string_view device_id) {
  conn::Connection* connection = find(ref);
  return connection != nullptr && record_of(*connection).id.view() == device_id ? connection : nullptr;
}

bool DeviceSession::is_open_device(std::uint32_t slot) {
  conn::Connection& connection = transport_.table().at(slot);
  return connection.is_live() && transport_.serves(connection, *this) && record_of(connection).phase == Phase::open;
}

/// Why a message is not for this connection, whatever it waits for.
inline std::optional<PushOutcome> DeviceSession::refusal_of(const conn::Connection& connection,
                                                            const ws::MessageRef& message) const {
  if (message->payload().size() > settings_.config.limits.push_bytes_max) return PushOutcome::too_large;
  if (record_of(connection).phase != Phase::open || !connection.is_live()) return PushOutcome::closing;
  return std::nullopt;
}

/// Accepts the message if no output of earlier turns waits, or if the waiting output stays within limits.send_queue with it.
DeliveryResult DeviceSession::deliver(conn::Connection& connection, const ws::MessageRef& message, Audience audience) {
  const std::size_t waiting = transport_.queued_bytes(connection);
  if (const auto refusal = refusal_of(connection, message)) return {*refusal, waiting};
  if ((connection.output_waits() || record_of(connection).side != nullptr) && must_queue(connection)) [[unlikely]] {
    QueuedPush push{.message = message, .audience = audience, .coalesce_key = {}, .wait = {}};
    return queue_push(connection, push);
  }
  // If nothing waits, the device keeps up. Then only the output of this turn counts, without the message.
  const std::size_t counted = connection.output_waits() ? waiting + message->frame().size() : waiting;
  const std::uint64_t queue_bytes_max = limits_of(record_of(connection)).send_queue_bytes_max;
  if (counted > queue_bytes_max) {
    tell_slow(connection, Slowness::refused);
    return {PushOutcome::backpressure, waiting};
  }
  const std::size_t written = write_message(connection, message, audience);
  count_message_out(connection, message->type(), message->payload().size());
  if (counted > queue_bytes_max / 2) tell_slow(connection, Slowness::half_full);
  return {PushOutcome::delivered, waiting + written};
}

/// A message with an id that is known is not sent again. False: the push has had its report, or will have it.
bool DeviceSession::claim_id(const conn::Connection& connection, const PushOrder& order, PushTeller& teller) {
  device::IdKey device = gate_.hash(record_of(connection).id.view());
  if (order.is_part) device.check ^= to_public(ref_of(connection)).word;  // each connection has its own window
  const KnownIds::Push push{
      .device = device, .id = order.id, .body = order.body, .patience = order.waits() ? order.timeout : DurationNs{0}};
  const DurationNs window = settings_.config.limits.idempotency_window_ns;
  switch (known_ids_.claim(push, window, transport_.now(), teller.on_report)) {
    case KnownIds::Claim::repeat: counters_.pushes_repeated.add(1); break;
    case KnownIds::Claim::conflict: teller.on_report({.outcome = PushOutcome::id_conflict, .receipt = {}}); break;
    case KnownIds::Claim::full: teller.on_report({.outcome = PushOutcome::backpressure, .receipt = {}}); break;
    case KnownIds::Claim::fresh:
      teller.device = device;
      teller.claim = known_ids_.last_claim();
      return true;
  }
  return false;
}

/// Waits as a message if others do, or if it can be withdrawn and cannot leave at once. Else it is written.
void DeviceSession::deliver(conn::Connection& connection, PushOrder order, ReportCallback on_report) {
  PushTeller teller{.on_report = std::move(on_report), .device = {}};
  const auto report = [&](const DeliveryResult& result) {
    PushReport told{.outcome = result.outcome, .queued_bytes = result.queued_bytes, .receipt = {}};
    if (result.outcome == PushOutcome::delivered)
      told.receipt = {.reached = PushLevel::queued, .queued_at_ms = ring_.wall_clock_ms()};
    tell(teller, told);
  };
  const std::uint64_t waiting = transport_.queued_bytes(connection);
  if (const auto refusal = refusal_of(connection, order.message)) return report({*refusal, waiting});
  if (order.has_id() && settings_.config.limits.idempotency_window_ns != 0 && !claim_id(connection, order, teller)) return;
  if (order.wait == PushLevel::acked && !transport_.tells_acked(connection))
    return report({PushOutcome::level_unsupported, waiting});
  if (order.waits() && !can_wait(connection)) return report({PushOutcome::backpressure, waiting});
  PushWaits wait;
  if (order.waits() && !make_wait(connection, order, wait)) return report({PushOutcome::backpressure, waiting});
  const bool can_be_withdrawn = order.ttl != PushOptions::no_ttl || order.has_coalesce_key();
  if (!must_queue(connection) && !(can_be_withdrawn && connection.output_waits())) {
    const DeliveryResult result = deliver(connection, order.message, Audience::one);
    if (result.outcome != PushOutcome::delivered) drop_pushes_if_done(connection);
    if (result.outcome != PushOutcome::delivered || !order.waits()) return report(result);
    wait.front().report.queued_bytes = result.queued_bytes;
    wait.front().teller = std::move(teller);
    note_taken(wait.front());
    return await(connection, wait);
  }
  if (order.ttl == 0) {
    drop_pushes_if_done(connection);
    return report({PushOutcome::expired, waiting});
  }
  QueuedPush push{.message = order.message, .coalesce_key = order.coalesce_key, .wait = std::move(wait)};
  if (order.ttl != PushOptions::no_ttl) push.expires_at = transport_.now() + order.ttl;
  if (order.waits()) push.wait.front().teller = std::move(teller);
  const DeliveryResult result = queue_push(connection, push);
  if (order.waits() && result.outcome == PushOutcome::delivered) return;
  if (order.waits()) teller = std::move(push.wait.front().teller);
  report(result);
}

/// Returns the bytes of the frame. A message to many is compressed once for all of them. A message to one device is compressed
/// with its context, if it has one.
std::size_t DeviceSession::write_message(conn::Connection& connection, const ws::MessageRef& message, Audience audience) {
  if ((connection.session_flags & DeviceFlags::compresses) != 0) {
    DeviceRecord& record = record_of(connection);
    DeflateState* const state = deflate_of(record);
    if (audience == Audience::one && state != nullptr && state->agreement.server_context_takeover) {
      const ByteView frame = compressed_frame(connection, message->type(), message->payload());
      if (!frame.empty()) {
        transport_.write(connection, frame);
        return frame.size();
      }
    } else if (const ws::MessageRef form = compression_.compressed_form(*message, state, deflate_config(record))) {
      transport_.write(connection, form);
      return form->frame().size();
    }
  }
  transport_.write(connection, message);
  return message->frame().size();
}

/// The message as one compressed frame, valid until the next call; empty if it must be sent uncompressed.
ByteView DeviceSession::compressed_frame(conn::Connection& connection, MessageType type, ByteView payload) {
  if ((connection.session_flags & DeviceFlags::compresses) == 0) return {};
  DeviceRecord& record = record_of(connection);
  return compression_.compress(type, payload, deflate_of(record), deflate_config(record));
}

DeviceInfo DeviceSession::describe(conn::Connection& connection) {
  const DeviceRecord& record = record_of(connection);
  const std::int64_t wall_ms = ring_.wall_clock_ms();
  const auto seconds_ago = [&](std::int64_t ms) { return (wall_ms - ms) / 1000; };
  return {.device_id = std::string(record.id.view()),
          .connection = to_public(ref_of(connection)),
          .shard = shard_index_,
          .remote = connection.peer.text(),
          .path = settings_.mounts[record.route_index].path,
          .groups = groups_of(connection),
          .since_seconds = seconds_ago(static_cast<std::int64_t>(transport_.now_ms() - connection.opened_ms)),
          .last_seen_seconds = seconds_ago(now_ms() - record.received_at),
          .rtt_ms = record.rtt_ms,
          .queued_bytes = transport_.queued_bytes(connection) + (has_queue(connection) ? record.side->pushes->queue_bytes : 0)};
}

std::uint64_t DeviceSession::value_of(const conn::Connection& connection, RankBy rank_by) const {
  return rank_by == RankBy::rtt ? record_of(connection).rtt_ms : transport_.queued_bytes(connection);
}

/// Not for a connection that was never accepted: its handler has not seen it.
void DeviceSession::with_connection(conn::Connection& connection, std::move_only_function<void(Connection&)>& task) {
  if (record_of(connection).id.view().empty()) return;
  ConnectionAccess access(*this, connection, nullptr);
  call_handler(connection, access, [&](Handler&, Connection& facade) { task(facade); });
}

}  // namespace ringgate::dispatch
