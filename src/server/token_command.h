// `ringgate token`: makes credentials, and the lines that files of credentials hold about them. Reads and checks no settings, and talks
// to no gate. What it does is token_actions.h; here are its flags and help. Main thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>

#include "ringgate/error.h"
#include "server/command_line.h"

namespace ringgate::server {

/// Runs `ringgate token ...`; all output is written when it returns. `arguments` begin with the word `token`; `in` is read if a flag says
/// so; `now` is in Unix seconds.
ExitCode run_token_command(std::span<const char* const> arguments, std::istream& in, std::int64_t now, const Terminal& terminal);

}  // namespace ringgate::server
