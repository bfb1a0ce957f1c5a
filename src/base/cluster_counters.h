// What the metrics tell of a cluster. The bridge stores, any thread reads; relaxed: each is a number for itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringgate {

struct ClusterCounters {
  std::atomic<bool> is_up{false};                                      // the engine is connected
  std::atomic<std::uint64_t> devices{0}, peers{0}, questions_open{0};  // now
  std::atomic<std::uint64_t> pushes_sent{0}, pushes_served{0};         // to other gates, and of other gates
  std::atomic<std::uint64_t> yielded{0};                               // connections that another gate's claim ended
  std::atomic<std::uint64_t> asked_again{0}, late_answers{0};
  std::atomic<std::uint64_t> letters_refused{0}, letters_dropped{0}, clocks_refused{0};
};

}  // namespace ringgate
