// A number that one thread counts and all may read. Loads and stores are relaxed, so counting costs as much as a plain increment.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringgate {

/// A number with one writer. Each value is exact; the values of two counters may be from different moments.
class Counter {
 public:
  void add(std::uint64_t amount) { set(value_.load(std::memory_order_relaxed) + amount); }
  void subtract(std::uint64_t amount) { set(value_.load(std::memory_order_relaxed) - amount); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace ringgate
