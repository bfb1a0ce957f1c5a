#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ringgate::load {

void Histogram::record(std::uint64_t value) {
  ++cells_[cell_of(value)];
  ++count_;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t cell = 0; cell < cells_count; ++cell) cells_[cell] += other.cells_[cell];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Histogram Histogram::since(const Histogram& earlier) const {
  Histogram later;
  for (std::size_t cell = 0; cell < cells_count; ++cell) later.cells_[cell] = cells_[cell] - earlier.cells_[cell];
  later.count_ = count_ - earlier.count_;
  later.max_ = max_;
  return later;
}

double Histogram::mean() const {
  double sum = 0;
  for (std::size_t cell = 0; cell < cells_count; ++cell)
    sum += static_cast<double>(cells_[cell]) * static_cast<double>(std::min(last_value_of(cell), max_));
  return count_ == 0 ? 0 : sum / static_cast<double>(count_);
}

double Histogram::deviation() const {
  const double middle = mean();
  double sum = 0;
  for (std::size_t cell = 0; cell < cells_count; ++cell) {
    const double distance = static_cast<double>(std::min(last_value_of(cell), max_)) - middle;
    sum += static_cast<double>(cells_[cell]) * distance * distance;
  }
  return count_ == 0 ? 0 : std::sqrt(sum / static_cast<double>(count_));
}

std::uint64_t Histogram::count_up_to(std::uint64_t value) const {
  const std::size_t last = cell_of(value);
  std::uint64_t passed = 0;
  for (std::size_t cell = 0; cell <= last; ++cell) passed += cells_[cell];
  return passed;
}

std::uint64_t Histogram::at(double fraction) const {
  if (count_ == 0) return 0;
  const double rank = std::ceil(fraction * static_cast<double>(count_));
  const auto wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
  std::uint64_t passed = 0;
  for (std::size_t cell = 0; cell < cells_count; ++cell) {
    passed += cells_[cell];
    if (passed >= wanted) return std::min(last_value_of(cell), max_);
  }
  return max_;
}

// cell = octave * 128 + the 7 bits below the leading bit; in octave 0 each value below 128 is its own cell.
std::size_t Histogram::cell_of(std::uint64_t value) {
  if (value < cells_per_octave) return static_cast<std::size_t>(value);
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 8;
  const auto below_leading_bit = static_cast<std::size_t>(value >> shift) - cells_per_octave;
  return (shift + 1) * cells_per_octave + below_leading_bit;
}

std::uint64_t Histogram::last_value_of(std::size_t cell) {
  if (cell < cells_per_octave) return cell;
  const std::size_t shift = cell / cells_per_octave - 1;
  const std::uint64_t first = (cells_per_octave + cell % cells_per_octave) << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace ringgate::load
