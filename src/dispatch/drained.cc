// What a handler learns about its output: whether a message waits, and when nothing waits any more. Part of DeviceSession.
//
// Invariant: after each `waits` follows one on_drained, unless the connection closes first.
#include <utility>

#include "dispatch/connection_access.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

/// Output waits if the kernel did not take all of an earlier turn, or if one turn writes more than limits.send_queue. The kernel may
/// take all of that at the end of the turn, and then nothing tells: so it is looked at again in the next.
SendOutcome DeviceSession::outcome_of_send(conn::Connection& connection) {
  const bool waits = connection.output_waits();
  if (!waits && !replies_abound(connection)) return SendOutcome::taken;
  DeviceRecord& record = record_of(connection);
  if (!waits && !record.drained_awaited) drained_.push_back({transport_.table().slot_of(connection), connection.generation});
  record.drained_awaited = true;
  return SendOutcome::waits;
}

void DeviceSession::tell_drained(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (!record.drained_awaited || record.phase != Phase::open || !connection.is_live() || connection.output_waits()) return;
  record.drained_awaited = false;
  conn::Connection* const reading_before = std::exchange(reading_, &connection);  // a message comes after this call, not within
  ConnectionAccess access(*this, connection, nullptr);
  call_handler(connection, access, [](Handler& handler, Connection& facade) { handler.on_drained(facade); });
  reading_ = reading_before;
  const bool was_resumed = record.side != nullptr && !record.side->held.empty() && !is_held(connection);
  if (was_resumed) go_on_reading(connection, 0);
}

void DeviceSession::tell_drained_of_earlier_turns() {
  for (std::size_t i = 0; i < drained_due_; ++i) {
    const SlotRef ref = drained_[i];  // a copy: handlers may write, and lengthen the list
    if (conn::Connection* const connection = transport_.table().find(ref.slot, ref.generation)) tell_drained(*connection);
  }
  drained_.erase(drained_.begin(), drained_.begin() + static_cast<std::ptrdiff_t>(drained_due_));
  drained_due_ = 0;
}

}  // namespace ringgate::dispatch
