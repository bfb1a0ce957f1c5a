// The version of ringgate, and what it was built with and runs on. Any thread.
#pragma once

#include <string>

#include "server/command_line.h"

namespace ringgate::server {

/// "0.1.0"
const char* version();

/// The text of `ringgate version`: version, compiler, libraries, kernel and the features probed, one `name value` per line.
std::string describe_version(RingProbe probe);

/// "6.12.9-amd64"
std::string kernel_release();

}  // namespace ringgate::server
