#include "ring/kernel/zero_copy.h"

#include <liburing.h>
#include <sys/uio.h>

#include <algorithm>

#include "base/assert.h"

namespace ringgate::ring {

ZeroCopy::~ZeroCopy() {
  for (Memory& memory : memories_)
    if (memory.sends_count > 0) memory.keeper.abandon();
}

bool ZeroCopy::open(io_uring* ring) {
  if (io_uring_register_buffers_sparse(ring, memories_max) != 0) return false;
  ring_ = ring;
  memories_.resize(memories_max);
  return true;
}

bool ZeroCopy::update(std::uint32_t index, ByteView bytes) {
  const iovec place{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  const __u64 tag = 0;
  return io_uring_register_buffers_update_tag(ring_, index, &place, &tag, 1) == 1;
}

std::optional<std::uint32_t> ZeroCopy::place_of(ByteView memory, Keeper keeper) {
  std::optional<std::uint32_t> free;
  for (std::uint32_t i = 0; i < memories_max; ++i) {
    if (memories_[i].sends_count == 0) free = i;
    else if (memories_[i].bytes.data() == memory.data()) return i;
  }
  if (!free || !update(*free, memory)) return std::nullopt;
  memories_[*free].bytes = memory;
  memories_[*free].keeper = std::move(keeper);
  return free;
}

std::optional<std::uint32_t> ZeroCopy::begin(ByteView memory, Keeper keeper, Token token) {
  if (free_sends_.empty() && sends_.size() == sends_max) return std::nullopt;
  const auto place = place_of(memory, std::move(keeper));
  if (!place) return std::nullopt;
  ++memories_[*place].sends_count;
  if (free_sends_.empty()) {
    free_sends_.push_back(static_cast<std::uint32_t>(sends_.size()));
    sends_.emplace_back();
  }
  const std::uint32_t number = free_sends_.back();
  free_sends_.pop_back();
  sends_[number] = {token, *place};
  return number;
}

std::optional<std::uint32_t> ZeroCopy::find(Token token) const {
  const auto found = std::ranges::find(sends_, token, &Send::token);
  if (found == sends_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - sends_.begin());
}

void ZeroCopy::end(std::uint32_t number) {
  free_sends_.push_back(number);
  const std::uint32_t place = sends_[number].memory;
  Memory& memory = memories_[place];
  RINGGATE_ASSERT(memory.sends_count > 0);
  if (--memory.sends_count > 0) return;
  (void)update(place, {});  // if the kernel refuses, the pages stay pinned until another memory takes the place
  memory.bytes = {};
  memory.keeper = {};
}

}  // namespace ringgate::ring
