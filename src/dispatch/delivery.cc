// Delivers pushes to connections of this shard, and describes these. Part of DeviceSession; the push service finds the owner.
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

bool DeviceSession::is_open_device(std::uint32_t slot) {
  conn::Connection& connection = transport_.table().at(slot);
  return connection.is_live() && transport_.serves(connection, *this) && record_of(connection).phase == Phase::open;
}

/// Accepts the message if no output of earlier turns waits, or if the waiting output stays within limits.send_queue with it.
DeliveryResult DeviceSession::deliver(conn::Connection& connection, const ws::MessageRef& message, Audience audience) {
  const std::size_t waiting = transport_.queued_bytes(connection);
  const LimitsConfig& limits = settings_.config.limits;
  const std::size_t payload_bytes = message->payload().size();
  if (payload_bytes > limits.push_bytes_max) return {PushOutcome::too_large, waiting};
  if (record_of(connection).phase != Phase::open || !connection.is_live()) return {PushOutcome::closing, waiting};
  // If nothing waits, the device keeps up. Then only the output of this turn counts, without the message.
  const std::size_t counted = connection.output_waits() ? waiting + message->frame().size() : waiting;
  const std::uint64_t queue_bytes_max = limits_of(record_of(connection)).send_queue_bytes_max;
  if (counted > queue_bytes_max) {
    tell_slow(connection, Slowness::refused);
    return {PushOutcome::backpressure, waiting};
  }
  const std::size_t written = write_message(connection, message, audience);
  count_message_out(connection, message->type(), payload_bytes);
  if (counted > queue_bytes_max / 2) tell_slow(connection, Slowness::half_full);
  return {PushOutcome::delivered, waiting + written};
}

void DeviceSession::deliver(conn::Connection& connection, PushOrder order, ReportCallback on_report) {
  if (order.waits()) return on_report({.outcome = PushOutcome::level_unsupported, .receipt = {}});
  const DeliveryResult result = deliver(connection, order.message, Audience::one);
  PushReport report{.outcome = result.outcome, .queued_bytes = result.queued_bytes, .receipt = {}};
  if (result.outcome == PushOutcome::delivered && order.wait == PushLevel::queued)
    report.receipt = {.reached = PushLevel::queued, .queued_at_ms = ring_.wall_clock_ms()};
  on_report(report);
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
  const std::int64_t wall = ring_.wall_clock_seconds();
  const std::uint64_t lived_ms = transport_.now_ms() - connection.opened_ms;
  return {.device_id = std::string(record.id.view()),
          .connection = to_public(ref_of(connection)),
          .shard = shard_index_,
          .remote = connection.peer.text(),
          .path = settings_.mounts[record.route_index].path,
          .groups = groups_of(connection),
          .since_seconds = wall - static_cast<std::int64_t>(lived_ms / 1000),
          .last_seen_seconds = wall - static_cast<std::int64_t>((now_ms() - record.received_at) / 1000),
          .rtt_ms = record.rtt_ms,
          .queued_bytes = transport_.queued_bytes(connection)};
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
