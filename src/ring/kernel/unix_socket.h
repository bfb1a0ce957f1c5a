// The file of a listening Unix socket: claimed before it is bound, removed when the gate ends. Start-up and end only.
#pragma once

#include <sys/stat.h>

#include <string>

#include "ring/ring.h"

namespace ringgate::ring {

/// Whoever may open the file may connect: the gate's user and group, whatever the umask.
inline constexpr mode_t unix_socket_mode = 0660;

/// Sees to it that nothing has the name. Removes a socket on which nobody listens; fails (71, 77) if somebody does, or if it is no
/// socket.
std::expected<void, SetupError> claim_socket_path(const ListenAddress& address);

/// A socket with unix_socket_mode from its first moment on. The error is an errno value.
std::expected<int, int> bind_unix_socket(const std::string& path);

SetupError describe_unix_failure(const ListenAddress& address, int error);

}  // namespace ringgate::ring
