// Why the gate did not start, and the exit code that says so to a service manager.
#pragma once

#include <cstdint>
#include <string>

namespace ringgate {

/// Exit codes of the binary; the values are those of sysexits(3), so that a unit can name the ones not worth a restart.
enum class ExitCode : std::uint8_t {
  success = 0,
  fault = 1,               // something broke while running
  usage = 64,              // unknown flag or command
  uring_unavailable = 69,  // the kernel or a sandbox refuses io_uring
  system_refused = 71,     // port taken, descriptor limit too low
  no_permission = 77,      // not allowed to bind that port
  bad_configuration = 78,  // unknown key, bad value, unreadable file
};

/// A refused start: what is wrong, and what the operator can do about it. Both are one line of text without a final stop.
struct StartError {
  ExitCode exit_code = ExitCode::fault;
  std::string cause;
  std::string remedy;

  friend bool operator==(const StartError&, const StartError&) = default;
};

/// The line for stderr: `ringgate: CAUSE; REMEDY`, without a newline.
inline std::string to_line(const StartError& error) { return "ringgate: " + error.cause + "; " + error.remedy; }

}  // namespace ringgate
