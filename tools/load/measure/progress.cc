#include "load/measure/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "load/measure/figures.h"

namespace ringgate::measure {

void ProgressLine::start(TimeNs now) {
  started_ = printed_ = now;
  next_ = now + nanoseconds_per_second;
}

// On a terminal each line overwrites the previous one; a file gets all lines.
void ProgressLine::print(TimeNs now, const char* what, std::uint64_t messages, const load::Histogram& latency) {
  // A histogram with fewer values than before was emptied meanwhile: then all its values are new.
  const auto passed = std::make_unique<load::Histogram>(latency.count() >= before_->count() ? latency.since(*before_) : latency);
  const std::uint64_t new_messages = messages >= messages_before_ ? messages - messages_before_ : messages;
  const double seconds = static_cast<double>(now - printed_) / 1e9;
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  fmt::print(stderr, "{}{:4.0f} s {:<9} {:>12} messages/s   p50 {:>8}   p99 {:>8}{}", is_terminal ? "\r" : "",
             static_cast<double>(now - started_) / 1e9, what, grouped(static_cast<double>(new_messages) / seconds),
             duration_text(passed->at(0.5)), duration_text(passed->at(0.99)), is_terminal ? "  " : "\n");
  std::fflush(stderr);
  has_printed_ = is_terminal;
  *before_ = latency;
  messages_before_ = messages;
  printed_ = now;
  next_ = now + nanoseconds_per_second;
}

void ProgressLine::end() {
  if (has_printed_) std::fputs("\n", stderr);
  has_printed_ = false;
}

}  // namespace ringgate::measure
