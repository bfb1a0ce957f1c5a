// A bounded ring of values from any number of threads to one: how threads that are no shard reach a shard.
//
// Each cell carries a sequence number that says whose turn it is (Vyukov's bounded queue), so posting is one
// CAS and nobody locks. Cells lie on pages that are touched only as they are used. Not a lane: order holds per
// posting thread only. A thread stopped between its CAS and
// its publication delays what comes after it, never loses it. Invariant: a cell is touched by one thread at a
// time, the one its sequence names.
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
  /// `capacity`: a power of two, at least 2. Reserves all cells; throws std::bad_alloc.
  explicit Inlet(std::size_t capacity) : mask_(capacity - 1), pages_(capacity * sizeof(Cell)) {
    RINGGATE_ASSERT(capacity >= 2 && std::has_single_bit(capacity));
    if (pages_.data() == nullptr) throw std::bad_alloc();
    cells_ = static_cast<Cell*>(pages_.data());
  }
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;

  std::size_t capacity() const { return mask_ + 1; }

  /// Any thread. False, with nothing posted, if all cells wait to be drained.
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

  /// The draining thread. True also while the oldest post is claimed and not yet published.
  bool empty() const {
    const Cell& cell = cells_[head_ & mask_];
    return cell.sequence.load(std::memory_order_acquire) + (head_ & mask_) != head_ + 1;
  }

 private:
  struct Cell {
    // Stored (release) by whoever is done with the cell, loaded (acquire) by whoever is next: publishes
    // `value`, or that it was copied. Position p: free for post p; p + 1: holds post p; p + capacity: free
    // for the next round. Kept less the cell's own index, so that zero bytes are a free cell.
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
