// A bounded queue of values from any number of threads to one: threads that are no shard reach a shard through it.
//
// Each cell has a sequence number that says who may use the cell (Vyukov's bounded queue): a post is one CAS, and nobody locks.
// Cells lie on pages that cost memory only once used. It is not a lane: it keeps the order of each posting thread only. A thread
// that is stopped between its CAS and its publication delays later posts, but loses none. Invariant: only the thread that the
// sequence number admits touches a cell.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "device/zero_pages.h"

namespace ringgate::device {

template <class T>
class Inlet {
  static_assert(std::is_trivially_copyable_v<T>, "a cell is overwritten without ceremony");

 public:
  /// `capacity`: a power of two, at least 2. Reserves address space for all cells; throws std::bad_alloc.
  explicit Inlet(std::size_t capacity) : mask_(capacity - 1), pages_(capacity * sizeof(Cell)) {
    RINGGATE_ASSERT(capacity >= 2 && std::has_single_bit(capacity));
    if (pages_.data() == nullptr) throw std::bad_alloc();
    cells_ = static_cast<Cell*>(pages_.data());
  }
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;

  std::size_t capacity() const { return mask_ + 1; }

  /// Any thread. False, and nothing is posted, if all cells wait to be drained.
  bool post(const T& value) {
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[tail & mask_];
      const std::size_t sequence = cell.sequence.load(std::memory_order_acquire) + (tail & mask_);
      const auto ahead = static_cast<std::ptrdiff_t>(sequence - tail);
      if (ahead < 0) return false;
      if (ahead > 0) {
        tail = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(tail, tail + 1, std::memory_order_relaxed, std::memory_order_relaxed)) {
        cell.value = value;
        cell.sequence.store(tail + 1 - (tail & mask_), std::memory_order_release);
        return true;
      }
    }
  }

  /// The draining thread: as Lane::drain.
  template <class Take>
  std::size_t drain(std::size_t budget, Take&& take) {
    std::size_t count = 0;
    for (; count < budget && !empty(); ++count) {
      Cell& cell = cells_[head_ & mask_];
      const T value = cell.value;
      cell.sequence.store(head_ + mask_ + 1 - (head_ & mask_), std::memory_order_release);
      ++head_;
      take(value);
    }
    return count;
  }

  /// The draining thread. Also true while the oldest post is claimed and not yet published.
  bool empty() const {
    const Cell& cell = cells_[head_ & mask_];
    return cell.sequence.load(std::memory_order_acquire) + (head_ & mask_) != head_ + 1;
  }

 private:
  struct Cell {
    // Stored (release) by the thread that leaves the cell, loaded (acquire) by the next one: publishes `value`, or that it was
    // copied. p: free for post p; p + 1: holds post p; p + capacity: free for the next round. Stored minus the cell's own index,
    // so that zero bytes are a free cell.
    std::atomic<std::size_t> sequence;
    T value;
  };

  const std::size_t mask_;
  const ZeroPages pages_;
  Cell* cells_ = nullptr;
  alignas(64) std::atomic<std::size_t> tail_{0};  // hands out positions (relaxed CAS); publishes nothing
  alignas(64) std::size_t head_ = 0;              // the draining thread's
};

}  // namespace ringgate::device
