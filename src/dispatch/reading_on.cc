// Input that is not read at once: after a handler's pause, beyond a device's rate, after more replies than one turn should make, or after a message that
// takes several turns to inflate. The input is held, the device is not received from, and reading continues later. Part of
// DeviceSession. Invariant: all held input counts in the shard's part of limits.held_memory.
#include "dispatch/device_session.h"

#include <utility>

namespace ringgate::dispatch {

/// True if too much output for one device waits. The frames of one receive may ask for a thousand times as many bytes of replies.
bool DeviceSession::replies_abound(conn::Connection& connection) const {
  return transport_.queued_bytes(connection) > limits_of(record_of(connection)).send_queue_bytes_max;
}

/// Lets a later turn continue reading.
void DeviceSession::put_off(conn::Connection& connection) {
  if ((connection.session_flags & DeviceFlags::put_off) != 0) return;
  pause(connection, DeviceFlags::put_off);
  list_put_off(connection);
}

void DeviceSession::list_put_off(conn::Connection& connection) {
  DeviceSide& side = side_of(connection);
  if (std::exchange(side.put_off_listed, true)) return;
  put_off_.push_back({transport_.table().slot_of(connection), connection.generation});
}

// -- Held input

/// Keeps `bytes` until the device is read again. If memory is used up, fails the connection.
void DeviceSession::hold(conn::Connection& connection, MutableBytes bytes) {
  if (bytes.empty()) return;
  DeviceSide& side = side_of(connection);
  if (held_in_reading_ != nullptr && held_in_reading_->keep(bytes)) side.held = std::exchange(*held_in_reading_, {});
  else side.held.append(bytes);
  count_held(side);
  if (!held_budget_.is_over()) return;
  drop_held(side);
  counters_.held_given_up.add(1);
  fail_connection(connection, CloseCode::try_again_later, "no memory for waiting messages");
}

void DeviceSession::count_held(DeviceSide& side) {
  held_budget_.subtract(side.held_counted_bytes);
  side.held_counted_bytes = side.held.memory_bytes();
  held_budget_.add(side.held_counted_bytes);
}

void DeviceSession::drop_held(DeviceSide& side) {
  side.held.clear();
  count_held(side);
}

/// Reads the held input. Replies may be written into its memory, which is therefore kept until the turn's sends are done.
void DeviceSession::read_held(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (!connection.is_live() || record.phase == Phase::closed) return;  // its handler has had on_close, or will have it next
  DeviceSide* const side = record.side;
  if (side == nullptr || side->held.empty()) return;
  HeldInput held = std::exchange(side->held, {});
  count_held(*side);
  retiring_held_.push_back(held.memory());
  HeldInput* const before = std::exchange(held_in_reading_, &held);
  read_frames(connection, held.bytes());
  held_in_reading_ = before;
}

// -- Continuing

/// Called when `cause` no longer holds the device back.
void DeviceSession::go_on_reading(conn::Connection& connection, std::uint8_t cause) {
  connection.session_flags &= static_cast<std::uint8_t>(~cause);
  if ((connection.session_flags & DeviceFlags::put_off) != 0) list_put_off(connection);
  if (is_held(connection)) return;
  if (reading_ != &connection) read_held(connection);
  if ((connection.session_flags & DeviceFlags::paused) != 0 || record_of(connection).phase == Phase::closed) return;
  const bool had_held = cause != DeviceFlags::paused_by_output;
  if (had_held && held_budget_.used_bytes() > held_budget_.bytes_max() / 2) {
    if (std::exchange(side_of(connection).waits_for_budget, true)) return;
    counters_.held_pauses.add(1);
    budget_waits_.push_back({transport_.table().slot_of(connection), connection.generation});
    return;
  }
  restart_unfinished(connection);
  transport_.resume(connection);
}

/// Receives again from devices whose messages waited, once less input is held.
void DeviceSession::read_on_for_budget() {
  while (!budget_waits_.empty() && held_budget_.used_bytes() <= held_budget_.bytes_max() / 2) {
    const SlotRef ref = budget_waits_.front();
    budget_waits_.pop_front();
    conn::Connection* const connection = transport_.table().find(ref.slot, ref.generation);
    if (connection == nullptr || record_of(*connection).side == nullptr) continue;
    record_of(*connection).side->waits_for_budget = false;
    if ((connection->session_flags & DeviceFlags::paused) != 0 || !connection->is_live()) continue;
    restart_unfinished(*connection);
    transport_.resume(*connection);
    drop_side_if_idle(record_of(*connection));
  }
}

void DeviceSession::read_on() {
  compression_.begin_late_part();
  for (; put_off_due_ > 0; --put_off_due_) {
    const SlotRef ref = put_off_.front();
    put_off_.pop_front();
    conn::Connection* const connection = transport_.table().find(ref.slot, ref.generation);
    if (connection == nullptr || record_of(*connection).side == nullptr) continue;
    record_of(*connection).side->put_off_listed = false;
    if (connection->is_live() && (connection->session_flags & DeviceFlags::put_off) != 0) read_on(*connection);
  }
  read_on_for_budget();
  if (!sink_waits_.empty()) read_on_for_sinks();
  if (verifying_spent_ != 0 || !queued_.empty()) judge_queued();
  if (drained_due_ > 0) tell_drained_of_earlier_turns();
}

/// Lists the devices again whose sinks have room.
void DeviceSession::read_on_for_sinks() {
  for (std::size_t left = sink_waits_.size(); left > 0; --left) {
    const SlotRef ref = sink_waits_.front();
    sink_waits_.pop_front();
    conn::Connection* const connection = transport_.table().find(ref.slot, ref.generation);
    if (connection == nullptr || record_of(*connection).side == nullptr) continue;
    if (connection->is_live() && must_wait_for_sinks(limits_of(record_of(*connection)))) {
      sink_waits_.push_back(ref);
      continue;
    }
    record_of(*connection).side->waits_for_sinks = false;
    if (connection->is_live() && (connection->session_flags & DeviceFlags::put_off) != 0) list_put_off(*connection);
  }
}

/// A device that its handler, its rate or its output pauses is not read now. The end of that pause lists it again.
void DeviceSession::read_on(conn::Connection& connection) {
  constexpr std::uint8_t held_long = DeviceFlags::paused_by_handler | DeviceFlags::paused_by_rate;
  if ((connection.session_flags & held_long) != 0) return;
  if (must_wait_for_sinks(limits_of(record_of(connection)))) {
    if (!std::exchange(side_of(connection).waits_for_sinks, true))
      sink_waits_.push_back({transport_.table().slot_of(connection), connection.generation});
    return;
  }
  if (connection.output_waits() && replies_abound(connection)) return pause(connection, DeviceFlags::paused_by_output);
  DeviceSide& side = *record_of(connection).side;
  if (side.inflating != nullptr && !go_on_inflating(connection)) return list_put_off(connection);
  if (connection.is_live() && (connection.session_flags & DeviceFlags::put_off) != 0)
    go_on_reading(connection, DeviceFlags::put_off);
}

bool DeviceSession::wants_turn() const {
  if (denials_are_due()) return true;
  return !put_off_.empty() || !drained_.empty() || !finished_waits_.empty() || !queued_.empty() ||
         (!budget_waits_.empty() && held_budget_.used_bytes() <= held_budget_.bytes_max() / 2);
}

// -- Messages that take several turns to inflate

ws::Violation DeviceSession::inflate(conn::Connection& connection, ws::Event& event) {
  side_of(connection);  // for the account
  std::unique_ptr<InflatingMessage> rest;
  const ws::Violation violation = compression_.inflate(event, reader_, account_of(record_of(connection)), rest);
  return rest == nullptr ? violation : keep_inflating(connection, std::move(rest));
}

/// Keeps the message for later turns. Copies it if it lies in the receive buffer.
ws::Violation DeviceSession::keep_inflating(conn::Connection& connection, std::unique_ptr<InflatingMessage> message) {
  DeviceSide& side = side_of(connection);
  ws::Event& event = message->event;
  if (event.assembled == nullptr) {
    const MutableBytes copy = reader_.pool().extend(event.assembled, event.payload.size(), event.payload.size());
    if (copy.data() == nullptr && !event.payload.empty()) {
      compression_.forget(*message);
      return ws::Violation::memory_exhausted;
    }
    std::ranges::copy(event.payload, copy.begin());
    event.payload = copy;
  }
  side.inflating = std::move(message);
  counters_.messages_inflating.add(1);
  put_off(connection);
  return ws::Violation::none;
}

/// True if the message is finished: its handler was called, or the connection has failed.
bool DeviceSession::go_on_inflating(conn::Connection& connection) {
  DeviceSide& side = side_of(connection);
  const auto finished = compression_.go_on(*side.inflating, reader_, account_of(record_of(connection)));
  if (finished && !*finished) {
    give_up_oldest_messages();
    return false;
  }
  ws::Event event = side.inflating->event;
  side.inflating->event.assembled = nullptr;
  drop_inflating(side);
  unfinished_.remove(side.unfinished);
  if (finished) handle_message(connection, event);
  else fail_for(connection, finished.error(), event);
  return true;
}

void DeviceSession::drop_inflating(DeviceSide& side) {
  if (side.inflating == nullptr) return;
  compression_.forget(*side.inflating);
  reader_.recycle(side.inflating->event.assembled);
  side.inflating = nullptr;
  counters_.messages_inflating.subtract(1);
}

}  // namespace ringgate::dispatch
