// How many completions a wait gathers before it ends, learnt from the turns before.
//
// One turn's count says little: a wait that asked for what a chance lull had brought would end with as few for good. So what is
// expected rises at once and falls by an eighth a turn. Owner: the shard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ringgate::server {

class Batch {
 public:
  static constexpr std::size_t worth_waiting_for = 4;  // fewer are taken as they come
  static constexpr std::size_t count_max = 64;

  /// A turn brought `count` completions; none: it only submitted, or a timer ended it, which says nothing.
  void came(std::size_t count) {
    if (count != 0) expected_ = std::min(std::max(count, expected_ - (expected_ + 7) / 8), count_max);
  }

  /// To ask for at the next wait; 1: not to gather.
  std::uint32_t count() const {
    return expected_ < worth_waiting_for ? 1 : static_cast<std::uint32_t>(expected_);
  }

 private:
  std::size_t expected_ = 0;
};

}  // namespace ringgate::server
