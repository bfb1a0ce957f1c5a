// What was pushed and what has arrived: each push once, in order per admin line, unchanged, and at the right device.
//
// A push is numbered by its line and its place on that line; pushes on one line to one device arrive in order, pushes on
// different lines in any. Thread: one. Invariant: arrivals never exceed what was sent.
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

  /// Notes a push on `line` at `now`; returns its number, which is never 0.
  std::uint64_t send(std::uint32_t line, TimeNs now) {
    const std::uint64_t place = ++sent_[line];
    times_[line * window + place % window] = now;
    return place * lines_ + line;
  }

  struct Arrival {
    TimeNs sent_at = 0;
    const char* fault = nullptr;
  };

  /// Notes that push `number` arrived at `device`.
  Arrival arrive(std::uint32_t device, std::uint64_t number) {
    const auto line = static_cast<std::uint32_t>(number % lines_);
    const std::uint64_t place = number / lines_;
    if (place == 0 || place > sent_[line]) return {0, "a push that was never sent"};
    std::uint64_t& last = lasts_[std::size_t{device} * lines_ + line];
    if (place <= last) return {0, place == last ? "a push that arrived twice" : "a push that arrived behind a later one"};
    last = place;
    return {times_[line * window + place % window], nullptr};
  }

  /// How many pushes of one line may be under way so that their times are still known.
  static constexpr std::size_t window = 8192;

 private:
  std::uint32_t lines_;
  std::vector<std::uint64_t> lasts_;  // by device and line: the place of the last arrival
  std::vector<std::uint64_t> sent_;   // by line
  std::vector<TimeNs> times_;
};

}  // namespace ringgate::measure
