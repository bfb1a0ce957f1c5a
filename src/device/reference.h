// The name of a connection, as a value: its shard, its slot, and the generation of that slot.
//
// It is not a pointer, and the connection may be gone. Only the owner shard looks into the slot, and compares the generation
// first. Invariant: the generation of a packed reference is not 0.
#pragma once

#include <cstdint>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::device {

/// Packs to 64 bits: shard 8 | slot 24 | generation 32. Compares by value; any thread.
struct ConnectionRef {
  std::uint8_t shard = 0;        // < limits::shards_max
  std::uint32_t slot = 0;        // <= limits::slots_per_shard_max
  std::uint32_t generation = 0;  // 1 for the first user of a slot; 0 names nobody

  /// The word that travels between shards; never 0. Asserts the ranges above and that `generation` is not 0.
  constexpr std::uint64_t pack() const {
    RINGGATE_ASSERT(shard < limits::shards_max && slot <= limits::slots_per_shard_max && generation != 0);
    return (std::uint64_t{shard} << 56) | (std::uint64_t{slot} << 32) | generation;
  }

  /// The inverse of `pack`, for words that `pack` made.
  static constexpr ConnectionRef unpack(std::uint64_t word) {
    return {static_cast<std::uint8_t>(word >> 56), static_cast<std::uint32_t>(word >> 32) & 0xFF'FFFFU,
            static_cast<std::uint32_t>(word)};
  }

  friend constexpr bool operator==(const ConnectionRef&, const ConnectionRef&) = default;
};

}  // namespace ringgate::device
