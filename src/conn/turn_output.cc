#include "conn/turn_output.h"

#include <algorithm>

namespace ringgate::conn {

std::uint8_t* TurnArena::room(std::size_t size) {
  while (current_ < blocks_.size() && blocks_[current_].size - used_ < size) {
    ++current_;
    used_ = 0;
  }
  if (current_ == blocks_.size()) {
    const std::size_t bytes = std::max(size, block_bytes);
    blocks_.push_back({std::make_unique_for_overwrite<std::uint8_t[]>(bytes), bytes});
  }
  return blocks_[current_].octets.get() + used_;
}

std::uint8_t* TurnArena::allocate(std::size_t size) {
  std::uint8_t* const result = room(size);
  used_ += size;
  return result;
}

bool TurnArena::continues_at(const std::uint8_t* end, std::size_t size) const {
  return current_ < blocks_.size() && blocks_[current_].octets.get() + used_ == end &&
         blocks_[current_].size - used_ >= size;
}

void TurnArena::reset() {
  // Blocks beyond the usual, and oversized ones, go back; a burst must not stay in memory.
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_bytes; });
  if (blocks_.size() > kept_blocks_max) blocks_.resize(kept_blocks_max);
  current_ = 0;
  used_ = 0;
}

}  // namespace ringgate::conn
