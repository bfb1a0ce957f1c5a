// A bounded ring of values between exactly two threads: one posts, one drains, in order.
//
// Holds values, never resources: T is copied with memcpy and destroyed by nobody. Borrows its slots, which
// are touched only as they are used. Invariant: head <= tail <= head + capacity, as free-running counts.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>

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

  /// The posting thread. False, with nothing posted, if all slots wait to be drained.
  bool post(const T& value) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == capacity_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == capacity_) return false;
    }
    slots_[tail & (capacity_ - 1)] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// The draining thread: calls `take(value)` for at most `budget` values, oldest first, and returns how many
  /// there were. A slot is free again before its value is handed over, so `take` may cause the other side to
  /// post into it.
  template <class Take>
  std::size_t drain(std::size_t budget, Take&& take) {
    std::size_t head = head_.load(std::memory_order_relaxed);
    if (tail_seen_ - head < budget) tail_seen_ = tail_.load(std::memory_order_acquire);
    const std::size_t count = std::min(tail_seen_ - head, budget);
    for (const std::size_t end = head + count; head != end;) {
      const T value = slots_[head & (capacity_ - 1)];
      head_.store(++head, std::memory_order_release);
      take(value);
    }
    return count;
  }

  /// The draining thread.
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  // Three lines: one written by neither side, one by each.
  T* const slots_;
  const std::size_t capacity_;
  // Written by the posting thread (release), read by the draining one (acquire): publishes the slots before
  // it.
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  // Written by the draining thread (release), read by the posting one (acquire): publishes that the slots
  // before it were copied.
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
};

}  // namespace ringgate::device
