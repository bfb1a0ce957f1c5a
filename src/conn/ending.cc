// How connections end: flush, FIN, linger; or at once. The slot is released when the kernel holds nothing of it any more.
#include "base/assert.h"
#include "conn/transport.h"

namespace ringgate::conn {

using ring::OperationKind;

void Transport::finish(Connection& connection) {
  if (connection.state != State::open) return;
  connection.state = State::finishing;
  schedule(connection, now_ + options_.close_timeout);
  if (connection.paused) {
    connection.paused = false;  // the peer's FIN has to be seen
    if (!connection.receive_armed && !connection.starved && !connection.bulk_listed) arm_receive(connection);
  }
  // Output of this turn is flushed with a completing send, which continues here.
  if (connection.output_index == 0 && connection.outbox == nullptr) continue_finishing(connection);
}

void Transport::continue_finishing(Connection& connection) {
  if (connection.outbox != nullptr) return;
  if (connection.peer_finished) {
    end(connection, connection.ending, false);
    return;
  }
  connection.state = State::lingering;
  schedule(connection, now_ + linger_time);
  begin_operation(connection);
  ring_.shutdown(table_.slot_of(connection), token(OperationKind::shutdown, connection));
}

void Transport::end(Connection& connection, Ending ending, bool reset) {
  if (connection.state == State::free || connection.state == State::ending) return;
  connection.state = State::ending;
  connection.ending = ending;
  connection.reset = reset;
  if (connection.operations_in_flight > 0) {
    begin_operation(connection);
    ring_.cancel(table_.slot_of(connection), token(OperationKind::cancel, connection));
  }
  list_ending(connection);
}

/// Released at the end of the turn, never under the feet of a session that is still at work.
void Transport::list_ending(Connection& connection) {
  if (connection.ending_listed) return;
  connection.ending_listed = true;
  ending_.push_back({table_.slot_of(connection), connection.generation});
}

void Transport::process_ending() {
  // Releasing calls sessions, which may end further connections.
  for (std::size_t i = 0; i < ending_.size(); ++i) {
    Connection* connection = table_.find(ending_[i].slot, ending_[i].generation);
    if (connection == nullptr) continue;
    connection->ending_listed = false;
    if (connection->operations_in_flight == 0) release(*connection);
  }
  ending_.clear();
}

void Transport::release(Connection& connection) {
  RINGGATE_ASSERT(connection.state == State::ending && !connection.receive_armed && !connection.send_in_flight);
  session_of(connection).on_gone(connection, connection.ending);
  wheel_.cancel(table_.slot_of(connection));
  if (connection.output_index != 0 && !outputs_[connection.output_index - 1].submitted) withdraw_output(connection);
  drop_outbox(connection);
  const std::uint32_t slot = table_.slot_of(connection);
  const bool reset = connection.reset;
  // The kernel gives the number out again only after the close has run, so the slot may be free before that.
  table_.release(connection);
  ring_.close(slot, reset, {OperationKind::close, slot, 0});
}

void Transport::on_timer(std::uint32_t slot) {
  Connection& connection = table_.at(slot);
  switch (connection.state) {
    case State::open: session_of(connection).on_deadline(connection); break;
    case State::finishing: end(connection, Ending::aborted, true); break;
    case State::lingering: end(connection, connection.ending, false); break;
    case State::ending:
    case State::free: break;
  }
}

}  // namespace ringgate::conn
