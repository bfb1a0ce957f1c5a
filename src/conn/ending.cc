// How connections end: flush, FIN, linger; or at once. Part of Transport. Invariant: a slot is released only when the kernel has
// no operation of it.
#include "base/assert.h"
#include "conn/transport.h"

namespace ringgate::conn {

using ring::OperationKind;

namespace {
/// A cancel may miss a running operation, or fail for lack of memory. It is repeated after this time until nothing is in flight.
constexpr DurationNs cancel_patience = nanoseconds_per_second;
}  // namespace

void Transport::flush_and_close(Connection& connection) {
  if (connection.state != State::open) return;
  connection.state = State::flushing;
  schedule(connection, now_ + options_.close_timeout);
  warm(connection);
  connection.input.receive_to_end();
  settle_input(connection);
  continue_closing(connection);
}

/// Sends FIN once the kernel has all output. Until then every send completes, and its completion calls this again.
void Transport::continue_closing(Connection& connection) {
  if (connection.output_waits() || connection.output_index != 0) return;
  if (has_tls(connection) && send_close_notify(connection)) return;
  if (connection.input.peer_finished) return terminate(connection, connection.end_cause, Farewell::fin);
  connection.state = State::lingering;
  schedule(connection, now_ + linger_time);
  begin_operation(connection);
  ring_.shutdown(table_.slot_of(connection), token(OperationKind::shutdown, connection));
}

void Transport::terminate(Connection& connection, EndCause cause, Farewell farewell) {
  if (connection.state == State::free || connection.state == State::terminating) return;
  warm(connection);
  connection.input.stop();
  ask_at_end(connection);
  connection.state = State::terminating;
  connection.end_cause = cause;
  connection.ends_with_reset = farewell == Farewell::reset;
  if (connection.operations_in_flight == 0) released_.push_back(ref_of(connection));
  else cancel_everything(connection);
}

/// Whatever else is in flight ends by itself.
void Transport::cancel_everything(Connection& connection) {
  const auto cancel = [&](ring::Token target) {
    begin_operation(connection);
    ring_.cancel(target, token(OperationKind::cancel, connection));
  };
  if (connection.input.is_in_kernel()) cancel(input_token(connection));
  if (connection.outbox_send == OutboxSend::in_flight) cancel(token(OperationKind::send, connection));
  schedule(connection, now_ + cancel_patience);
}

/// Runs at the end of the turn, because a session may still use a connection that it terminated.
void Transport::release_terminated() {
  // Releasing calls sessions, which may terminate more connections.
  for (std::size_t i = 0; i < released_.size(); ++i)
    if (Connection* const connection = find(released_[i])) release(*connection);
  released_.clear();
}

void Transport::release(Connection& connection) {
  RINGGATE_ASSERT(connection.state == State::terminating && !connection.input.is_in_kernel() &&
                  connection.outbox_send != OutboxSend::in_flight);
  if (is_arriving(connection)) {
    forget_arrival(connection);
  } else {
    if (is_announced(connection)) session_of(connection).on_gone(connection, connection.end_cause);
    if (has_tls(connection)) release_codec(connection);
  }
  --listeners_[connection.listener_index].connections_count;
  if (!marks_.empty()) marks_.erase(table_.slot_of(connection));
  if (!processes_.empty()) processes_.erase(table_.slot_of(connection));
  accepts_are_settled_ = false;
  wheel_.cancel(table_.slot_of(connection));
  if (connection.output_index != 0 && !outputs_[connection.output_index - 1].submitted) withdraw_output(connection);
  drop_outbox(connection);
  const std::uint32_t slot = table_.slot_of(connection);
  const bool reset = connection.ends_with_reset;
  // The kernel reuses the number only after the close has run, so the slot may be free before.
  table_.release(connection);
  ring_.close(slot, reset, {OperationKind::close, slot, 0});
}

void Transport::on_timer(std::uint32_t slot) {
  Connection& connection = table_.at(slot);
  switch (connection.state) {
    case State::open:
      if (is_announced(connection)) session_of(connection).on_deadline(connection);
      else give_up_handshake(connection);
      break;
    case State::arriving: refuse_arrival(connection, counters_.proxy_timeouts, "timeout"); break;
    case State::flushing: terminate(connection, EndCause::aborted, Farewell::reset); break;
    case State::lingering: terminate(connection, connection.end_cause, Farewell::fin); break;
    case State::terminating:
      if (connection.operations_in_flight > 0) cancel_everything(connection);
      break;
    case State::free: break;
  }
}

}  // namespace ringgate::conn
