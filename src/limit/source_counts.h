// How many connections each source has now: exact, because nothing is forgotten before it is given back.
//
// Not a rate. Grows with the sources that have connections, so its ceiling is the number of connection slots. Any thread: a lock
// per stripe of keys. Invariant: a key has an entry exactly while its count is not 0.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/assert.h"

namespace ringgate::limit {

class SourceCounts {
 public:
  /// Counts one connection of `key`, unless it has `most` already: then false, and nothing has changed. May allocate. `key`: of a
  /// keyed hash.
  bool enter(std::uint64_t key, std::uint64_t most) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.counts.try_emplace(key, 0).first;
    if (found->second >= most) return false;  // `most` is at least 1, so a new entry does not stay at 0
    ++found->second;
    return true;
  }

  /// Gives back what `enter` counted.
  void leave(std::uint64_t key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.counts.find(key);
    RINGGATE_ASSERT(found != stripe.counts.end() && found->second > 0);
    if (--found->second == 0) stripe.counts.erase(found);
  }

  std::uint64_t count(std::uint64_t key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.counts.find(key);
    return found == stripe.counts.end() ? 0 : found->second;
  }

  /// Sources that have connections.
  std::size_t sources_count() {
    std::size_t sum = 0;
    for (Stripe& stripe : stripes_) {
      const std::lock_guard lock(stripe.mutex);
      sum += stripe.counts.size();
    }
    return sum;
  }

 private:
  struct AsItIs {
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  struct alignas(64) Stripe {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint32_t, AsItIs> counts;
  };
  static constexpr std::size_t stripes_count = 64;
  Stripe& stripe_of(std::uint64_t key) { return stripes_[key >> 58]; }
  static_assert(stripes_count == std::size_t{1} << (64 - 58));

  std::array<Stripe, stripes_count> stripes_;
};

}  // namespace ringgate::limit
