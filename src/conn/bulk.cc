// Bulk connections: those that bring much at a time are received from one after the other, each when the reply to the one before
// is on its way. What a turn moves then stays in the cache between receive, reply and send; receives that run by themselves bring
// more than it holds before the first reply leaves. Which connections are bulk, Input::weigh decides.
#include "conn/transport.h"

namespace ringgate::conn {

void Transport::list_bulk(Connection& connection) {
  connection.input.armed = Armed::turn;
  bulk_.push_back(ref_of(connection));
}

/// Behind the sends of this turn: they run before it in the same enter.
void Transport::receive_bulk() {
  std::size_t count = 0;
  while (count < ring::Ring::bulk_receives_max && !bulk_.empty()) {
    Connection* const connection = find(bulk_.front());
    bulk_.pop_front();
    if (connection == nullptr) continue;
    if (connection->input.armed == Armed::turn) connection->input.ended();
    if (connection->input.armed != Armed::nothing || connection->input.wanted != Wanted::in_turn) {
      settle_input(*connection);
      continue;
    }
    connection->input.armed = Armed::once;
    begin_operation(*connection);
    ring_.receive_now(table_.slot_of(*connection), token(ring::OperationKind::receive_now, *connection));
    ++count;
  }
  receives_bulk_ = count > 0;
}

}  // namespace ringgate::conn
