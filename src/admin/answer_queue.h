// The answers that a connection owes, in the order of its requests (RFC 9112 section 9.3.2). They may be given in any order.
//
// Owned by the connection; owner shard. Invariant: an answer leaves when it and all before it have been given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "admin/answer.h"

namespace ringgate::admin {

class AnswerQueue {
 public:
  /// Adds an answer that is owed; returns its sequence number.
  std::uint32_t open(const AnswerShape& shape) {
    entries_.push_back({.shape = shape});
    return first_ + static_cast<std::uint32_t>(entries_.size() - 1);
  }

  /// The shape passed to `open`; null if that answer was already given or was never owed.
  const AnswerShape* shape_of(std::uint32_t sequence) const {
    const Entry* entry = find(sequence);
    return entry != nullptr && !entry->written ? &entry->shape : nullptr;
  }

  /// Precondition: `shape_of(sequence)` is not null.
  void fill(std::uint32_t sequence, WrittenAnswer written) {
    const std::uint32_t index = sequence - first_;  // modulo 2^32
    entries_[index].written = std::move(written);
  }

  /// The next answer in order; nullopt if it was not given yet or none is owed.
  std::optional<WrittenAnswer> take_next() {
    if (entries_.empty() || !entries_.front().written) return std::nullopt;
    WrittenAnswer next = std::move(*entries_.front().written);
    entries_.pop_front();
    ++first_;
    return next;
  }

  /// Makes the connection end after the last answer that is owed. Precondition: one is owed.
  void close_behind_last() {
    Entry& last = entries_.back();
    last.shape.persistence = http::Persistence::close;
    if (last.written) last.written->closes = true;  // its fields say keep-alive, which is no promise
  }

  /// The sequence number of the next answer in order.
  std::uint32_t first() const { return first_; }

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
