// What all shards of a gate share: who holds which device, the mailboxes between shards, and a few totals.
//
// Owned by the server, outlives the shards. Any thread, each member by its own rules.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "admission/refusal.h"
#include "base/log_limiter.h"
#include "base/memory_budget.h"
#include "base/time.h"
#include "device/device_map.h"
#include "device/id_key.h"
#include "device/mailbox.h"
#include "dispatch/outcome_counters.h"
#include "dispatch/parcel.h"
#include "ring/ring.h"
#include "ringgate/config.h"

namespace ringgate::dispatch {

struct GateState {
  GateState(std::uint32_t shards, const LimitsConfig& limits, const device::KeyedHash::Secret& secret)
      : shards_count(shards),
        connections_max(limits.connections_max),
        map(limits.connections_max + shards * 64ULL),
        hash(secret),
        mailboxes({.shards_count = shards}),
        doorbells(shards),
        deflate_memory(limits.deflate_bytes_max) {}

  const std::uint32_t shards_count;
  const std::uint64_t connections_max;
  device::DeviceMap map;
  const device::KeyedHash hash;
  device::Mailboxes<Request, Reply> mailboxes;
  std::vector<ring::Ring::Doorbell> doorbells;  // set before the shards start
  MemoryBudget deflate_memory;                  // of connections with context takeover
  OutsideCounters outside;
  // Broadcasts in inlets, whose messages are memory: relaxed, at most limits::broadcasts_open_max.
  std::atomic<std::uint32_t> broadcasts_posted{0};
  // Devices connected over all shards, those being admitted included: relaxed, a count and nothing else.
  std::atomic<std::uint64_t> connections{0};
  std::array<LogLimiter, admission::Refusal::count> refusal_logs;  // lines about refused handshakes
  std::atomic<std::uint64_t> admin_connections{0};                 // the same of the admin port
  // Stages of the gate's life: stored by the server (release), read by every shard each turn (acquire).
  std::atomic<bool> ready{false};     // /readyz
  std::atomic<bool> draining{false};  // new handshakes are refused: set by the first shard whose grace is over
  std::atomic<bool> stopping{false};  // shards leave their loop at once
  std::atomic<TimeNs> drain_at{0};    // when to stop accepting and start closing; 0: not yet known
  // Shards that drain and hold no device any more: when all do, they end. Incremented once by each (acq_rel).
  std::atomic<std::uint32_t> shards_empty{0};
  // Shards that have no connection and no open ticket left: they serve their mailbox until all are that far.
  std::atomic<std::uint32_t> shards_done{0};
  // Threads that are no shard, posting. `closed` stops them for good (seq_cst both: either the poster sees `closed`, or the one
  // who closes sees the poster and waits for its post to be answered).
  std::atomic<std::uint32_t> posters{0};
  std::atomic<bool> closed{false};
};

}  // namespace ringgate::dispatch
