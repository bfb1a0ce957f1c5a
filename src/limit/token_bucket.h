// How much of something a device may do per second, in integers: a bucket of tokens that fills at a steady rate.
//
// It reads no clock and waits for nobody: the caller passes the time and acts on the answer. A value of 16 bytes; owner shard.
// Invariant: over any span, what was taken is at most the capacity plus the rate times the span, plus the debt that is still open.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/limits.h"
#include "base/time.h"

namespace ringgate::limit {

/// Tokens per second, and for how long a bucket that nobody uses goes on filling.
struct Rate {
  std::uint64_t per_second = 0;  // 0: no limit
  DurationNs burst = nanoseconds_per_second;

  bool is_limited() const { return per_second != 0; }
  /// In parts of a token, at least one whole token: otherwise nothing could ever be taken.
  std::int64_t capacity_parts() const {
    static_assert(limits::rate_per_second_max * limits::rate_burst_seconds_max <=
                  (std::uint64_t{1} << 62) / nanoseconds_per_second);
    const std::uint64_t parts = std::min(per_second, limits::rate_per_second_max) *
                                std::min<std::uint64_t>(burst, limits::rate_burst_seconds_max * nanoseconds_per_second);
    return static_cast<std::int64_t>(std::max<std::uint64_t>(parts, nanoseconds_per_second));
  }
  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A part is a billionth of a token: a rate of N tokens a second adds N parts each nanosecond, without rounding.
class TokenBucket {
 public:
  /// Full at `now`.
  void start(const Rate& rate, TimeNs now) {
    parts_ = rate.capacity_parts();
    filled_at_ = now;
  }

  /// Takes `tokens` (below 2^32), into debt if there are not as many. `rate` must be limited.
  void take(const Rate& rate, TimeNs now, std::uint64_t tokens) {
    fill(rate, now);
    parts_ = std::max(parts_ - static_cast<std::int64_t>(tokens * nanoseconds_per_second), -debt_parts_max);
  }

  /// Whole tokens that can be taken without debt.
  std::uint64_t tokens(const Rate& rate, TimeNs now) {
    fill(rate, now);
    return parts_ < 0 ? 0 : static_cast<std::uint64_t>(parts_) / nanoseconds_per_second;
  }
  bool is_in_debt() const { return parts_ < 0; }

  /// Until `tokens` can be taken without debt, rounded up; 0: now. With 0 tokens: until the debt is paid.
  DurationNs wait_for(const Rate& rate, std::uint64_t tokens) const {
    const std::int64_t missing = static_cast<std::int64_t>(tokens * nanoseconds_per_second) - parts_;
    if (missing <= 0) return 0;
    return (static_cast<std::uint64_t>(missing) - 1) / rate.per_second + 1;
  }

 private:
  static constexpr std::int64_t debt_parts_max = std::int64_t{1} << 62;

  void fill(const Rate& rate, TimeNs now) {
    if (now <= filled_at_) return;
    const DurationNs gone = now - filled_at_;
    filled_at_ = now;
    const std::int64_t capacity = rate.capacity_parts();
    const std::uint64_t missing = static_cast<std::uint64_t>(capacity - parts_);
    // A lower rate may have made the capacity smaller than what is in the bucket.
    if (parts_ >= capacity || gone > missing / rate.per_second) parts_ = capacity;
    else parts_ += static_cast<std::int64_t>(gone * rate.per_second);
  }

  std::int64_t parts_ = 0;
  TimeNs filled_at_ = 0;
};
static_assert(sizeof(TokenBucket) == 16);

}  // namespace ringgate::limit
