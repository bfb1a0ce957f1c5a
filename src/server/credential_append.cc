#include "server/credential_append.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "auth/secret_file.h"
#include "base/limits.h"

namespace ringgate::server {
namespace {

StartError refused(const std::string& file, const char* what) {
  return {ExitCode::system_refused, file + " cannot be " + what + ": " + std::strerror(errno),
          "check the path and its permissions"};
}

/// What the file holds; empty if it is not there.
std::expected<std::string, StartError> content_of(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return std::string();
  auto read = auth::read_secret_file(file, limits::credential_file_bytes_max);
  if (!read)
    return std::unexpected(StartError{ExitCode::bad_configuration, std::move(read.error()), "name a file that can be read"});
  return std::string(read->content.text());
}

}  // namespace

std::expected<void, StartError> append_credential(const std::string& file, const std::string& line, CredentialJudge judge) {
  auto content = content_of(file);
  if (!content) return std::unexpected(std::move(content.error()));
  const std::string addition = (content->empty() || content->ends_with('\n') ? "" : "\n") + line + "\n";
  if (auto judged = judge(*content + addition, file); !judged) {
    return std::unexpected(StartError{ExitCode::bad_configuration, std::move(judged.error()), "nothing was written"});
  }
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return std::unexpected(refused(file, "opened"));
  const ssize_t written = ::write(descriptor, addition.data(), addition.size());
  const bool done = ::close(descriptor) == 0 && written == static_cast<ssize_t>(addition.size());
  if (!done) return std::unexpected(refused(file, "written"));
  return {};
}

}  // namespace ringgate::server
