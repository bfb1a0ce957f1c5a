#include "auth/secret_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringgate::auth {
namespace {

std::string unreadable(const std::string& file, int cause) { return file + " cannot be read: " + std::strerror(cause); }

}  // namespace

void wipe(MutableBytes bytes) {
  if (!bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    wipe(bytes_);
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

void SecretBytes::shrink(std::size_t size) {
  if (size >= bytes_.size()) return;
  wipe(MutableBytes(bytes_).subspan(size));
  bytes_.resize(size);
}

std::expected<OpenFile, std::string> OpenFile::open(const std::string& file, std::uint64_t bytes_max) {
  // Not blocking: a named pipe without a writer would hold the start up.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::unexpected(unreadable(file, errno));
  OpenFile opened(descriptor, 0, 0, file);
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0) return std::unexpected(unreadable(file, errno));
  if (S_ISDIR(facts.st_mode)) return std::unexpected(file + " is a directory");
  if (!S_ISREG(facts.st_mode)) return std::unexpected(file + " is not a regular file");
  opened.mode_ = facts.st_mode;
  opened.size_ = static_cast<std::uint64_t>(facts.st_size);
  if (opened.size_ > bytes_max) return std::unexpected(file + " is larger than " + std::to_string(bytes_max) + " bytes");
  return opened;
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<std::string> OpenFile::warning() const {
  if ((mode_ & S_IROTH) == 0) return std::nullopt;
  return name_ + " can be read by every user of this machine; chmod o-r is advised";
}

std::expected<std::size_t, std::string> OpenFile::read(MutableBytes out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::read(descriptor_, out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(unreadable(name_, errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::expected<SecretFile, std::string> read_secret_file(const std::string& file, std::size_t bytes_max) {
  auto opened = OpenFile::open(file, bytes_max);
  if (!opened) return std::unexpected(std::move(opened.error()));
  SecretFile secret{SecretBytes(static_cast<std::size_t>(opened->size()) + 1), opened->warning()};
  const auto count = opened->read(secret.content.bytes());  // it may have become longer meanwhile
  if (!count) return std::unexpected(count.error());
  if (*count > opened->size()) return std::unexpected(file + " changed while it was read");
  secret.content.shrink(*count);
  return secret;
}

}  // namespace ringgate::auth
