// The answers a connection still owes, in the order of its requests (RFC 9112 section 9.3.2), whatever the
// order they come in.
//
// Owner shard. Invariant: an answer leaves when it and all before it are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "admin/answer.h"

namespace ringgate::admin {

class AnswerQueue {
 public:
  /// Owes one more answer; returns its sequence number.
  std::uint32_t open(const AnswerShape& shape) {
    entries_.push_back({.shape = shape});
    return first_ + static_cast<std::uint32_t>(entries_.size() - 1);
  }

  /// The shape given to `open`; null if that answer was given already, or never owed.
  const AnswerShape* shape_of(std::uint32_t sequence) const {
    const Entry* entry = find(sequence);
    return entry != nullptr && !entry->written ? &entry->shape : nullptr;
  }

  /// Precondition: `shape_of(sequence)` is not null.
  void fill(std::uint32_t sequence, WrittenAnswer written) {
    const std::uint32_t index = sequence - first_;  // modulo 2^32
    entries_[index].written = std::move(written);
  }

  /// The next answer whose turn it is, or nullopt if that one is still awaited.
  std::optional<WrittenAnswer> take_next() {
    if (entries_.empty() || !entries_.front().written) return std::nullopt;
    WrittenAnswer next = std::move(*entries_.front().written);
    entries_.pop_front();
    ++first_;
    return next;
  }

  /// The connection ends behind the last answer that is owed. Precondition: one is.
  void close_behind_last() {
    Entry& last = entries_.back();
    last.shape.persistence = http::Persistence::close;
    if (last.written) last.written->closes = true;  // its fields say otherwise, and promise nothing
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    AnswerShape shape;
    std::optional<WrittenAnswer> written;
  };

  const Entry* find(std::uint32_t sequence) const {
    const std::uint32_t index = sequence - first_;
    return index < entries_.size() ? &entries_[index] : nullptr;
  }

  std::deque<Entry> entries_;
  std::uint32_t first_ = 0;  // sequence number of the front
};

}  // namespace ringgate::admin
