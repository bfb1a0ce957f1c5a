// Input of one device that was received and is not read yet: a handler pauses, its replies wait, or a message is still being inflated.
//
// Replies may be written into what was read of it, so the memory is shared with whoever keeps it for the sends of a turn, and what
// others may still see is neither moved nor appended to. Owner shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/limits.h"
#include "ringgate/bytes.h"

namespace ringgate::dispatch {

class HeldInput {
 public:
  using Memory = std::shared_ptr<std::vector<std::uint8_t>>;

  bool empty() const { return begin_ == end_; }
  /// What waits, with slack behind it.
  MutableBytes bytes() { return empty() ? MutableBytes{} : MutableBytes{memory_->data() + begin_, end_ - begin_}; }
  std::size_t memory_bytes() const { return memory_ == nullptr ? 0 : memory_->capacity(); }
  /// Where it lies, to be kept as long as replies that were written there.
  const Memory& memory() const { return memory_; }

  /// Moves what waits now and then only: a peer may send a socket's buffer full, a receive at a time.
  void append(ByteView more) {
    if (memory_ == nullptr || memory_.use_count() > 1) return append_to_copy(more);
    const std::size_t size = end_ + more.size() + limits::buffer_slack_bytes;
    if (size > memory_->capacity()) memory_->reserve(size + size / 4);
    memory_->resize(size);
    std::ranges::copy(more, memory_->begin() + static_cast<std::ptrdiff_t>(end_));
    end_ += more.size();
  }

  /// Only `rest` is left, the end of what waited. False, and nothing has changed, if it is not.
  bool keep(ByteView rest) {
    const bool is_end = !empty() && rest.size() <= end_ - begin_ && rest.data() + rest.size() == memory_->data() + end_;
    if (is_end) begin_ = end_ - rest.size();
    return is_end;
  }

  void clear() {
    memory_ = nullptr;
    begin_ = end_ = 0;
  }

 private:
  void append_to_copy(ByteView more) {
    const ByteView waiting = bytes();
    const std::size_t size = waiting.size() + more.size();
    auto memory = std::make_shared<std::vector<std::uint8_t>>(size + limits::buffer_slack_bytes);
    std::ranges::copy(more, std::ranges::copy(waiting, memory->begin()).out);
    memory_ = std::move(memory);
    begin_ = 0;
    end_ = size;
  }

  Memory memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace ringgate::dispatch
