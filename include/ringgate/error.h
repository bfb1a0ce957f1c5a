// Why the gate did not start, with the exit code for a service manager.
#pragma once

#include <cstdint>
#include <string>

namespace ringgate {

/// Exit codes of the binary, with values of sysexits(3): a systemd unit can name those that a restart does not mend.
enum class ExitCode : std::uint8_t {
  success = 0,
  fault = 1,               // something broke while running
  usage = 64,              // unknown flag or command
  uring_unavailable = 69,  // the kernel or a sandbox does not allow io_uring
  system_refused = 71,     // port taken, descriptor limit too low
  no_permission = 77,      // not allowed to bind that port
  bad_configuration = 78,  // unknown key, bad value, unreadable file
};

/// Why the gate did not start, and what the operator can do about it. Each text is one line without a final stop.
struct StartError {
  ExitCode exit_code = ExitCode::fault;
  std::string cause;
  std::string remedy;

  friend bool operator==(const StartError&, const StartError&) = default;
};

/// The line for stderr: `ringgate: CAUSE; REMEDY`, without a newline.
inline std::string to_line(const StartError& error) { return "ringgate: " + error.cause + "; " + error.remedy; }

}  // namespace ringgate
