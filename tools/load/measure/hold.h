// The hold scenario: keeps idle connections open and answers their pings until the caller ends it.
//
// Prints `holding N` on stdout when all are open, and then waits for the end of stdin, SIGTERM, SIGINT or --seconds. One thread.
#pragma once

#include "load/measure/common_options.h"

namespace ringgate::measure {

struct HoldResult {
  double opening_seconds = 0;
  double held_seconds = 0;
  std::uint64_t opened = 0;
  std::uint64_t ended = 0;  // ended by the server while held
  std::uint64_t pings = 0;
  std::uint64_t messages = 0;  // sent by the server without a request
  std::uint64_t connect_failures = 0;
  std::string error_text;
  bool could_run = true;

  int exit_code() const { return !could_run ? 2 : ended != 0 ? 1 : 0; }
};

HoldResult run_hold(const CommonOptions& options);

}  // namespace ringgate::measure
