#include "hooks/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "auth/text_coding.h"
#include "base/limits.h"

namespace ringgate::hooks {
namespace {

constexpr std::string_view prefix = "whsec_";

std::expected<auth::SecretBytes, std::string> key_of(auth::SecretBytes content, const std::string& file) {
  std::size_t size = content.bytes().size();
  while (size > 0 && std::string_view(" \t\r\n").contains(content.text()[size - 1])) --size;
  content.shrink(size);
  if (content.text().starts_with(prefix)) {
    auth::SecretBytes decoded(content.bytes().size());
    const auto bytes = auth::decode_base64(content.text().substr(prefix.size()), auth::Base64::standard, decoded.bytes());
    if (!bytes) return std::unexpected(file + ": what follows whsec_ is not base64");
    decoded.shrink(*bytes);
    content = std::move(decoded);
  }
  if (content.bytes().size() < limits::webhook_key_bytes_min)
    return std::unexpected(fmt::format("{}: the key has {} bytes; it needs at least {}", file, content.bytes().size(),
                                       limits::webhook_key_bytes_min));
  return content;
}

}  // namespace

std::expected<SigningKeys, std::string> SigningKeys::load(const std::vector<std::string>& files,
                                                          std::vector<std::string>& warnings) {
  SigningKeys keys;
  for (const std::string& file : files) {
    auto read = auth::read_secret_file(file, 2 * limits::webhook_key_bytes_max);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->warning) warnings.push_back(*read->warning);
    auto key = key_of(std::move(read->content), file);
    if (!key) return std::unexpected(std::move(key.error()));
    keys.add(std::move(*key));
  }
  return keys;
}

std::string SigningKeys::sign(std::int64_t unix_seconds, std::string_view body) const {
  if (keys_.empty()) return {};
  std::string value = fmt::format("t={}", unix_seconds);
  std::string text = fmt::format("{}.", unix_seconds);
  text.append(body);
  for (const auth::SecretBytes& key : keys_) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    const ByteView signed_bytes = bytes_of(text);
    HMAC(EVP_sha256(), key.bytes().data(), static_cast<int>(key.bytes().size()), signed_bytes.data(), signed_bytes.size(),
         digest.data(), &size);
    value.append(",v1=").append(auth::encode_hex(ByteView(digest).first(size)));
  }
  return value;
}

}  // namespace ringgate::hooks
