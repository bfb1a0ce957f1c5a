#include "auth/password_file.h"

#include <openssl/rand.h>

#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::auth {

static_assert(limits::credential_name_bytes_max <= 255, "lengths are bytes");
static_assert(limits::credential_file_bytes_max <= UINT32_MAX, "offsets into the text have 32 bits");

void PasswordFile::add(const PasswordLine& line, std::size_t number) {
  entries_.push_back({line.hash, static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(number), line.expires_at,
                      static_cast<std::uint8_t>(line.user.size()), static_cast<std::uint8_t>(line.device.size()),
                      static_cast<std::uint8_t>(line.group.size())});
  for (const std::string* text : {&line.user, &line.device, &line.group}) text_.insert(text_.end(), text->begin(), text->end());
}

BasicUser PasswordFile::describe(const Entry& entry) const {
  const char* const device = text_.data() + entry.text_at + entry.user_bytes;
  BasicUser user;
  user.user = user_of(entry);
  user.device = entry.device_bytes == 0 ? user.user : std::string_view(device, entry.device_bytes);
  user.group = std::string_view(device + entry.device_bytes, entry.group_bytes);
  user.expires_at = entry.expires_at;
  return user;
}

std::expected<std::shared_ptr<const PasswordFile>, std::string> PasswordFile::read(CredentialLines& lines) {
  auto file = std::make_shared<PasswordFile>();
  file->warning_ = lines.warning();
  std::uint32_t iterations = 0;
  for (;;) {
    const auto said = lines.next();
    if (!said) return std::unexpected(said.error());
    if (!*said) break;
    const auto line = parse_password_line(**said);
    if (!line) return std::unexpected(lines.fault(line.error()));
    file->add(*line, lines.number());
    iterations = std::max(iterations, line->hash.iterations);
  }
  file->entries_.shrink_to_fit();
  file->text_.shrink_to_fit();
  if (iterations > 0) file->iterations_ = iterations;
  file->dummy_.iterations = file->iterations_;
  RINGGATE_ASSERT(RAND_bytes(file->dummy_.hash.data(), static_cast<int>(file->dummy_.hash.size())) == 1);
  const auto user_of = [&file = *file](const Entry& entry) { return file.user_of(entry); };
  std::ranges::sort(file->entries_, {}, user_of);
  const auto twin = std::ranges::adjacent_find(file->entries_, {}, user_of);
  if (twin == file->entries_.end()) return file;
  const auto [first, second] = std::minmax(twin[0].line, twin[1].line);
  return std::unexpected(lines.fault("the user of line " + std::to_string(first) + " is repeated", second));
}

std::expected<std::shared_ptr<const PasswordFile>, std::string> PasswordFile::load(const std::string& file) {
  auto lines = CredentialLines::open(file);
  if (!lines) return std::unexpected(std::move(lines.error()));
  return read(*lines);
}

std::expected<std::shared_ptr<const PasswordFile>, std::string> PasswordFile::parse(std::string_view text,
                                                                                    const std::string& name) {
  CredentialLines lines(text, name);
  return read(lines);
}

std::expected<BasicUser, Fault> PasswordFile::check(std::string_view user, ByteView password, std::int64_t now) const {
  const auto found = std::ranges::lower_bound(entries_, user, {}, [this](const Entry& entry) { return user_of(entry); });
  const bool is_known = found != entries_.end() && user_of(*found) == user;
  const PasswordHash& hash = is_known ? found->hash : dummy_;
  const Sha256 derived = derive_from_password(password, hash.salt, hash.iterations);
  // The rest of what the costliest line takes; at least one iteration, so that every attempt makes two calls.
  const Sha256 rest = derive_from_password(password, dummy_.salt, iterations_ + 1 - hash.iterations);
  asm volatile("" : : "r"(rest.data()) : "memory");  // not left out
  const bool is_right = equal_in_constant_time(derived, hash.hash);
  if (!is_known) return std::unexpected(Fault::user_unknown);
  if (!is_right) return std::unexpected(Fault::password_wrong);
  if (now >= found->expires_at) return std::unexpected(Fault::password_expired);
  return describe(*found);
}

}  // namespace ringgate::auth
