#include "conn/turn_output.h"

#include <algorithm>

namespace ringgate::conn {

/// Moves on to the next block. The rest of the current one stays unused.
std::uint8_t* TurnArena::in_next_block(std::size_t size) {
  while (entered_ < blocks_.size() && blocks_[entered_].size < size) ++entered_;
  if (entered_ == blocks_.size()) {
    const std::size_t bytes = std::max(size, block_bytes);
    blocks_.push_back({std::make_unique_for_overwrite<std::uint8_t[]>(bytes), bytes});
  }
  const Block& block = blocks_[entered_++];
  next_ = block.bytes.get();
  end_ = next_ + block.size;
  return next_;
}

void TurnArena::reset() {
  if (entered_ == 0) return;
  // Frees oversized blocks and those beyond kept_blocks_max: a burst must not keep memory.
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_bytes; });
  if (blocks_.size() > kept_blocks_max) blocks_.resize(kept_blocks_max);
  entered_ = 0;
  next_ = end_ = nullptr;
}

}  // namespace ringgate::conn
