// A provided buffer ring: the kernel receives into its buffers.
//
// Two layouts: incremental (a buffer fills piece by piece, kernel 6.12 and later) and classic (one piece per buffer). The ring is
// small on purpose, so that it stays in the L2 cache. Owner: the shard's Ring. Invariant: a buffer is either the kernel's or
// lent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringgate/bytes.h"

struct io_uring;
struct io_uring_buf_ring;

namespace ringgate::ring {

class BufferRing {
 public:
  struct Layout {
    std::uint32_t count = 0;  // power of two
    std::uint32_t bytes = 0;
    bool incremental = false;
    std::uint16_t group = 0;
  };

  BufferRing() = default;
  ~BufferRing();
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;

  /// Maps the buffers and registers them until the io_uring ends. Returns 0 or a positive errno value (EINVAL: this kernel does
  /// not know the layout).
  int open(io_uring* ring, const Layout& layout);

  /// Records that `size` bytes arrived in buffer `id`; returns their offset. `buffer_more`: the kernel goes on filling the
  /// buffer.
  std::uint32_t take(std::uint16_t id, std::uint32_t size, bool buffer_more);

  MutableBytes bytes(std::uint16_t id, std::uint32_t offset, std::uint32_t size) const;

  std::size_t taken() const { return taken_.size(); }
  /// Marks the first `count` taken buffers for return: the kernel has every submission that points into them.
  void mark_submitted(std::size_t count);
  /// Gives the marked buffers back to the kernel; false if there are none.
  bool return_marked();

  std::uint32_t lent() const { return static_cast<std::uint32_t>(taken_.size() + marked_.size()); }
  bool mostly_lent() const { return 2 * lent() >= layout_.count; }

 private:
  void provide(std::uint16_t id, int position);
  std::uint8_t* address(std::uint16_t id) const { return memory_ + std::size_t{stride_} * id; }

  io_uring_buf_ring* entries_ = nullptr;
  std::uint8_t* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
  std::size_t entries_bytes_ = 0;
  std::uint32_t stride_ = 0;
  Layout layout_;
  std::vector<std::uint32_t> offsets_;
  std::vector<std::uint16_t> taken_;   // full, and not marked
  std::vector<std::uint16_t> marked_;  // full, and every send from them is submitted
};

}  // namespace ringgate::ring
