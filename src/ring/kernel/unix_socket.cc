#include "ring/kernel/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "ring/kernel/errors.h"
#include "ring/socket_file.h"

namespace ringgate::ring {

namespace {

static_assert(ListenAddress::path_bytes_max + 1 == sizeof(sockaddr_un::sun_path));

sockaddr_un to_unix_address(const std::string& path) {
  RINGGATE_ASSERT(path.size() <= ListenAddress::path_bytes_max);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int unix_stream_socket(int flags) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0); }

/// What connecting meets, as an errno value; 0: somebody listens.
int try_to_connect(const std::string& path) {
  const int descriptor = unix_stream_socket(SOCK_NONBLOCK);
  if (descriptor < 0) return errno;
  const sockaddr_un address = to_unix_address(path);
  const int error = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(descriptor);
  return error;
}

}  // namespace

SetupError describe_unix_failure(const ListenAddress& address, int error) {
  const std::string cause = "cannot listen on " + address.text() + ": " + std::strerror(error);
  switch (error) {
    case EBUSY:
      return {exit_system, cause, "wait until the gate that is starting there has started, then stop it or choose another path"};
    case EADDRINUSE: return {exit_system, cause, "stop the process that listens there, or choose another path"};
    case ENOTSOCK: return {exit_system, cause, "remove that file, or choose another path"};
    case ENOENT:
    case ENOTDIR: return {exit_system, cause, "create the directory"};
    case EACCES:
    case EPERM:
    case EROFS: return {exit_permission, cause, "let the gate's user write in that directory"};
    case EMFILE:
    case ENFILE: return {exit_system, cause, "raise RLIMIT_NOFILE (LimitNOFILE=)"};
    default: return {exit_system, cause, "run: ringgate doctor"};
  }
}

std::expected<void, SetupError> claim_socket_path(const ListenAddress& address) {
  const auto failed = [&](int error) { return std::unexpected(describe_unix_failure(address, error)); };
  struct stat found{};
  if (lstat(address.path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};  // binding tells if the directory is what is missing
    return failed(errno);
  }
  if (!S_ISSOCK(found.st_mode)) return failed(ENOTSOCK);
  switch (const int error = try_to_connect(address.path)) {
    case ENOENT: return {};
    case ECONNREFUSED: break;
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE: return failed(error);
    default: return failed(EADDRINUSE);  // it was accepted, its backlog is full, or it is no stream
  }
  if (unlink(address.path.c_str()) != 0 && errno != ENOENT) return failed(errno);
  return {};
}

std::expected<int, int> bind_unix_socket(const std::string& path) {
  const int descriptor = unix_stream_socket(0);
  if (descriptor < 0) return std::unexpected(errno);
  const sockaddr_un address = to_unix_address(path);
  // The file gets the mode of the descriptor less the umask, so at no moment more; then all of it.
  if (fchmod(descriptor, unix_socket_mode) != 0 ||
      bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), unix_socket_mode) != 0) {
    const int error = errno;
    close(descriptor);
    return std::unexpected(error);
  }
  return descriptor;
}

std::expected<int, SetupError> listen_on_path(const ListenAddress& address, int backlog) {
  const auto lock = PathLock::take(address.path);
  if (!lock) return std::unexpected(describe_unix_failure(address, lock.error()));
  if (auto claimed = claim_socket_path(address); !claimed) return std::unexpected(std::move(claimed.error()));
  const auto descriptor = bind_unix_socket(address.path);
  if (!descriptor) return std::unexpected(describe_unix_failure(address, descriptor.error()));
  // Within the lock: until it listens, it looks like one that a killed gate has left.
  if (listen(*descriptor, backlog) == 0) return *descriptor;
  const int error = errno;
  close(*descriptor);
  return std::unexpected(describe_unix_failure(address, error));
}

std::expected<PathLock, int> PathLock::take(const std::string& path) {
  constexpr int tries_max = 100, pause_ms = 5;
  std::string file = path + ".lock";
  for (int tries = 0; tries < tries_max; ++tries) {
    const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (descriptor < 0) return std::unexpected(errno);
    const int error = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    struct stat held{}, named{};
    // Whoever held it before has removed its file: another one may be the lock by now.
    if (error == 0 && fstat(descriptor, &held) == 0 && lstat(file.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
        held.st_ino == named.st_ino)
      return PathLock(std::move(file), descriptor);
    close(descriptor);
    if (error == EWOULDBLOCK) (void)poll(nullptr, 0, pause_ms);
    else if (error != 0) return std::unexpected(error);
  }
  return std::unexpected(EBUSY);
}

PathLock::~PathLock() {
  if (descriptor_ < 0) return;
  (void)unlink(file_.c_str());
  close(descriptor_);
}

SocketFile::SocketFile(const ListenAddress& address) {
  struct stat found{};
  if (lstat(address.path.c_str(), &found) != 0) return;
  path_ = address.path;
  device_ = found.st_dev;
  inode_ = found.st_ino;
  made_at_ = {found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

/// The time too, because a file system may give the number of a file that was removed to the next one.
bool SocketFile::is_named() const {
  struct stat found{};
  return lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_ &&
         made_at_ == std::pair{std::int64_t{found.st_mtim.tv_sec}, std::int64_t{found.st_mtim.tv_nsec}};
}

/// Without the lock another gate could take the path between the look and the removal. If it cannot be had, the file stays, which the
/// next start removes.
SocketFile::~SocketFile() {
  if (path_.empty() || !is_named()) return;
  const auto lock = PathLock::take(path_);
  if (lock && is_named()) (void)unlink(path_.c_str());
}

}  // namespace ringgate::ring
