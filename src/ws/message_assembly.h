// Memory for what could not be used where it was received: payloads cut by the end of a receive buffer, and
// fragmented messages.
//
// One AssemblyPool per shard, owned by its FrameReader. A message gathers in one contiguous buffer however
// many fragments it has; nothing is kept per fragment. Memory follows the bytes received, never the length a
// header declares: a buffer is larger than what is in it by at most a tenth and growth_bytes_min, or it is
// one that was cached. Invariant: held_bytes() counts every byte taken from the allocator, and
// cached_bytes() ≤ limits::assembly_cached_bytes_max.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "ringgate/bytes.h"

namespace ringgate::ws {

/// A growing run of bytes with room for a frame header in front and slack behind, all in one allocation.
/// Moves when it grows.
class AssemblyBuffer {
 public:
  static constexpr std::size_t room_bytes = 16;  // in front of the payload: the caller's to write a header into

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
  /// `bytes_max`: ceiling on held_bytes(); what would cross it is refused like lack of memory.
  explicit AssemblyPool(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ~AssemblyPool();
  AssemblyPool(const AssemblyPool&) = delete;
  AssemblyPool& operator=(const AssemblyPool&) = delete;

  /// Makes room for `added` more bytes behind those in `buffer` (null: in a new one) and counts them as part
  /// of it; the caller writes them at once. `at_most` is the size the buffer can ever have, if that is known,
  /// else SIZE_MAX. Returns the new bytes, or a null view if memory is out; then `buffer` is as before.
  /// Moves the buffer at need: pointers into it are void.
  MutableBytes extend(AssemblyBuffer*& buffer, std::size_t added, std::size_t at_most);

  /// Takes a buffer back: kept for reuse while small and few, else freed.
  void recycle(AssemblyBuffer* buffer);

  std::size_t held_bytes() const { return held_bytes_; }      // lent and cached
  std::size_t cached_bytes() const { return cached_bytes_; }  // of these, cached

 private:
  static constexpr std::size_t bytes_around_payload =
      sizeof(AssemblyBuffer) + AssemblyBuffer::room_bytes + limits::buffer_slack_bytes;

  /// What a buffer grows by at least, so that a message of many small pieces is not moved for each.
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
