// The state that all shards of a gate share: the device map, the mailboxes between shards, a few totals, the stage of its life.
//
// Owned by the server, outlives the shards. Any thread; each member states its own rules.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "admission/refusal.h"
#include "auth/deny_list.h"
#include "base/log_limiter.h"
#include "base/memory_budget.h"
#include "base/time.h"
#include "device/companions.h"
#include "device/device_map.h"
#include "device/id_key.h"
#include "device/mailbox.h"
#include "dispatch/departed.h"
#include "dispatch/epochs.h"
#include "dispatch/outcome_counters.h"
#include "dispatch/parcel.h"
#include "dispatch/sticky_groups.h"
#include "limit/failed_attempts.h"
#include "limit/limiter.h"
#include "ring/ring.h"
#include "ringgate/config.h"
#include "tls/certificates.h"

namespace ringgate::dispatch {

struct GateState {
  GateState(std::uint32_t shards, const LimitsConfig& limits, const device::KeyedHash::Secret& secret)
      : shards_count(shards),
        connections_max(limits.connections_max),
        map(limits.connections_max + shards * 64ULL),
        hash(secret),
        limiter(hash),
        admin_attempts(hash),
        mailboxes({.shards_count = shards}),
        doorbells(shards),
        deflate_memory(limits.deflate_bytes_max),
        sticky_groups(limits.sticky_memberships_max),
        departed(limits.departed_devices_max) {}

  const std::uint32_t shards_count;
  const std::uint64_t connections_max;
  device::DeviceMap map;
  device::Companions companions;
  const device::KeyedHash hash;
  Epochs epochs;
  limit::Limiter limiter;
  limit::FailedAttempts admin_attempts;
  device::Mailboxes<Request, Reply> mailboxes;
  std::vector<ring::Ring::Doorbell> doorbells;  // set before the shards start
  MemoryBudget deflate_memory;                  // of connections with context takeover
  StickyGroups sticky_groups;
  DepartedDevices departed;
  OutsideCounters outside;
  // Broadcasts that wait in inlets and hold a message: relaxed, at most limits::broadcasts_open_max.
  std::atomic<std::uint32_t> broadcasts_posted{0};
  // Devices connected over all shards, and those being admitted: relaxed, a count that publishes nothing.
  std::atomic<std::uint64_t> connections{0};
  // Handshakes that wait for a handler's decision: relaxed, at most limits.max_authenticating.
  std::atomic<std::uint64_t> authenticating{0};
  std::array<LogLimiter, admission::Refusal::count> refusal_logs;  // for log lines about refused handshakes, by refusal
  std::array<LogLimiter, admission::Refusal::count> let_in_logs;   // for those that were let in nevertheless
  LogLimiter admin_refusal_logs;                    // for log lines about callers of the admin port without a good token
  LogLimiter flap_logs;                             // for log lines about bans
  std::atomic<std::uint64_t> admin_connections{0};  // over all shards: relaxed, a count that publishes nothing
  // Of the certificates in use; replaced by each reload. Null: no listener has TLS.
  std::atomic<std::shared_ptr<const std::vector<tls::CertificateFacts>>> certificates;
  auth::DenyList denied;
  std::atomic<std::uint64_t> reloads_done{0}, reloads_failed{0};  // relaxed, counts that publish nothing
  std::atomic<std::int64_t> settings_read_at{0};  // Unix seconds: the start, or the last reload that was done; relaxed
  bool is_in_cluster = false;                     // a device that is not here may be on another gate. Set before the shards run
  // Whether the cluster's engine is connected, where the gate is not ready without it; else null. Set before the shards run.
  const std::atomic<bool>* engine_needed = nullptr;
  /// What /readyz says. Any thread.
  bool is_ready() const {
    return ready.load(std::memory_order_acquire) && (engine_needed == nullptr || engine_needed->load(std::memory_order_relaxed));
  }
  // Stages of the gate's life: stored by the server (release), read by every shard each turn (acquire).
  std::atomic<bool> ready{false};     // see is_ready
  std::atomic<bool> draining{false};  // new handshakes are refused: set by the first shard whose grace is over
  std::atomic<bool> stopping{false};  // shards leave their loop at once
  std::atomic<TimeNs> drain_at{0};    // when to stop accepting and start closing; 0: no drain
  // Draining shards without devices. When all are, they end. Each increments it once (acq_rel).
  std::atomic<std::uint32_t> shards_empty{0};
  // Shards without connections and open tickets. They serve their mailbox until all are. Each increments it once (acq_rel).
  std::atomic<std::uint32_t> shards_done{0};
  // Threads without a shard that are posting. `closed` stops them for good. Both seq_cst: either the poster sees `closed`, or the
  // closing thread sees the poster and waits, then answers its post.
  std::atomic<std::uint32_t> posters{0};
  std::atomic<bool> closed{false};
};

}  // namespace ringgate::dispatch
