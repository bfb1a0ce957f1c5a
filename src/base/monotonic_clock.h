// The machine's monotonic clock, for threads that are no shard: shards take their ring's. Any thread.
#pragma once

#include <chrono>

#include "base/time.h"

namespace ringgate {

inline TimeNs clock_now() {
  return static_cast<TimeNs>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace ringgate
