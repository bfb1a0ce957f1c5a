// Received input of one device that is not read yet: its handler pauses, too many replies wait, or a message is inflating.
//
// Owned by the device's side object; owner shard. Replies may be written into the part that was read, so the session keeps a
// share of the memory for the sends of a turn. Invariant: memory that is shared is neither moved nor appended to.
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
  /// The waiting bytes, with slack after them.
  MutableBytes bytes() { return empty() ? MutableBytes{} : MutableBytes{memory_->data() + begin_, end_ - begin_}; }
  std::size_t memory_bytes() const { return memory_ == nullptr ? 0 : memory_->capacity(); }
  /// The memory of the bytes. Keep a share as long as the kernel may read replies written there.
  const Memory& memory() const { return memory_; }

  /// Rarely moves the waiting bytes: a peer may fill a socket's buffer, and each append is one receive.
  void append(ByteView more) {
    if (memory_ == nullptr || memory_.use_count() > 1) return append_to_copy(more);
    const std::size_t size = end_ + more.size() + limits::buffer_slack_bytes;
    if (size > memory_->capacity()) memory_->reserve(size + size / 4);
    memory_->resize(size);
    std::ranges::copy(more, memory_->begin() + static_cast<std::ptrdiff_t>(end_));
    end_ += more.size();
  }

  /// Keeps only `rest`. False, and nothing has changed, if `rest` is not the end of the waiting bytes.
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
