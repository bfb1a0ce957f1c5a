// Receiving: passes the bytes of the armed operation to the session and arms the next one. Part of Transport; input.h decides.
#include "base/assert.h"
#include "conn/transport.h"

namespace ringgate::conn {

using ring::Completion;
using ring::IoError;
using ring::OperationKind;

namespace {

/// Long enough for others to return memory, short enough to look like a pause of the network.
constexpr DurationNs moment = 20 * nanoseconds_per_millisecond;

OperationKind kind_of(Armed armed) {
  switch (armed) {
    case Armed::once: return OperationKind::receive_now;
    case Armed::readable: return OperationKind::readable;
    case Armed::hang_up: return OperationKind::hang_up;
    default: return OperationKind::receive;
  }
}

}  // namespace

/// Names the input operation that is in the kernel, or is about to be.
ring::Token Transport::input_token(const Connection& connection) const {
  return token(kind_of(connection.input.armed), connection);
}

/// Must be called after every change of what is armed or wanted.
void Transport::settle_input(Connection& connection) {
  const InputStep step = connection.input.step();
  if (step == InputStep::none) return;
  connection.input.took(step);
  begin_operation(connection);
  const std::uint32_t slot = table_.slot_of(connection);
  switch (step) {
    case InputStep::none: break;
    case InputStep::receive: ring_.receive(slot, input_token(connection)); break;
    case InputStep::wait_readable: ring_.wait_readable(slot, input_token(connection)); break;
    case InputStep::wait_hang_up: ring_.wait_hang_up(slot, input_token(connection)); break;
    case InputStep::cancel: ring_.cancel(input_token(connection), token(OperationKind::cancel, connection)); break;
  }
}

void Transport::end_input(Connection& connection) {
  connection.input.ended();
  end_operation(connection);
}

// -- Completions

/// The connection of an input completion; null if it is gone or terminating. Ends the operation with its last completion.
inline Connection* Transport::take_input(const Completion& completion) {
  Connection* const connection = table_.find(completion.token);
  if (connection == nullptr) {
    counters_.stale_completions.add(1);
    return nullptr;
  }
  if (!completion.more) end_input(*connection);
  return connection->state == State::terminating ? nullptr : connection;
}

inline void Transport::on_received(Connection& connection, MutableBytes bytes) {
  connection.bytes_in += bytes.size();
  counters_.wire_bytes_in.add(bytes.size());
  if (connection.state != State::open) {
    if (connection.state == State::arriving) on_header_received(connection, bytes);
    return;
  }
  if (has_tls(connection)) return on_sealed_received(connection, bytes);
  deliver(connection, bytes);
  if (bytes.size() < options_.bulk_bytes && connection.input.bulkiness == 0) return;
  if (connection.state == State::open) connection.input.weigh(bytes.size() >= options_.bulk_bytes);
}

void Transport::on_receive(const Completion& completion) {
  const MutableBytes bytes = completion.has_buffer ? ring_.received(completion) : MutableBytes{};
  Connection* const connection = take_input(completion);
  if (connection == nullptr) return;
  if (!bytes.empty()) on_received(*connection, bytes);
  else if (completion.error == IoError::none) return on_peer_finished(*connection);
  else on_input_failed(*connection, completion);
  if (!connection->input.receives_steadily()) settle_input(*connection);
}

void Transport::on_peer_finished(Connection& connection) {
  connection.input.note_peer_finished();
  if (connection.state == State::open && has_tls(connection)) on_sealed_end(connection);
  else if (connection.state == State::open) session_of(connection).on_end_of_stream(connection);
  else if (connection.state == State::lingering) terminate(connection, connection.end_cause, Farewell::fin);
  else if (connection.state == State::arriving) terminate(connection, EndCause::peer_closed, Farewell::fin);
}

void Transport::on_input_failed(Connection& connection, const Completion& completion) {
  switch (completion.error) {
    case IoError::cancelled: return;
    case IoError::no_buffers:
      if (connection.is_paused()) return;
      connection.input.armed = Armed::buffers;
      starved_.push_back(ref_of(connection));
      return;
    case IoError::again:
      if (completion.token.kind == OperationKind::receive_now) return;  // nothing to receive after all: poll again
      [[fallthrough]];
    case IoError::no_memory:
      connection.input.armed = Armed::moment;
      after_a_moment(connection);
      return;
    default: terminate(connection, EndCause::reset, Farewell::reset);
  }
}

void Transport::on_readable(const Completion& completion) {
  Connection* const connection = take_input(completion);
  if (connection == nullptr) return;
  if (completion.error != IoError::none && completion.error != IoError::cancelled) {
    connection->input.armed = Armed::moment;
    after_a_moment(*connection);
    return;
  }
  if (completion.error == IoError::none && connection->input.wanted == Wanted::in_turn) return list_bulk(*connection);
  const bool was_cold = connection->is_cold();
  was_warmed_ |= was_cold;
  warm(*connection);
  settle_input(*connection);
  if (was_cold) session_of(*connection).on_warm(*connection);
}

void Transport::on_hang_up(const Completion& completion) {
  Connection* const connection = take_input(completion);
  if (connection == nullptr) return;
  switch (completion.error) {
    case IoError::none:
      if (connection->is_paused())
        connection->input.note_hang_up(is_announced(*connection) &&
                                       session_of(*connection).on_peer_finished_while_paused(*connection));
      break;
    case IoError::cancelled: break;
    case IoError::connection_ended:
      if (connection->state == State::lingering) return terminate(*connection, connection->end_cause, Farewell::fin);
      return terminate(*connection, EndCause::reset, Farewell::reset);
    default:
      connection->input.armed = Armed::moment;
      after_a_moment(*connection);
      return;
  }
  settle_input(*connection);
}

// -- Waiting for buffers, or for memory

/// Arms receives again that ended because no buffer was free. No byte was lost.
void Transport::rearm_starved() {
  for (const SlotRef& ref : starved_) {
    Connection* const connection = find(ref);
    if (connection == nullptr) continue;
    if (connection->input.armed == Armed::buffers) connection->input.ended();
    settle_input(*connection);
  }
  starved_.clear();
}

/// Tries again what the connection could not do now. An attempt at once would only burn CPU time.
void Transport::after_a_moment(const Connection& connection) {
  if (moment_.empty()) moment_over_at_ = now_ + moment;
  moment_.push_back(ref_of(connection));
}

void Transport::go_on_after_a_moment() {
  if (moment_.empty() || now_ < moment_over_at_) return;
  moment_passed_.swap(moment_);
  for (const SlotRef& ref : moment_passed_) {
    Connection* const connection = find(ref);
    if (connection == nullptr) continue;
    if (connection->input.armed == Armed::moment) connection->input.ended();
    settle_input(*connection);
    if (connection->outbox_send == OutboxSend::delayed) {
      connection->outbox_send = OutboxSend::none;
      if (connection->state != State::terminating) send_outbox(*connection);
    }
  }
  moment_passed_.clear();
}

// -- Flow

void Transport::pause(Connection& connection) {
  if (connection.is_paused() || connection.state != State::open) return;
  warm(connection);
  connection.input.pause();
  settle_input(connection);
}

void Transport::resume(Connection& connection) {
  if (!connection.is_paused()) return;
  connection.input.resume();
  settle_input(connection);
  // The session may have put off the end that close_notify was. A FIN is found again, a close_notify is not.
  if (has_tls(connection) && codec_of(connection) != nullptr && codec_of(connection)->has_ended())
    ended_.push_back(ref_of(connection));
}

void Transport::cool(Connection& connection) {
  if (connection.state != State::open || !connection.input.cool()) return;
  counters_.connections_cold.add(1);
  settle_input(connection);
}

/// Makes a cold connection receive again.
void Transport::warm(Connection& connection) {
  if (!connection.is_cold()) return;
  counters_.connections_cold.subtract(1);
  connection.input.warm();
}

}  // namespace ringgate::conn
