// Unfinished messages: their deadline, and the memory of all of them. Part of DeviceSession. Invariant: after each receive, they
// fit the shard's part of limits.reassembly_memory.
#include "base/log.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

/// Called when a receive was read. Lists an unfinished message and sets its deadline if it has just begun; read_frames has
/// removed finished ones. Messages of a closing connection count too, because they take memory as well.
void DeviceSession::note_unfinished(conn::Connection& connection, ws::Partial* partial) {
  DeviceSide& side = side_of(connection);
  side.partial = partial;
  if (!ws::FrameReader::unfinished(partial) && side.inflating == nullptr) {
    unfinished_.remove(side.unfinished);
    return;
  }
  if (!side.unfinished.linked) {
    side.unfinished.slot = transport_.table().slot_of(connection);
    side.unfinished.began_at = now_ms();
    unfinished_.append(side.unfinished);
    if (record_of(connection).phase == Phase::open) schedule_next(connection);
  }
  give_up_oldest_messages();
}

/// Restarts the time of a message that could not be finished because it was not read.
void DeviceSession::restart_unfinished(conn::Connection& connection) {
  DeviceSide* const side = record_of(connection).side;
  if (side != nullptr) side->unfinished.began_at = now_ms();
}

/// Memory of unfinished messages, without buffers kept for reuse and without replies that the kernel is about to take.
std::size_t DeviceSession::reassembly_bytes() { return reader_.memory_bytes() - reader_.pool().cached_bytes() - retiring_bytes_; }

/// The oldest message is the least likely to be finished. Its memory is freed at once.
void DeviceSession::give_up_oldest_messages() {
  while (reassembly_bytes() > reassembly_bytes_max_ && unfinished_.oldest() != nullptr) {
    UnfinishedList::Link& oldest = *unfinished_.oldest();
    conn::Connection& connection = transport_.table().at(oldest.slot);
    unfinished_.remove(oldest);
    reader_.abandon(side_of(connection).partial);
    drop_inflating(side_of(connection));
    if (!connection.is_live() || record_of(connection).phase == Phase::closed) continue;
    counters_.messages_given_up.add(1);
    fail_connection(connection, CloseCode::try_again_later, "no memory for unfinished messages");
  }
}

}  // namespace ringgate::dispatch
