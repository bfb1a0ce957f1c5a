// A line on stderr once a second: the rate and percentiles of the last second.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "load/histogram.h"

namespace ringgate::measure {

/// Prints nothing if `is_quiet`.
class ProgressLine {
 public:
  explicit ProgressLine(bool is_quiet) : is_quiet_(is_quiet) {}

  void start(TimeNs now);
  /// Prints if a second has passed; otherwise cheap. `what`: the name of the phase.
  void tick(TimeNs now, const char* what, std::uint64_t messages, const load::Histogram& latency) {
    if (!is_quiet_ && now >= next_) print(now, what, messages, latency);
  }
  void end();

 private:
  void print(TimeNs now, const char* what, std::uint64_t messages, const load::Histogram& latency);

  bool is_quiet_;
  TimeNs started_ = 0;
  TimeNs printed_ = 0;
  TimeNs next_ = ~TimeNs{0};
  bool has_printed_ = false;
  std::uint64_t messages_before_ = 0;
  std::unique_ptr<load::Histogram> before_ = std::make_unique<load::Histogram>();
};

}  // namespace ringgate::measure
