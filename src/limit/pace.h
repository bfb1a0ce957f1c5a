// A limit of N per period for one key, kept in one point of time (the generic cell rate algorithm).
//
// The same as a bucket of N tokens that fills once per period, in half the memory, and with one word for atomics. It knows no key.
// Values; any thread by the rules of their owner.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace ringgate::limit {

/// At most `count` at once, and as many again in each `period`. `count` of 0: no limit.
struct PaceRule {
  std::uint64_t count = 0;
  DurationNs period = nanoseconds_per_second;

  bool is_limited() const { return count != 0; }
  DurationNs interval() const { return std::max<DurationNs>(period / count, 1); }
  /// How far ahead of the time a pace may run.
  DurationNs lead_max() const { return interval() * (count - 1); }
};

/// The point in time at which everything taken so far is paid for. Zero: nothing was taken.
struct Pace {
  TimeNs paid_at = 0;

  std::uint64_t worth(TimeNs now) const { return paid_at > now ? paid_at - now : 0; }
  /// Until one more may be taken; 0: now. `rule` must be limited.
  DurationNs wait(const PaceRule& rule, TimeNs now) const {
    const DurationNs lead = paid_at > now ? paid_at - now : 0;
    return lead > rule.lead_max() ? lead - rule.lead_max() : 0;
  }
  /// Takes one. The caller has seen that `wait` is 0, or wants the refusals to count too.
  void take(const PaceRule& rule, TimeNs now) { paid_at = std::max(paid_at, now) + rule.interval(); }
};

/// A pace of the whole gate. Any thread: one atomic, relaxed, because it publishes nothing.
class SharedPace {
 public:
  /// Takes one if it may be taken: 0. Else takes nothing, and returns the time to wait.
  DurationNs admit(const PaceRule& rule, TimeNs now) {
    Pace seen{paid_at_.load(std::memory_order_relaxed)};
    for (;;) {
      if (const DurationNs wait = seen.wait(rule, now); wait != 0) return wait;
      Pace taken = seen;
      taken.take(rule, now);
      if (paid_at_.compare_exchange_weak(seen.paid_at, taken.paid_at, std::memory_order_relaxed)) return 0;
    }
  }

 private:
  std::atomic<TimeNs> paid_at_{0};
};

}  // namespace ringgate::limit
