// A log-linear histogram of durations, after HdrHistogram (Gil Tene). Each power of two has 128 equal cells, so a percentile is
// wrong by less than 0.8 % of its value.
//
// It does not keep the times of values. Its size is fixed (about 58 KiB), so recording never allocates. One writer thread; merge
// when the writers have ended. Invariant: count() is the sum of all cells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringgate::load {

class Histogram {
 public:
  /// Counts one value, in any unit, up to 64 bits.
  void record(std::uint64_t value);

  void merge(const Histogram& other);

  /// The values recorded since `earlier`, an earlier copy of this histogram. Its max() is that of all values.
  Histogram since(const Histogram& earlier) const;

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }  // exact
  double mean() const;                        // counts each value as the end of its cell; 0 without values
  double deviation() const;                   // the standard deviation, computed likewise

  /// The number of values in the cells up to that of `value`.
  std::uint64_t count_up_to(std::uint64_t value) const;

  /// The upper end of the cell of the value at `fraction` (0 < fraction <= 1) of all ordered values, at most max(); 0 without
  /// values.
  std::uint64_t at(double fraction) const;

  /// Values that share a cell differ by less than one part in `cells_per_octave`.
  static constexpr std::size_t cells_per_octave = 128;

 private:
  static constexpr std::size_t octaves_count = 64 - 7;  // below 2^7 every value has its own cell
  static constexpr std::size_t cells_count = (octaves_count + 1) * cells_per_octave;

  static std::size_t cell_of(std::uint64_t value);
  static std::uint64_t last_value_of(std::size_t cell);

  std::array<std::uint64_t, cells_count> cells_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace ringgate::load
