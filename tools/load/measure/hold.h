// The hold scenario: idle connections, kept open and their pings answered until the caller has seen enough.
//
// Says `holding N` on stdout when all are open and waits for the end of stdin, SIGTERM or SIGINT, or --seconds. Thread: one.
#pragma once

#include "load/measure/common_options.h"

namespace ringgate::measure {

struct HoldResult {
  double opening_seconds = 0;
  double held_seconds = 0;
  std::uint64_t opened = 0;
  std::uint64_t ended = 0;  // by the server, while they were held
  std::uint64_t pings = 0;
  std::uint64_t messages = 0;  // that the server sent unasked
  std::uint64_t connect_failures = 0;
  std::string error_text;
  bool could_run = true;

  int exit_code() const { return !could_run ? 2 : ended != 0 ? 1 : 0; }
};

HoldResult run_hold(const CommonOptions& options);

}  // namespace ringgate::measure
