// Checks that each push arrives once, unchanged, at the right device, and in the order of its admin line.
//
// A push has the number of its line and its place on that line. Pushes of one line to one device arrive in order, pushes of
// different lines in any order. One thread. Invariant: there are never more arrivals than pushes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace ringgate::measure {

class DeliveryLedger {
 public:
  DeliveryLedger(std::uint32_t devices, std::uint32_t lines)
      : lines_(lines), lasts_(std::size_t{devices} * lines), sent_(lines), times_(std::size_t{lines} * window) {}

  /// Records a push on `line` at `now`; returns its number, which is never 0.
  std::uint64_t send(std::uint32_t line, TimeNs now) {
    const std::uint64_t place = ++sent_[line];
    times_[line * window + place % window] = now;
    return place * lines_ + line;
  }

  struct Arrival {
    TimeNs sent_at = 0;
    const char* fault = nullptr;
  };

  /// Records the arrival of push `number` at `device`.
  Arrival arrive(std::uint32_t device, std::uint64_t number) {
    const auto line = static_cast<std::uint32_t>(number % lines_);
    const std::uint64_t place = number / lines_;
    if (place == 0 || place > sent_[line]) return {0, "a push that was never sent"};
    std::uint64_t& last = lasts_[std::size_t{device} * lines_ + line];
    if (place <= last) return {0, place == last ? "a push that arrived twice" : "a push that arrived behind a later one"};
    last = place;
    return {times_[line * window + place % window], nullptr};
  }

  /// The most pushes of one line under way whose times are kept.
  static constexpr std::size_t window = 8192;

 private:
  std::uint32_t lines_;
  std::vector<std::uint64_t> lasts_;  // by device and line: the place of the last arrival
  std::vector<std::uint64_t> sent_;   // by line
  std::vector<TimeNs> times_;
};

}  // namespace ringgate::measure
