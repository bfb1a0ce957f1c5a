#include "ws/message_assembly.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <type_traits>

#include "base/assert.h"

namespace ringgate::ws {

static_assert(std::is_trivially_copyable_v<AssemblyBuffer>, "realloc moves it");

AssemblyPool::~AssemblyPool() { free_cached(); }

AssemblyBuffer* AssemblyPool::take_cached() {
  AssemblyBuffer* const buffer = cached_;
  if (buffer == nullptr) return nullptr;
  cached_ = buffer->next_free_;
  cached_bytes_ -= bytes_around_payload + buffer->capacity_;
  buffer->size_ = 0;
  return buffer;
}

void AssemblyPool::free_cached() {
  while (AssemblyBuffer* buffer = take_cached()) {
    held_bytes_ -= bytes_around_payload + buffer->capacity_;
    std::free(buffer);
  }
}

/// True if one allocation may grow from `bytes_before` to `bytes_after`. Frees the cached buffers if they are in the way.
bool AssemblyPool::fits(std::size_t bytes_before, std::size_t bytes_after) {
  const auto within = [&] { return bytes_after - bytes_before <= bytes_max_ - std::min(bytes_max_, held_bytes_); };
  if (!within()) free_cached();
  return within();
}

/// Grows `buffer` to `capacity`, or allocates it if null. Uses realloc, so that the kernel remaps large buffers instead of
/// copying.
bool AssemblyPool::resize(AssemblyBuffer*& buffer, std::size_t capacity) {
  const std::size_t before = buffer == nullptr ? 0 : bytes_around_payload + buffer->capacity_;
  const std::size_t after = bytes_around_payload + capacity;
  if (after < capacity || !fits(before, after)) return false;
  void* const memory = std::realloc(buffer, after);
  if (memory == nullptr) return false;
  buffer = buffer == nullptr ? new (memory) AssemblyBuffer{} : static_cast<AssemblyBuffer*>(memory);
  buffer->capacity_ = capacity;
  held_bytes_ += after - before;
  return true;
}

MutableBytes AssemblyPool::extend(AssemblyBuffer*& buffer, std::size_t added, std::size_t at_most) {
  AssemblyBuffer* extended = buffer != nullptr ? buffer : take_cached();
  const std::size_t size = extended != nullptr ? extended->size_ : 0;
  const std::size_t needed = size + added;
  if (extended == nullptr || needed > extended->capacity_) {
    const std::size_t roomy = std::max(needed, std::min(needed + needed / 10 + growth_bytes_min, at_most));
    if (!resize(extended, roomy)) {
      if (buffer == nullptr && extended != nullptr) recycle(extended);
      return {};
    }
  }
  buffer = extended;
  buffer->size_ = needed;
  return buffer->payload().subspan(size);
}

void AssemblyPool::recycle(AssemblyBuffer* buffer) {
  const std::size_t bytes = bytes_around_payload + buffer->capacity_;
  RINGGATE_ASSERT(bytes <= held_bytes_);
  if (bytes <= limits::assembly_cached_buffer_bytes_max && bytes <= limits::assembly_cached_bytes_max - cached_bytes_) {
    buffer->next_free_ = cached_;
    cached_ = buffer;
    cached_bytes_ += bytes;
    return;
  }
  held_bytes_ -= bytes;
  std::free(buffer);
}

}  // namespace ringgate::ws
