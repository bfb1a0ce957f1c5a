// The send times of a connection's units under way, oldest first. Grows by doubling, never shrinks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/time.h"

namespace ringgate::measure {

class TimeLine {
 public:
  std::size_t size() const { return pushed_ - popped_; }

  void push(TimeNs time) {
    if (size() == times_.size()) grow();
    times_[pushed_++ & (times_.size() - 1)] = time;
  }

  TimeNs pop() {
    RINGGATE_ASSERT(size() != 0);
    return times_[popped_++ & (times_.size() - 1)];
  }

 private:
  void grow() {
    std::vector<TimeNs> larger(times_.empty() ? 1 : 2 * times_.size());
    for (std::uint64_t i = popped_; i != pushed_; ++i) larger[i & (larger.size() - 1)] = times_[i & (times_.size() - 1)];
    times_.swap(larger);
  }

  std::vector<TimeNs> times_;  // its size is a power of two
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
};

}  // namespace ringgate::measure
