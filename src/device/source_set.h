// The sources that have parcels for a mailbox, one bit each, so that a shard visits only the sources that wrote to it.
//
// There are two kinds: SourceNotices, which any thread puts up and the owner shard takes down, and SourceSet, for one thread.
// Invariant of both: a source is one bit, however often it is added.
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

/// A set of sources for one thread. A source is a number below `sources_count`.
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

  /// The first source at or after `from`, or else the first from 0 on. The set must not be empty (asserted).
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

/// The notices of other threads to the owner shard. One cache line.
class alignas(64) SourceNotices {
 public:
  /// Announces the sources `first` + i of the bits i of `bits`; all lie in one word. First store what the notice announces. Any
  /// thread.
  void put_up(std::size_t first, std::uint64_t bits) {
    words_[first / 64].fetch_or(bits << (first % 64), std::memory_order_seq_cst);
  }

  /// Moves all notices into `set`; false if there are none. Owner shard.
  bool take_down(SourceSet& set) {
    bool any = false;
    for (std::size_t at = 0; at < set.words_count_; ++at) {
      if (words_[at].load(std::memory_order_relaxed) == 0) continue;
      set.words_[at] |= words_[at].exchange(0, std::memory_order_acquire);
      any = true;
    }
    return any;
  }

  /// Owner shard.
  bool empty() const {
    std::uint64_t any = 0;
    for (const auto& word : words_) any |= word.load(std::memory_order_seq_cst);
    return any == 0;
  }

 private:
  // Set by fetch_or (seq_cst) and cleared by exchange (acquire): publishes what was stored before the notice. A poster calls
  // `put_up` and then reads `sleeping_`; the owner sets `sleeping_` and then calls `empty`; all seq_cst (mailbox.h). So one of
  // the two sees the other.
  std::array<std::atomic<std::uint64_t>, source_words> words_{};
};
static_assert(sizeof(SourceNotices) == 64);

}  // namespace ringgate::device
