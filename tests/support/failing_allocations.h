// `new` that fails when a test says so. Included in exactly one source of a program, which it gives its operators.
#pragma once

#include <cstdlib>
#include <new>

namespace ringgate::test {

// Of the thread that sets them; others have all the memory that they want.
inline thread_local int allocations_left = -1;  // so many still succeed; negative: all
inline thread_local int failures_count = 0;

inline bool allocation_fails() {
  if (allocations_left < 0) return false;
  if (allocations_left > 0) {
    --allocations_left;
    return false;
  }
  ++failures_count;
  return true;
}

/// While it lives, the first `allocations` of this thread succeed and the others fail.
class ScarceMemory {
 public:
  explicit ScarceMemory(int allocations) {
    failures_count = 0;
    allocations_left = allocations;
  }
  ~ScarceMemory() { allocations_left = -1; }
  ScarceMemory(const ScarceMemory&) = delete;
  ScarceMemory& operator=(const ScarceMemory&) = delete;
};

}  // namespace ringgate::test

void* operator new(std::size_t size) {
  void* const memory = ringgate::test::allocation_fails() ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return ringgate::test::allocation_fails() ? nullptr : std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
