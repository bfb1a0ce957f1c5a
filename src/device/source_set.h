// Which of a mailbox's sources have something for it: one bit each, so that a shard looks only at those that
// wrote to it.
//
// Two kinds: the notices, which any thread puts up and the owner shard takes down, and the plain set of one
// thread. Invariant of both: a source is at most one bit, however often it is added.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::device {

/// The requests and the replies of each shard, and the inlet.
inline constexpr std::size_t sources_max = 2 * limits::shards_max + 1;
inline constexpr std::size_t source_words = (sources_max + 63) / 64;

/// One thread's. Sources are numbers below the count it was made for.
class SourceSet {
 public:
  explicit SourceSet(std::size_t sources_count) : words_count_((sources_count + 63) / 64) {
    RINGGATE_ASSERT(sources_count > 0 && sources_count <= sources_max);
  }

  void add(std::size_t source) { words_[source / 64] |= bit_of(source); }
  void remove(std::size_t source) { words_[source / 64] &= ~bit_of(source); }
  bool contains(std::size_t source) const { return (words_[source / 64] & bit_of(source)) != 0; }
  bool empty() const {
    std::uint64_t any = 0;
    for (std::size_t at = 0; at < words_count_; ++at) any |= words_[at];
    return any == 0;
  }

  /// The first source of a set that is not empty from `from` on, past the last one from 0 on.
  std::size_t next(std::size_t from) const {
    std::size_t at = from / 64;
    std::uint64_t word = words_[at] & (~std::uint64_t{0} << (from % 64));
    for (std::size_t looked_at = 0; word == 0; ++looked_at) {
      RINGGATE_ASSERT(looked_at < words_count_);
      at = at + 1 == words_count_ ? 0 : at + 1;
      word = words_[at];
    }
    return at * 64 + static_cast<std::size_t>(std::countr_zero(word));
  }

 private:
  friend class SourceNotices;
  static std::uint64_t bit_of(std::size_t source) { return std::uint64_t{1} << (source % 64); }

  std::size_t words_count_;
  std::array<std::uint64_t, source_words> words_{};
};

/// What other threads announce to the owner shard. One cache line.
class alignas(64) SourceNotices {
 public:
  /// Any thread, after what it announces was stored: the sources of `bits`, shifted to `first`, which share a
  /// word.
  void put_up(std::size_t first, std::uint64_t bits) {
    words_[first / 64].fetch_or(bits << (first % 64), std::memory_order_seq_cst);
  }

  /// The owner shard: moves the notices of all sources that `set` was made for into it; false if there were
  /// none.
  bool take_down(SourceSet& set) {
    bool any = false;
    for (std::size_t at = 0; at < set.words_count_; ++at) {
      if (words_[at].load(std::memory_order_relaxed) == 0) continue;
      set.words_[at] |= words_[at].exchange(0, std::memory_order_acquire);
      any = true;
    }
    return any;
  }

  /// The owner shard.
  bool empty() const {
    std::uint64_t any = 0;
    for (const auto& word : words_) any |= word.load(std::memory_order_seq_cst);
    return any == 0;
  }

 private:
  // Bits are put up by fetch_or (seq_cst) and taken down by exchange (acquire): publishes what was stored
  // before the notice. `put_up` then `sleeping_` by a poster, `sleeping_` then `empty` by the owner, all
  // seq_cst (mailbox.h): one of the two sees the other.
  std::array<std::atomic<std::uint64_t>, source_words> words_{};
};
static_assert(sizeof(SourceNotices) == 64);

}  // namespace ringgate::device
