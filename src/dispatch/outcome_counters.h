// The counter of each outcome, and the counters of threads without a shard. Any thread, by the rules of each counter.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/counters.h"
#include "ringgate/push.h"

namespace ringgate::dispatch {

/// By PushOutcome.
inline constexpr std::array<Counter ShardCounters::*, push_outcomes_count> push_counters = {
    &ShardCounters::push_delivered,       &ShardCounters::push_unknown_device,    &ShardCounters::push_backpressure,
    &ShardCounters::push_too_large,       &ShardCounters::push_closing,           &ShardCounters::push_invalid_utf8,
    &ShardCounters::push_unknown_outcome, &ShardCounters::push_other_connection,  &ShardCounters::push_level_unsupported,
    &ShardCounters::push_id_conflict,     &ShardCounters::push_expired,           &ShardCounters::push_coalesced,
    &ShardCounters::push_dropped,         &ShardCounters::push_timed_out,         &ShardCounters::push_connection_ended,
    &ShardCounters::push_not_covered,     &ShardCounters::push_engine_unavailable};

/// By BroadcastOutcome.
inline constexpr std::array<Counter ShardCounters::*, broadcast_outcomes_count> broadcast_counters = {
    &ShardCounters::broadcast_completed, &ShardCounters::broadcast_backpressure, &ShardCounters::broadcast_too_large,
    &ShardCounters::broadcast_closing,   &ShardCounters::broadcast_invalid_utf8, &ShardCounters::broadcast_unknown_outcome};

inline void count(ShardCounters& counters, PushOutcome outcome) {
  (counters.*push_counters[static_cast<std::size_t>(outcome)]).add(1);
}
inline void count(ShardCounters& counters, BroadcastOutcome outcome) {
  (counters.*broadcast_counters[static_cast<std::size_t>(outcome)]).add(1);
}

/// Pushes and broadcasts that no shard has seen, by outcome. Any thread; relaxed: counts that publish nothing.
struct OutsideCounters {
  // Asked by threads without a shard, also those that a shard took and counts the outcome of.
  std::atomic<std::uint64_t> pushes_asked{0}, broadcasts_asked{0};
  std::array<std::atomic<std::uint64_t>, push_outcomes_count> pushes{};
  std::array<std::atomic<std::uint64_t>, broadcast_outcomes_count> broadcasts{};

  void count(PushOutcome outcome) { pushes[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed); }
  void count(BroadcastOutcome outcome) { broadcasts[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace ringgate::dispatch
