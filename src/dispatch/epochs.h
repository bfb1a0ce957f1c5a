// Issues the epochs of device connections: 64 bits that rise from one registration to the next, over all shards and, as long as the
// wall clock is not set back, over restarts. Whoever keeps the highest epoch of a device can tell the words of an older connection.
//
// An epoch is milliseconds of Unix time, shifted by 16 bits. The time is that of the gate's start plus what has passed on the
// monotonic clock since, so a wall clock that is set while the gate runs changes nothing. Epochs are multiples of `step`, so that
// 32 bits beside a connection tell how far its epoch lies behind the moment it was opened. Shared; each member states its thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace ringgate::dispatch {

class Epochs {
 public:
  static constexpr unsigned shift = 16;
  static constexpr std::uint64_t step = 128;
  static constexpr std::uint64_t lead_max = std::uint64_t{15 * 60 * 1000} << shift;  // a quarter of an hour

  /// `wall_ms` is Unix time at the moment `now` of the shards' clock. The first call counts. Before the shards run.
  void start(std::int64_t wall_ms, TimeNs now) {
    if (origin_ms_ == 0) origin_ms_ = static_cast<std::uint64_t>(wall_ms) - now / nanoseconds_per_millisecond;
  }

  /// A higher one than any before, for a connection that was opened at `opened_ms` and registers at `now_ms`, both in milliseconds
  /// of the shards' clock: as the connection keeps it. Any thread.
  std::uint32_t issue(std::uint64_t opened_ms, std::uint64_t now_ms) {
    // Relaxed: the number itself is all that is shared.
    std::uint64_t last = last_.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
      next = std::max(last + step, at(now_ms) + lead_.load(std::memory_order_relaxed));
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>((next - at(opened_ms)) / step, UINT32_MAX));
  }

  /// Above any epoch that was issued, and not below the time at `now_ms`. Any thread.
  std::uint64_t clock(std::uint64_t now_ms) const {
    return std::max(last_.load(std::memory_order_relaxed), at(now_ms) + lead_.load(std::memory_order_relaxed));
  }

  /// Another gate's clock: epochs from now on are above it, and go on with time from there. False, and nothing has changed: it is further
  /// ahead of this machine's than `lead_max`, for one broken clock must not carry all others away. Any thread.
  bool follow(std::uint64_t clock, std::uint64_t now_ms) {
    const std::uint64_t mine = at(now_ms);
    if (clock > mine && clock - mine > lead_max) return false;
    raise(last_, clock);
    if (clock > mine) raise(lead_, clock - mine);
    return true;
  }

  /// The epoch of a connection from what `issue` returned. Any thread.
  std::uint64_t epoch_of(std::uint64_t opened_ms, std::uint32_t kept) const { return at(opened_ms) + kept * step; }

 private:
  // The longest opening handshake is two hours: an hour each of limits.handshake_timeout and limits.authentication_timeout.
  static_assert(std::uint64_t{UINT32_MAX} * step > (std::uint64_t{2 * 3600 * 1000} << shift) + lead_max);

  static void raise(std::atomic<std::uint64_t>& number, std::uint64_t least) {
    std::uint64_t now = number.load(std::memory_order_relaxed);
    while (now < least && !number.compare_exchange_weak(now, least, std::memory_order_relaxed)) {
    }
  }

  std::uint64_t at(std::uint64_t now_ms) const { return (origin_ms_ + now_ms) << shift; }

  std::uint64_t origin_ms_ = 0;  // Unix time at zero of the shards' clock; constant once shards run
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::uint64_t> lead_{0};  // of other gates' clocks before this one's: relaxed, a number for itself
};

}  // namespace ringgate::dispatch
