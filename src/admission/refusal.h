// Why an opening handshake is refused: a rule of HTTP, of the opening handshake, or of the gate. A value; any thread.
//
// One index over the three tables of rejections, for counters and log limits. It holds no texts: those are in the tables.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "admission/rejection.h"
#include "base/time.h"
#include "http/rejection.h"
#include "ws/rejection.h"

namespace ringgate::admission {

class Refusal {
 public:
  static constexpr std::size_t count = http::rejections_count + ws::rejections_count + rejections_count;

  // Implicit: each rejection is a refusal.
  constexpr Refusal(http::Rejection rejection) : index_(static_cast<std::uint8_t>(rejection)) {}
  constexpr Refusal(ws::Rejection rejection)
      : index_(static_cast<std::uint8_t>(ws_begin + static_cast<std::size_t>(rejection))) {}
  constexpr Refusal(Rejection rejection) : index_(static_cast<std::uint8_t>(own_begin + static_cast<std::size_t>(rejection))) {}

  /// `index` < count.
  static constexpr Refusal at(std::size_t index) {
    Refusal refusal{http::Rejection{}};
    refusal.index_ = static_cast<std::uint8_t>(index);
    return refusal;
  }

  constexpr std::size_t index() const { return index_; }

  /// This refusal with a Retry-After of its own: `wait` in whole seconds, rounded up, at least 1. Only for one whose row has that
  /// field.
  constexpr Refusal after(DurationNs wait) const {
    constexpr DurationNs longest = std::numeric_limits<std::uint16_t>::max() * nanoseconds_per_second;
    Refusal refusal = *this;
    refusal.retry_after_seconds_ =
        static_cast<std::uint16_t>(wait == 0 ? 1 : (std::min(wait, longest) - 1) / nanoseconds_per_second + 1);
    return refusal;
  }
  /// 0: what its row says.
  constexpr std::uint16_t retry_after_seconds() const { return retry_after_seconds_; }

  constexpr const http::RejectionFacts& facts() const {
    if (index_ >= own_begin) return facts_of(static_cast<Rejection>(index_ - own_begin));
    if (index_ >= ws_begin) return ws::facts_of(static_cast<ws::Rejection>(index_ - ws_begin));
    return http::facts_of(static_cast<http::Rejection>(index_));
  }

  /// The same refusal with a word for our own log, which says more than the peer is told. `cause` is static.
  constexpr Refusal because(std::string_view cause) const {
    Refusal refusal = *this;
    refusal.cause_ = cause;
    return refusal;
  }
  constexpr std::string_view cause() const { return cause_; }

  /// The same reason, whatever the wait.
  friend constexpr bool operator==(Refusal a, Refusal b) { return a.index_ == b.index_; }

 private:
  static constexpr std::size_t ws_begin = http::rejections_count;
  static constexpr std::size_t own_begin = ws_begin + ws::rejections_count;
  static_assert(count <= 256);

  std::uint8_t index_;
  std::string_view cause_;
  std::uint16_t retry_after_seconds_ = 0;
};

}  // namespace ringgate::admission
