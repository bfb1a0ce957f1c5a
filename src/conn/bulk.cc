// Bulk connections deliver much per receive. They are received from one after the other, each when the reply to the one before is
// on its way. So a turn's bytes stay in the cache between receive, reply and send; armed receives would fetch more than the cache
// holds before the first reply leaves. Part of Transport. Input::weigh decides which connections are bulk.
#include "conn/transport.h"

namespace ringgate::conn {

void Transport::list_bulk(Connection& connection) {
  connection.input.armed = Armed::turn;
  bulk_.push_back(ref_of(connection));
}

/// Called after the sends of this turn were queued: in the same enter, they run before these receives.
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
    ring_.receive_now(table_.slot_of(*connection), input_token(*connection));
    ++count;
  }
  receives_bulk_ = count > 0;
}

}  // namespace ringgate::conn
