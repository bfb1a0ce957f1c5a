// A bounded ring of values between exactly two threads: one posts and publishes, one drains, in order.
//
// Posting is a plain store: the other side sees what was posted when it is published, a batch at a time, and
// frees what it drained a batch at a time, so a line that both sides touch crosses over once per batch and
// not once per value. Holds values, never resources: T is trivially copied and destroyed by nobody. Borrows
// its slots, which are touched only as they are used. Invariant: head <= tail <= posted <= head + capacity,
// as free-running counts.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace ringgate::device {

template <class T>
class Lane {
  static_assert(std::is_trivially_copyable_v<T>, "a slot is overwritten without ceremony");

 public:
  /// `slots`: a power of two of them, borrowed for life; their content does not matter.
  explicit Lane(std::span<T> slots) : slots_(slots.data()), capacity_(slots.size()) {
    RINGGATE_ASSERT(std::has_single_bit(slots.size()));
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  std::size_t capacity() const { return capacity_; }

  /// The posting thread: the value is in its slot, and unseen until `publish`. False, with nothing posted, if
  /// no slot is free.
  bool post(const T& value) {
    if (posted_ - head_seen_ == capacity_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (posted_ - head_seen_ == capacity_) return false;
    }
    slots_[posted_++ & (capacity_ - 1)] = value;
    return true;
  }

  /// The posting thread: shows the other side all that was posted.
  void publish() { tail_.store(posted_, std::memory_order_release); }

  /// The posting thread. True if nothing waits for `publish`.
  bool published() const { return posted_ == tail_.load(std::memory_order_relaxed); }

  /// The draining thread: calls `take(value)` for at most `budget` published values, oldest first, and
  /// returns how many there were. `take` reads the value where it lies; the slots are free again, all at
  /// once, at the end of the call.
  template <class Take>
  std::size_t drain(std::size_t budget, Take&& take) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (tail_seen_ - head < budget) tail_seen_ = tail_.load(std::memory_order_acquire);
    const std::size_t count = std::min(tail_seen_ - head, budget);
    if (count == 0) return 0;
    for (std::size_t at = head; at != head + count; ++at) take(std::as_const(slots_[at & (capacity_ - 1)]));
    head_.store(head + count, std::memory_order_release);
    return count;
  }

  /// The draining thread. True if nothing published waits.
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  // Three lines. The first is read by both sides and written once per published batch.
  T* const slots_;
  const std::size_t capacity_;
  // Written by the posting thread (release), read by the draining one (acquire): publishes the slots before
  // it.
  std::atomic<std::size_t> tail_{0};
  // The posting thread's own: the other side may look at `tail_` all the time without disturbing a post.
  alignas(64) std::size_t posted_ = 0;
  std::size_t head_seen_ = 0;
  // Written by the draining thread (release), read by the posting one (acquire) when it seems to be out of
  // slots: publishes that the values before it were taken.
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
};

}  // namespace ringgate::device
