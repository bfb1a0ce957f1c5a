// The command line: commands, flags, help. Runs every command except `serve`: for that it returns the settings to main, which
// starts the server. Main thread, before any other thread.
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

/// How io_uring is probed: ring::probe in the binary, a stand-in in tests.
using RingProbe = std::expected<ring::Features, ring::SetupError> (*)();

/// The output streams of the command line. Borrows both for the call.
struct Terminal {
  std::ostream& out;  // data
  std::ostream& err;  // messages: `ringgate: CAUSE; REMEDY`, one line each
};

/// Runs the command. A value means: serve with these settings. An error is the exit code; all output is written by then.
/// `arguments` are main's, with the program's name; `environment` as in config::ConfigSources.
std::expected<config::LoadedConfig, ExitCode> run_command_line(std::span<const char* const> arguments,
                                                               std::span<const std::string> environment, RingProbe probe,
                                                               const Terminal& terminal);

/// For a reload: the settings of `serve` as these arguments and their file say now. The error is the first fault. Prints nothing.
/// Any thread that is no shard.
std::expected<config::LoadedConfig, StartError> read_settings_again(std::span<const char* const> arguments,
                                                                    std::span<const std::string> environment);

/// The environment of the process as `run_command_line` takes it.
std::vector<std::string> process_environment();

}  // namespace ringgate::server
