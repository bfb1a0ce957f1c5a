// The send times of an open loop's units: evenly spaced from a start, whatever the server does.
//
// Latency counts from these times, so a server that stalls is charged for every unit that waited: this avoids what Gil Tene calls
// coordinated omission. Invariant: due times never go back.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace ringgate::measure {

class Schedule {
 public:
  Schedule(TimeNs start, double per_second)
      : start_(start), spacing_ns_(static_cast<double>(nanoseconds_per_second) / per_second) {}

  /// The time of the next unit.
  TimeNs next_due() const { return start_ + static_cast<DurationNs>(static_cast<double>(taken_) * spacing_ns_); }
  bool is_due(TimeNs now) const { return next_due() <= now; }

  /// Takes the next unit; returns its number, counted from 0.
  std::uint64_t take() { return taken_++; }
  std::uint64_t taken_count() const { return taken_; }

 private:
  TimeNs start_;
  double spacing_ns_;
  std::uint64_t taken_ = 0;
};

}  // namespace ringgate::measure
