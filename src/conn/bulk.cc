// Bulk connections: those that bring much at a time are received from one after the other, each when the reply to the one before
// is on its way. What a turn moves then stays in the cache between receive, reply and send; receives that run by themselves bring
// more than it holds before the first reply leaves.
#include "conn/transport.h"

namespace ringgate::conn {

namespace {
constexpr unsigned bulkiness_max = 3;
}

/// Two large receives close together make a connection bulk, three small ones in a row end it: a long message ends in a small
/// piece now and then.
void Transport::weigh(Connection& connection, std::size_t bytes) {
  if (bytes < options_.bulk_bytes) {
    if (connection.bulkiness > 0 && --connection.bulkiness == 0) connection.bulk = false;
    return;
  }
  const bool again = connection.bulkiness > 0;
  connection.bulkiness = bulkiness_max;
  if (!again || connection.bulk || connection.cooling || connection.paused || connection.state != State::open) return;
  connection.cooling = true;  // a poll takes the receive's place
  cancel_input(connection);
}

void Transport::list_bulk(Connection& connection) {
  connection.bulk_listed = true;
  bulk_.push_back({table_.slot_of(connection), connection.generation});
}

/// Behind the sends of this turn: they run before it in the same enter.
void Transport::receive_bulk() {
  std::size_t count = 0;
  while (count < ring::Ring::bulk_receives_max && !bulk_.empty()) {
    Connection* const connection = table_.find(bulk_.front().slot, bulk_.front().generation);
    bulk_.pop_front();
    if (connection == nullptr) continue;
    connection->bulk_listed = false;
    if (connection->state == State::ending || connection->paused) continue;
    if (connection->state != State::open) {
      arm_receive(*connection);
      continue;
    }
    connection->receive_armed = true;
    begin_operation(*connection);
    ring_.receive_now(table_.slot_of(*connection), token(ring::OperationKind::receive_now, *connection));
    ++count;
  }
  receives_bulk_ = count > 0;
}

}  // namespace ringgate::conn
