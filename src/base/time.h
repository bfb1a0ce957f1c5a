// Monotonic time in nanoseconds. Wall-clock time appears only where people read it (logs, `since`).
#pragma once

#include <cstdint>

namespace ringgate {

using TimeNs = std::uint64_t;      // a point on the monotonic clock
using DurationNs = std::uint64_t;  // a length of time; 0 means "off" for a deadline that may be off

inline constexpr DurationNs nanoseconds_per_microsecond = 1'000;
inline constexpr DurationNs nanoseconds_per_millisecond = 1'000'000;
inline constexpr DurationNs nanoseconds_per_second = 1'000'000'000;

}  // namespace ringgate
