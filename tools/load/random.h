// A small seeded generator (xoshiro256**, seeded by splitmix64): the same seed gives the same run.
//
// Not for secrets. It also makes masking keys: RFC 6455 section 10.3 demands unpredictable ones, to protect against hostile pages
// in browsers; a load tool needs different and repeatable ones. Thread: the owner's. Invariant: the state is never all zero.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "ringgate/bytes.h"

namespace ringgate::load {

__extension__ using Wide = unsigned __int128;

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// A number in [0, bound); `bound` must not be 0. Its bias, at most bound / 2^64, does not matter here.
  std::uint64_t below(std::uint64_t bound) { return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64); }

  void fill(MutableBytes out) {
    while (!out.empty()) {
      const std::uint64_t word = next();
      const std::size_t taken = out.size() < sizeof word ? out.size() : sizeof word;
      std::memcpy(out.data(), &word, taken);
      out = out.subspan(taken);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace ringgate::load
