// Calls to make later, the earliest first; calls for the same time run in the order in which they were added.
//
// For tens of thousands of coarse timers of a load run. A call cannot be cancelled: it checks itself whether it still applies.
// Thread: the loop's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"

namespace ringgate::load {

class TimerHeap {
 public:
  using Call = std::function<void()>;

  void add(TimeNs due, Call call) {
    entries_.push_back({due, ++added_, std::move(call)});
    std::push_heap(entries_.begin(), entries_.end(), later);
  }

  /// Runs the calls that are due at `now`. Calls added meanwhile wait for the next `run`, so a call may add itself again.
  void run(TimeNs now) {
    const std::uint64_t last = added_;
    while (!entries_.empty() && entries_.front().due <= now && entries_.front().order <= last) {
      std::pop_heap(entries_.begin(), entries_.end(), later);
      const Call call = std::move(entries_.back().call);
      entries_.pop_back();
      call();
    }
  }

  /// Time until the next call: 0 if one is due; `otherwise` if there is none or it is farther away.
  DurationNs until_next(TimeNs now, DurationNs otherwise) const {
    if (entries_.empty()) return otherwise;
    return entries_.front().due <= now ? 0 : std::min(otherwise, entries_.front().due - now);
  }

 private:
  struct Entry {
    TimeNs due = 0;
    std::uint64_t order = 0;
    Call call;
  };
  static bool later(const Entry& a, const Entry& b) { return a.due != b.due ? a.due > b.due : a.order > b.order; }

  std::vector<Entry> entries_;
  std::uint64_t added_ = 0;
};

}  // namespace ringgate::load
