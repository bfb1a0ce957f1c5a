// Request heads that did not arrive in one piece. Part of DeviceSession. Invariant: after each receive, they fit the shard's part
// of limits.heads_memory.
#include <utility>

#include "dispatch/device_session.h"

namespace ringgate::dispatch {

/// Called when a receive left the head unfinished. If memory is short, the oldest heads are given up.
void DeviceSession::note_partial_head(conn::Connection& connection) {
  DeviceSide& side = side_of(connection);
  heads_budget_.subtract(side.head_counted_bytes);
  side.head_counted_bytes = side.head->memory_bytes();
  heads_budget_.add(side.head_counted_bytes);
  if (!side.unfinished.linked) {
    side.unfinished.slot = transport_.table().slot_of(connection);
    side.unfinished.began_at = now_ms();
    partial_heads_.append(side.unfinished);
  }
  give_up_oldest_heads();
}

/// Called when the head is whole, refused or gone. Null if it arrived in one piece.
std::unique_ptr<http::HeadGatherer> DeviceSession::take_partial_head(DeviceRecord& record) {
  if (record.side == nullptr || record.side->head == nullptr) return nullptr;
  heads_budget_.subtract(std::exchange(record.side->head_counted_bytes, 0));
  partial_heads_.remove(record.side->unfinished);
  return std::move(record.side->head);
}

/// The oldest head is the least likely to be finished. Its memory is freed at once.
void DeviceSession::give_up_oldest_heads() {
  while (heads_budget_.is_over() && partial_heads_.oldest() != nullptr) {
    conn::Connection& connection = transport_.table().at(partial_heads_.oldest()->slot);
    const std::unique_ptr<http::HeadGatherer> head = take_partial_head(record_of(connection));
    if (!connection.is_live()) continue;
    counters_.heads_given_up.add(1);
    refuse(connection, admission::Rejection::heads_limit, head->view_so_far());
  }
}

}  // namespace ringgate::dispatch
