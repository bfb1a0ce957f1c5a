// How often one key has connected in the running window, and whether it is banned for connecting too often.
//
// A window begins with a key's first connection and ends after its length; the next connection begins another. A ban ends by
// itself: attempts made meanwhile do not extend it. A value; any thread by the rules of its owner.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace ringgate::limit {

/// More than `connects` in one `window` is flapping. `connects` of 0: nothing is.
struct FlapRule {
  std::uint64_t connects = 0;
  DurationNs window = 60 * nanoseconds_per_second;
  DurationNs ban = 300 * nanoseconds_per_second;

  bool is_limited() const { return connects != 0; }
};

struct FlapVerdict {
  DurationNs wait = 0;     // until the key may connect again; 0: it may
  bool ban_began = false;  // with this connection
};

struct FlapWatch {
  /// No count of a window is worth as much as a ban.
  static constexpr std::uint64_t ban_worth = std::uint64_t{1} << 32;

  TimeNs ends_at = 0;  // of the window or the ban
  std::uint32_t connects = 0;
  bool is_banned = false;

  std::uint64_t worth(TimeNs now) const {
    if (now >= ends_at) return 0;
    return is_banned ? ban_worth : connects;
  }

  /// `rule` must be limited.
  FlapVerdict connect(const FlapRule& rule, TimeNs now) {
    if (now >= ends_at) *this = {now + rule.window, 0, false};
    if (is_banned) return {ends_at - now, false};
    if (++connects <= rule.connects) return {};
    *this = {now + rule.ban, connects, true};
    return {rule.ban, true};
  }
};

}  // namespace ringgate::limit
