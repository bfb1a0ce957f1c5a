#include "config/file_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace ringgate::config {
namespace {

constexpr int pipe_patience_ms = 5000;

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

std::unexpected<Complaint> complain(std::string cause, const char* remedy = "name a TOML file with --config") {
  return std::unexpected(Complaint{std::move(cause), remedy});
}

/// A device may hold up whoever opens it, never end, or act on being opened.
std::expected<void, Complaint> judge_kind(const struct stat& found, FileReading reading) {
  constexpr unsigned null_major = 1, null_minor = 3;
  const bool is_null = S_ISCHR(found.st_mode) && found.st_rdev == makedev(null_major, null_minor);
  if (S_ISREG(found.st_mode) || is_null) return {};
  if (S_ISDIR(found.st_mode)) return complain("it is a directory");
  if (S_ISSOCK(found.st_mode)) return complain("it is a socket");
  if (!S_ISFIFO(found.st_mode)) return complain("it is a device");
  if (reading == FileReading::first) return {};
  return complain("it is a pipe, which is read only at the start", "start again with a file that can be read again");
}

/// Waits until a pipe has bytes, or after some of them no writer any more. A named pipe without a writer yet reads like one whose
/// writers have gone.
std::optional<Complaint> await_bytes(const Descriptor& file, std::size_t bytes_so_far) {
  pollfd waiting{.fd = file.number(), .events = POLLIN, .revents = 0};
  const bool has_changed = poll(&waiting, 1, pipe_patience_ms) > 0;
  if (has_changed && ((waiting.revents & POLLIN) != 0 || bytes_so_far > 0)) return std::nullopt;
  return Complaint{"nothing came through the pipe", "write the settings to it and close it, or name a TOML file with --config"};
}

std::expected<std::string, Complaint> read_to_end(const Descriptor& file, bool is_pipe) {
  std::string text(config_file_bytes_max + 1, '\0');
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + bytes, text.size() - bytes);
    if (got > 0) bytes += static_cast<std::size_t>(got);
    else if (got < 0 && errno == EINTR) continue;
    else if (is_pipe && (got < 0 ? errno == EAGAIN : bytes == 0)) {
      if (auto complaint = await_bytes(file, bytes)) return std::unexpected(std::move(*complaint));
    } else if (got < 0)
      return complain(fmt::format("the file cannot be read: {}", std::strerror(errno)),
                      "give the gate's user the right to read it");
    else break;
  }
  if (bytes > config_file_bytes_max)
    return complain(fmt::format("the file is larger than {} bytes", config_file_bytes_max),
                    "name the file that holds the settings");
  text.resize(bytes);
  return text;
}

}  // namespace

std::expected<std::string, Complaint> read_config_file(const std::string& path, FileReading reading) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) {
    const bool is_absent = errno == ENOENT || errno == ENOTDIR;
    return complain(is_absent ? "there is no such file" : std::strerror(errno), "name a readable TOML file with --config");
  }
  if (auto judged = judge_kind(found, reading); !judged) return std::unexpected(std::move(judged.error()));
  const Descriptor file(path);
  if (file.number() < 0) return complain("the file cannot be read", "give the gate's user the right to read it");
  if (fstat(file.number(), &found) != 0) return complain(std::strerror(errno));
  if (auto judged = judge_kind(found, reading); !judged)
    return std::unexpected(std::move(judged.error()));  // it may be another by now
  return read_to_end(file, S_ISFIFO(found.st_mode));
}

}  // namespace ringgate::config
