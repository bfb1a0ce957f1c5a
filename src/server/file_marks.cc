#include "server/file_marks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "auth/secret_file.h"
#include "base/limits.h"
#include "tls/dates.h"

namespace ringgate::server {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

using State = std::unique_ptr<XXH3_state_t, decltype([](XXH3_state_t* state) { XXH3_freeState(state); })>;

std::optional<std::pair<std::uint64_t, std::uint64_t>> digest_of(const std::string& file) {
  auto opened = auth::OpenFile::open(file, limits::credential_file_bytes_max);
  const State state(XXH3_createState());
  if (!opened || state == nullptr || XXH3_128bits_reset(state.get()) != XXH_OK) return std::nullopt;
  auth::SecretBytes piece(piece_bytes);
  for (;;) {
    const auto count = opened->read(piece.bytes());
    if (!count) return std::nullopt;
    if (XXH3_128bits_update(state.get(), piece.bytes().data(), *count) != XXH_OK) return std::nullopt;
    if (*count < piece_bytes) break;
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return std::pair{hash.low64, hash.high64};
}

void mark(std::string key, const std::string& file, FileMarks& marks) {
  struct stat facts{};
  if (file.empty() || ::stat(file.c_str(), &facts) != 0) return;
  if (const auto digest = digest_of(file))
    marks.push_back({std::move(key), file, *digest,
                     fmt::format("{}, {} bytes of {}", file, facts.st_size, tls::date_of(facts.st_mtim.tv_sec))});
}

}  // namespace

FileMarks mark_secret_files(const Config& config) {
  FileMarks marks;
  for (std::size_t i = 0; i < config.listeners.size(); ++i)
    mark(fmt::format("listener.{}.tls.ticket_keys", i), config.listeners[i].tls.ticket_secret_file, marks);
  if (config.admin.bind != "off") {
    mark("admin.tls.ticket_keys", config.admin.tls.ticket_secret_file, marks);
    for (const std::string& file : config.admin.token_files) mark("admin.tokens", file, marks);
  }
  mark("auth.token.tokens", config.auth.token_file, marks);
  mark("auth.basic.users", config.auth.password_file, marks);
  mark("auth.hmac.keys", config.auth.url_key_file, marks);
  for (const std::string& file : config.auth.jwt.key_files) mark("auth.jwt.keys", file, marks);
  for (std::size_t i = 0; i < config.webhooks.size(); ++i)
    for (const std::string& file : config.webhooks[i].secret_files) mark(fmt::format("webhook.{}.secret_files", i), file, marks);
  return marks;
}

std::vector<SettingChange> compare_marks(const FileMarks& before, const FileMarks& after) {
  std::vector<SettingChange> changes;
  for (const FileMark& now : after) {
    const auto old =
        std::ranges::find_if(before, [&](const FileMark& each) { return each.key == now.key && each.file == now.file; });
    if (old != before.end() && old->digest != now.digest) changes.push_back({now.key, old->text, now.text});
  }
  return changes;
}

}  // namespace ringgate::server
