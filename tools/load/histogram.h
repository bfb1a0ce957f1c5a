// A log-linear histogram of durations: every power of two is cut into 128 equal cells, so a percentile is
// wrong by less than 0.8 % of its value, whatever the value. The idea is HdrHistogram's (Gil Tene); the code
// is ours.
//
// Not a time series: it forgets when a value came. Fixed size (about 58 KiB), so recording never allocates.
// Thread: one writer; merge when the writers have ended. Invariant: count() is the sum of all cells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringgate::load {

class Histogram {
 public:
  /// Counts one value, in any unit. The full range of 64 bits has a cell.
  void record(std::uint64_t value);

  void merge(const Histogram& other);

  /// What was recorded after `earlier`, a copy of this histogram as it was. Its max() is that of the whole.
  Histogram since(const Histogram& earlier) const;

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }  // exact
  double mean() const;                        // each value taken as its cell's end; 0 when nothing was recorded
  double deviation() const;                   // the standard deviation, likewise

  /// How many values lie in the cells up to that of `value`.
  std::uint64_t count_up_to(std::uint64_t value) const;

  /// The upper end of the cell that holds the value at `fraction` (0 < fraction <= 1) of all values in order,
  /// at most max(); 0 when nothing was recorded.
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
