// The pushes of one connection that the gate remembers: those that wait as messages in front of its outbox, and those that were written
// and that somebody waits for. It exists only while there are any. Owned by the device session; owner shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <set>
#include <utility>

#include "base/time.h"
#include "device/id_key.h"
#include "dispatch/push_order.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

/// Whether a message goes to one device or to many.
enum class Audience : std::uint8_t { one, many };

/// Who is told what became of a push.
struct PushTeller {
  ReportCallback on_report;
  device::IdKey device;     // KnownIds::Push::device of the claim
  std::uint64_t claim = 0;  // KnownIds::last_claim; 0: the push has no id
};

/// Of a push that somebody waits for.
struct PushWait {
  PushLevel wanted = PushLevel::sent;
  TimeNs queued_at = 0;
  TimeNs deadline = 0;
  PushReport report;
  std::uint64_t mark = 0;   // Transport::mark behind the message; 0: there was no memory for one, it is tried again
  std::uint64_t place = 0;  // behind it on the wire; from `sent` on
  std::uint64_t ping = 0;   // the number of the ping behind it; 0: none is sent yet
  PushTeller teller;

  bool is_sent() const { return report.receipt.sent_after_us != PushReceipt::not_known; }
  bool is_acked() const { return report.receipt.acked_after_us != PushReceipt::not_known; }
};

/// A list, since a wait goes from one to the next: with its message, written, finished. That needs no memory.
using PushWaits = std::list<PushWait>;

/// A push that waits for room in the outbox: not compressed yet, so that it can be withdrawn.
struct QueuedPush {
  ws::MessageRef message;
  Audience audience = Audience::one;
  TimeNs expires_at = UINT64_MAX;
  device::IdKey coalesce_key;  // index 0: none
  PushWaits wait;              // one, or none
};
/// What one takes up beside its message's frame.
inline constexpr std::size_t queued_push_bytes = sizeof(QueuedPush) + sizeof(PushWait);

using PushQueue = std::list<QueuedPush>;

/// When to look again at the pushes of a connection, with its slot.
using PushDues = std::set<std::pair<TimeNs, std::uint32_t>>;

struct DevicePushes {
  PushQueue queue;
  std::size_t queue_bytes = 0;               // of their frames, uncompressed
  PushWaits waits;                           // of written messages, in the order of writing
  std::uint64_t ping = 0;                    // the number of the ping that was not answered yet; 0: none
  std::uint64_t ping_before_keep_alive = 0;  // a pong for the latest keep-alive answers this number too
  TimeNs due = 0;                            // when to look again, in DeviceSession::dues_; 0: not
  PushDues::node_type idle_due;              // its place there while it is in none, so that looking again needs no memory
  TimeNs ask_at = 0;                         // when to ask the kernel for what is acknowledged; 0: not
  DurationNs ask_pause = 0;

  bool empty() const { return queue.empty() && waits.empty(); }
};

}  // namespace ringgate::dispatch
