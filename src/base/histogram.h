// A histogram with fixed buckets whose bounds are powers of two, so that recording is a bit scan and two additions: no division,
// no floating point, no search. It knows no unit and no name; the metrics give it both.
//
// One thread writes, any thread reads: relaxed, as a Counter. A reader may see a value's bucket before its sum.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"

namespace ringgate {

/// `Buckets` bounds, each `1 << Step` times the one before, from `1 << First` on; behind them one bucket without a bound.
template <unsigned First, unsigned Step, unsigned Buckets>
class Histogram {
  static_assert(Step > 0 && First + Step * (Buckets - 1) < 64);

 public:
  static constexpr std::size_t buckets_count = Buckets + 1;

  /// The largest value of bucket `index`; of the last bucket there is none.
  static constexpr std::uint64_t bound(std::size_t index) { return std::uint64_t{1} << (First + Step * index); }

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value - (value != 0 ? 1 : 0)));
    return width <= First ? 0 : std::min<std::size_t>((width - First + Step - 1) / Step, Buckets);
  }

  /// Records `value`, `times` times. The owner.
  void record(std::uint64_t value, std::uint64_t times = 1) {
    counts_[bucket_of(value)].add(times);
    sum_.add(value * times);
  }

  /// Values in this bucket alone. Any thread.
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].get(); }
  std::uint64_t sum() const { return sum_.get(); }

 private:
  std::array<Counter, buckets_count> counts_;
  Counter sum_;
};

/// Nanoseconds from 1 us to 8.6 s: turns and pushes.
using NanosecondHistogram = Histogram<10, 1, 24>;
/// Milliseconds from 1 ms to 33 s: handshakes, round trips.
using MillisecondHistogram = Histogram<0, 1, 16>;
/// Nanoseconds from 1 ms to 34 s: requests to backends.
using RequestHistogram = Histogram<20, 1, 16>;
/// Bytes from 64 to 64 MiB.
using ByteHistogram = Histogram<6, 2, 11>;

}  // namespace ringgate
