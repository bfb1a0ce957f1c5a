// How device connections close: the closing handshake in both directions, failing a connection, and its end (RFC 6455 section 7).
// Part of DeviceSession; the transport ends TCP.
#include "ws/closing.h"
#include "dispatch/connection_access.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {
CloseCode sendable(CloseCode code) {
  return ws::close_code_allowed(static_cast<std::uint16_t>(code)) ? code : CloseCode::internal_error;
}
bool is_before_open(Phase phase) { return phase == Phase::upgrading || phase == Phase::queued || phase == Phase::authenticating; }
}  // namespace

/// Called once, when a connection leaves the open phase. Counts it, and keeps code and reason for the log and on_close: without memory
/// they learn only that the connection has ended.
void DeviceSession::note_close(conn::Connection& connection, CloseCode code, std::string_view reason, EndedBy ended_by) {
  counters_.closed_as[static_cast<std::size_t>(ended_by)][close_group_of(static_cast<std::uint16_t>(code))].add(1);
  (ended_by == EndedBy::device    ? counters_.closed_by_peer
   : ended_by == EndedBy::network ? counters_.vanished
                                  : counters_.closed_by_gate)
      .add(1);
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr) record.side = new (std::nothrow) DeviceSide;
  if (record.side == nullptr) return;
  record.side->close_code = code;
  record.side->ended_by = ended_by;
  try {
    record.side->close_reason = reason;
  } catch (const std::bad_alloc&) {
    record.side->close_reason.clear();
  }
}

bool DeviceSession::close(conn::Connection& connection, CloseCode code, std::string_view reason, EndedBy ended_by) {
  if (record_of(connection).phase != Phase::open || !connection.is_live()) return false;
  start_closing_handshake(connection, sendable(code), reason, ended_by);
  return true;
}

/// Sends our Close first. The peer has limits.close_timeout to answer.
void DeviceSession::start_closing_handshake(conn::Connection& connection, CloseCode code, std::string_view reason,
                                            EndedBy ended_by) {
  record_of(connection).phase = Phase::closing;
  leave_map(connection);
  note_close(connection, code, reason, ended_by);
  try {
    transport_.write(connection, ws::encode_close(code, reason).view());
  } catch (const std::bad_alloc&) {  // then the device sees a reset
    transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
    return;
  }
  transport_.schedule(connection, transport_.now() + settings_.config.limits.close_timeout_ns);
  connection.session_flags &= static_cast<std::uint8_t>(~DeviceFlags::paused);
  if (DeviceSide* const side = record_of(connection).side; side != nullptr && side->inflating != nullptr) {
    drop_inflating(*side);
    unfinished_.remove(side->unfinished);  // nothing else is unfinished: what follows is held
  }
  transport_.resume(connection);  // to read the peer's Close, after the input that was held back
  if (reading_ != &connection) read_held(connection);
}

/// Sends Close, then FIN, without waiting for the peer's Close.
void DeviceSession::fail_connection(conn::Connection& connection, CloseCode code, std::string_view reason) {
  DeviceRecord& record = record_of(connection);
  const bool close_sent = record.phase == Phase::closing;
  record.phase = Phase::closed;
  leave_map(connection);
  if (!close_sent) {
    note_close(connection, code, reason, EndedBy::gate);
    transport_.write(connection, ws::encode_close(code, reason).view());
  }
  transport_.flush_and_close(connection);
}

/// Answers the peer's Close with the same code, unless ours was sent first. Then the gate closes TCP (section 7.1.1).
void DeviceSession::answer_close(conn::Connection& connection, const ws::Event& event) {
  DeviceRecord& record = record_of(connection);
  const bool close_sent = record.phase == Phase::closing;
  record.phase = Phase::closed;
  leave_map(connection);
  if (!close_sent) {
    note_close(connection, event.close_code, event.reason(), EndedBy::device);
    transport_.write(connection, ws::encode_close(event.close_code, {}).view());
  }
  transport_.flush_and_close(connection);
}

void DeviceSession::on_end_of_stream(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (is_before_open(record.phase)) {
    transport_.terminate(connection, conn::EndCause::peer_closed, conn::Farewell::fin);
    return;
  }
  // Messages are still held back: they are read later, and then the FIN is found again.
  if (is_held(connection) && record.side != nullptr && (!record.side->held.empty() || record.side->inflating != nullptr)) return;
  if (record.phase == Phase::open) {
    note_close(connection, CloseCode::abnormal, "connection ended without a close frame", EndedBy::network);
    write_waiting_pongs(connection);
  }
  record.phase = Phase::closed;
  leave_map(connection);
  connection.end_cause = conn::EndCause::peer_closed;
  transport_.flush_and_close(connection);  // answers given before the FIN are still sent
}

/// True if only its handler or its rate pauses the device. Its bytes before the FIN, at most a socket's buffer full, are then held here, and
/// a device without such bytes ends at once. If its output pauses it, limits.send_timeout ends it. If it is put off, it is read
/// soon. A device that finishes before it was judged, or a handler has decided about it, is gone: what it sent is not kept any more.
bool DeviceSession::on_peer_finished_while_paused(conn::Connection& connection) {
  if (const Phase phase = record_of(connection).phase; phase == Phase::queued || phase == Phase::authenticating) {
    DeviceSide& side = *record_of(connection).side;
    side.has_left = true;
    drop_held(side);
    return true;
  }
  constexpr std::uint8_t held_long = DeviceFlags::paused_by_handler | DeviceFlags::paused_by_rate;
  const auto paused = static_cast<std::uint8_t>(connection.session_flags & DeviceFlags::paused);
  return paused != 0 && (paused & ~held_long) == 0;
}

bool DeviceSession::drain_slot(std::uint32_t slot, const std::function<std::string()>& reason) {
  conn::Connection& connection = transport_.table().at(slot);
  if (!connection.is_live() || !transport_.serves(connection, *this)) return false;
  switch (record_of(connection).phase) {
    case Phase::upgrading:
      note_refusal(connection, admission::Rejection::draining, admission::facts_of(admission::Rejection::draining),
                   partial_request(connection));
      record_of(connection).phase = Phase::closed;
      transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::fin);
      return true;
    case Phase::queued:
    case Phase::authenticating: refuse_undecided(connection, admission::Rejection::draining); return true;
    case Phase::open: close(connection, CloseCode::going_away, reason()); return true;
    case Phase::closing:
    case Phase::closed: break;
  }
  return false;
}

void DeviceSession::on_gone(conn::Connection& connection, conn::EndCause cause) {
  --connections_count_;
  DeviceRecord& record = record_of(connection);
  leave_map(connection);
  const bool was_accepted = !record.id.view().empty();
  if (was_accepted) {
    if (record.phase == Phase::open) {
      const bool by_gate = cause == conn::EndCause::aborted;
      note_close(connection, CloseCode::abnormal, cause == conn::EndCause::reset ? "connection reset" : "connection ended",
                 by_gate ? EndedBy::gate : EndedBy::network);
    }
    record.phase = Phase::closed;
    counters_.devices_connected.subtract(1);
    counters_.ended_by_route[record.route_index].add(1);
    tell_disconnect(connection);
    ConnectionAccess access(*this, connection, nullptr);
    call_handler(connection, access, [&](Handler& handler, Connection& facade) {
      const DeviceSide* const side = record.side;
      handler.on_close(facade, side == nullptr ? CloseCode::abnormal : side->close_code,
                       side == nullptr ? std::string_view{} : side->close_reason);
    });
  }
  if (is_before_open(record.phase)) counters_.handshakes_abandoned.add(1);
  take_awaiting(record);
  unreserve_connection(connection);
  if (paces_.any()) paces_.drop(transport_.table().slot_of(connection));
  take_partial_head(record);
  if (record.side != nullptr) {
    unfinished_.remove(record.side->unfinished);
    reader_.abandon(record.side->partial);
    drop_inflating(*record.side);
    drop_held(*record.side);
  }
  delete record.side;
  record.side = nullptr;
  record.id.clear();
  if (!credentials_.empty()) credentials_.drop(transport_.table().slot_of(connection));
  if (awaited_.any()) end_waits(connection);
  if (!groups_.empty()) {
    groups_.leave_all(transport_.table().slot_of(connection));
    note_memberships();
  }
}

}  // namespace ringgate::dispatch
