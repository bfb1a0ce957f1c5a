// Opens many connections, a bounded number at once, so that they fill the accept queue but do not overrun it.
//
// Thread: the loop's. Invariant: at most `at_once` connections are started and not settled.
#pragma once

#include <cstddef>
#include <functional>

namespace ringgate::load {

class PacedOpening {
 public:
  /// `open_one(index)` starts connection `index` of `total`. The owner then calls `settle` once, whether the opening succeeds or
  /// not.
  PacedOpening(std::size_t total, std::size_t at_once, std::function<void(std::size_t)> open_one)
      : total_(total), at_once_(at_once), open_one_(std::move(open_one)) {}

  void start() {
    while (started_ < total_ && started_ - settled_ < at_once_) open_one_(started_++);
  }
  void settle() {
    ++settled_;
    start();
  }
  bool is_done() const { return settled_ >= total_; }
  std::size_t settled_count() const { return settled_; }

 private:
  std::size_t total_;
  std::size_t at_once_;
  std::function<void(std::size_t)> open_one_;
  std::size_t started_ = 0;
  std::size_t settled_ = 0;
};

}  // namespace ringgate::load
