// Memory for payloads that cannot stay in their receive buffer: payloads cut by its end, and fragmented messages.
//
// One AssemblyPool per shard, owned by its FrameReader. A message gathers in one contiguous buffer, whatever its number of
// fragments; nothing is kept per fragment. Memory follows the bytes received, never the length in a header: a new buffer exceeds
// its content by at most a tenth and growth_bytes_min. Invariant: held_bytes() counts every byte taken from the allocator, and
// cached_bytes() ≤ limits::assembly_cached_bytes_max.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "ringgate/bytes.h"

namespace ringgate::ws {

/// A growing run of bytes, with room for a frame header before it and slack behind it, in one allocation. It moves when it grows.
class AssemblyBuffer {
 public:
  static constexpr std::size_t room_bytes = 16;  // before the payload; the caller may write a header there

  MutableBytes payload() { return {bytes(), size_}; }
  std::size_t capacity() const { return capacity_; }

 private:
  friend class AssemblyPool;
  std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1) + room_bytes; }

  AssemblyBuffer* next_free_;
  std::size_t size_;
  std::size_t capacity_;
};

class AssemblyPool {
 public:
  /// `bytes_max`: ceiling on held_bytes(); at the ceiling memory counts as out.
  explicit AssemblyPool(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ~AssemblyPool();
  AssemblyPool(const AssemblyPool&) = delete;
  AssemblyPool& operator=(const AssemblyPool&) = delete;

  /// Appends `added` bytes to `buffer` (null: to a new one) and returns them; the caller writes them at once. `at_most`: the
  /// largest size that the buffer can reach, SIZE_MAX if unknown. Returns a null view if memory is out; then `buffer` is
  /// unchanged. May move the buffer, which makes pointers into it invalid.
  MutableBytes extend(AssemblyBuffer*& buffer, std::size_t added, std::size_t at_most);

  /// Takes a buffer back; keeps it for reuse within the limits of base/limits.h, else frees it.
  void recycle(AssemblyBuffer* buffer);

  std::size_t held_bytes() const { return held_bytes_; }      // lent and cached
  std::size_t cached_bytes() const { return cached_bytes_; }  // of these, cached

 private:
  static constexpr std::size_t bytes_around_payload =
      sizeof(AssemblyBuffer) + AssemblyBuffer::room_bytes + limits::buffer_slack_bytes;

  /// The least growth of a buffer, so that a message of many small pieces does not move for each.
  static constexpr std::size_t growth_bytes_min = 32;

  AssemblyBuffer* take_cached();
  void free_cached();
  bool fits(std::size_t bytes_before, std::size_t bytes_after);
  bool resize(AssemblyBuffer*& buffer, std::size_t capacity);

  AssemblyBuffer* cached_ = nullptr;  // most recently used first
  std::size_t cached_bytes_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t bytes_max_;
};

}  // namespace ringgate::ws
