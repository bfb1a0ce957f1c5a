// The handshakes scenario: many connections at once connect, upgrade and close, again and again.
//
// Each handshake is complete: it checks the answer's Sec-WebSocket-Accept and sends a Close frame, which the server must answer
// before it ends the connection. One thread.
#pragma once

#include "load/histogram.h"
#include "load/measure/common_options.h"
#include "load/measure/run_result.h"

namespace ringgate::measure {

struct HandshakesResult {
  DurationNs window = 0;
  std::uint64_t handshakes = 0;  // connections that were opened and closed in the window
  std::uint64_t resumed = 0;     // of them, with a TLS session of before
  load::Histogram opening;       // from connect to the answer
  load::Histogram whole;         // from connect to the end of TCP
  ClientFigures client;
  ServerFigures server;
  std::uint64_t connect_failures = 0;
  std::uint64_t errors = 0;
  std::string error_text;
  bool could_run = true;

  int exit_code() const { return !could_run ? 2 : errors + connect_failures != 0 ? 1 : 0; }
};

HandshakesResult run_handshakes(const CommonOptions& options);

}  // namespace ringgate::measure
