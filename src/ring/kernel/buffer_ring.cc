#include "ring/kernel/buffer_ring.h"

#include <liburing.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/assert.h"
#include "base/limits.h"
#include "ring/kernel/abi.h"

namespace ringgate::ring {

namespace {
void* map_anonymous(std::size_t bytes) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
}  // namespace

BufferRing::~BufferRing() {
  // The io_uring is closed by now, and its registration is gone.
  if (entries_ != nullptr) munmap(entries_, entries_bytes_);
  if (memory_ != nullptr) munmap(memory_, memory_bytes_);
}

int BufferRing::open(io_uring* ring, const Layout& layout) {
  RINGGATE_ASSERT(entries_ == nullptr && (layout.count & (layout.count - 1)) == 0);
  const auto entries_bytes = std::size_t{layout.count} * sizeof(io_uring_buf);
  void* entries = map_anonymous(entries_bytes);
  if (entries == MAP_FAILED) return ENOMEM;

  abi::BufferRegistration registration{};
  registration.ring_address = reinterpret_cast<std::uint64_t>(entries);
  registration.ring_entries = layout.count;
  registration.buffer_group = layout.group;
  registration.flags = layout.incremental ? abi::buffer_ring_incremental : std::uint16_t{0};
  static_assert(sizeof(abi::BufferRegistration) == sizeof(io_uring_buf_reg));
  if (const int error = io_uring_register_buf_ring(ring, reinterpret_cast<io_uring_buf_reg*>(&registration), 0); error < 0) {
    munmap(entries, entries_bytes);
    return -error;
  }
  entries_ = static_cast<io_uring_buf_ring*>(entries);
  entries_bytes_ = entries_bytes;
  layout_ = layout;
  stride_ = layout.bytes + static_cast<std::uint32_t>(limits::buffer_slack_bytes);
  memory_bytes_ = std::size_t{stride_} * layout.count;
  void* memory = map_anonymous(memory_bytes_);
  if (memory == MAP_FAILED) return ENOMEM;
  memory_ = static_cast<std::uint8_t*>(memory);
  offsets_.assign(layout.count, 0);
  taken_.reserve(layout.count);
  marked_.reserve(layout.count);

  io_uring_buf_ring_init(entries_);
  for (std::uint32_t id = 0; id < layout.count; ++id) provide(static_cast<std::uint16_t>(id), static_cast<int>(id));
  io_uring_buf_ring_advance(entries_, static_cast<int>(layout.count));
  return 0;
}

void BufferRing::provide(std::uint16_t id, int position) {
  io_uring_buf_ring_add(entries_, address(id), layout_.bytes, id, io_uring_buf_ring_mask(layout_.count), position);
}

std::uint32_t BufferRing::take(std::uint16_t id, std::uint32_t size, bool buffer_more) {
  RINGGATE_ASSERT(id < layout_.count);
  const std::uint32_t offset = offsets_[id];
  RINGGATE_ASSERT(offset + size <= layout_.bytes);
  if (layout_.incremental && buffer_more) {
    offsets_[id] = offset + size;
  } else {
    offsets_[id] = 0;
    taken_.push_back(id);
  }
  return offset;
}

MutableBytes BufferRing::bytes(std::uint16_t id, std::uint32_t offset, std::uint32_t size) const {
  return {address(id) + offset, size};
}

void BufferRing::mark_submitted(std::size_t count) {
  const auto end = taken_.begin() + static_cast<std::ptrdiff_t>(count);
  marked_.insert(marked_.end(), taken_.begin(), end);
  taken_.erase(taken_.begin(), end);
}

bool BufferRing::return_marked() {
  if (marked_.empty()) return false;
  for (std::size_t i = 0; i < marked_.size(); ++i) provide(marked_[i], static_cast<int>(i));
  io_uring_buf_ring_advance(entries_, static_cast<int>(marked_.size()));
  marked_.clear();
  return true;
}

}  // namespace ringgate::ring
