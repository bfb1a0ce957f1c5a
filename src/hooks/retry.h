// When to try again, and whether. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/time.h"

namespace ringgate::hooks {

/// What an answer means for the event that was sent.
enum class Verdict : std::uint8_t {
  delivered,  // 2xx
  retry,      // no answer, a redirect, 429, 5xx, and what may be right once the receiver is
  refused,    // the receiver will never take this one
  stop,       // 410: the receiver is gone for good
};

/// `status` 0: there was no answer.
constexpr Verdict verdict_of(int status) {
  if (status >= 200 && status < 300) return Verdict::delivered;
  if (status == 410) return Verdict::stop;
  if (status == 400 || status == 413 || status == 415 || status == 422) return Verdict::refused;
  return Verdict::retry;
}

struct Backoff {
  DurationNs min;
  DurationNs max;

  /// The longest wait after `failures` (1 or more) failures in a row: doubles each time.
  constexpr DurationNs ceiling(std::uint64_t failures) const {
    const std::uint64_t doublings = std::min<std::uint64_t>(failures - 1, 40);
    return min > max >> doublings ? max : min << doublings;
  }

  /// Full jitter: any wait up to the ceiling is as likely, so that lanes and gates do not come back together.
  template <typename Random>
  DurationNs wait(std::uint64_t failures, Random& random) const {
    return std::uniform_int_distribution<DurationNs>(0, ceiling(failures))(random);
  }
};

}  // namespace ringgate::hooks
