// Limits one kind of log line to limits::log_lines_per_second_max, and counts the lines that are left out.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "base/time.h"

namespace ringgate {

/// Any thread. The atomics are relaxed: at the turn of a second a few lines more or fewer may be written.
class LogLimiter {
 public:
  /// Returns how many lines were left out since the last written one; nullopt: leave this one out too. `now`: monotonic.
  std::optional<std::uint64_t> admit(TimeNs now) {
    const std::uint64_t second = now / nanoseconds_per_second;
    std::uint64_t seen = window_.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint64_t lines = seen >> lines_bits == second ? seen & lines_mask : 0;
      if (lines == limits::log_lines_per_second_max) {
        left_out_.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
      }
      if (window_.compare_exchange_weak(seen, second << lines_bits | (lines + 1), std::memory_order_relaxed))
        return left_out_.exchange(0, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t lines_bits = 8;
  static constexpr std::uint64_t lines_mask = (1U << lines_bits) - 1;
  static_assert(limits::log_lines_per_second_max <= lines_mask);

  std::atomic<std::uint64_t> window_{0};  // the current second, and the number of lines written in it
  std::atomic<std::uint64_t> left_out_{0};
};

}  // namespace ringgate
