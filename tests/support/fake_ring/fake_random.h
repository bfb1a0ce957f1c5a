// The only source of chance in a simulated world: splitmix64, the same on every machine and compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ringgate::ring {

class FakeRandom {
 public:
  explicit FakeRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E37'79B9'7F4A'7C15U;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    word = (word ^ (word >> 27)) * 0x94D0'49BB'1331'11EBU;
    return word ^ (word >> 31);
  }

  /// 0 <= result < `bound`; 0 for a bound of 0. The bias of the modulus does not matter to tests.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

  /// A probability of 0 draws nothing, so that an option left off does not change the rest of the run.
  bool chance(double probability) {
    if (probability <= 0) return false;
    return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }

  template <typename Item>
  void shuffle(std::span<Item> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ringgate::ring
