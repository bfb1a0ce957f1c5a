// The file of a listening Unix socket: claimed before it is bound, removed when the gate ends. Start-up and end only.
#pragma once

#include <sys/stat.h>

#include <expected>
#include <string>
#include <utility>

#include "ring/ring.h"

namespace ringgate::ring {

/// Whoever may open the file may connect: the gate's user and group, whatever the umask.
inline constexpr mode_t unix_socket_mode = 0660;

/// Sees to it that nothing has the name, for who holds the lock. Removes a socket on which nobody listens; fails (71, 77) if somebody does, or if it is no
/// socket.
std::expected<void, SetupError> claim_socket_path(const ListenAddress& address);

/// Claims the path, binds and listens, as one step: of gates that try so at the same time one succeeds, and the others fail with 71.
std::expected<int, SetupError> listen_on_path(const ListenAddress& address, int backlog);

/// Keeps others from claiming, binding or removing a path meanwhile. Its file stands beside the path while the lock is held, and a
/// moment after its holder was killed; a file that nobody holds does not matter.
class PathLock {
 public:
  /// Waits for a short time. The error is an errno value; EBUSY: somebody holds it for too long.
  static std::expected<PathLock, int> take(const std::string& path);
  ~PathLock();
  PathLock(PathLock&& other) noexcept : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  PathLock(const PathLock&) = delete;
  PathLock& operator=(const PathLock&) = delete;
  PathLock& operator=(PathLock&&) = delete;

 private:
  PathLock(std::string file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  std::string file_;
  int descriptor_;
};

/// A socket with unix_socket_mode from its first moment on. The error is an errno value.
std::expected<int, int> bind_unix_socket(const std::string& path);

SetupError describe_unix_failure(const ListenAddress& address, int error);

}  // namespace ringgate::ring
