// The command line: commands, flags, help. Everything but `serve` is carried out here; `serve` is handed back with its
// settings, so that main is: run_command_line, preflight, start, wait.
#pragma once

#include <expected>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "config/load.h"
#include "ring/features.h"
#include "ring/ring.h"
#include "ringgate/error.h"

namespace ringgate::server {

/// How the kernel's rings are probed: ring::probe in the binary, a stand-in in tests.
using RingProbe = std::expected<ring::Features, ring::SetupError> (*)();

/// What the command line touches besides its arguments. Borrows; all must outlive the call.
struct Terminal {
  std::ostream& out;  // data
  std::ostream& err;  // messages: `ringgate: CAUSE; REMEDY`, one line each
};

/// Runs the command. A value means: serve with these settings. An error is the exit code after everything has been said.
/// `arguments` are main's, the program's name included; `environment` as in config::ConfigSources. Main thread.
std::expected<config::LoadedConfig, ExitCode> run_command_line(std::span<const char* const> arguments,
                                                               std::span<const std::string> environment, RingProbe probe,
                                                               const Terminal& terminal);

/// The process's environment as `run_command_line` wants it.
std::vector<std::string> process_environment();

}  // namespace ringgate::server
