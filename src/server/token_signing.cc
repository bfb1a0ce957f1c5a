// The actions of `ringgate token` that sign: URLs, and the keys for them.
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "auth/expiry.h"
#include "auth/signed_url.h"
#include "auth/text_coding.h"
#include "base/assert.h"
#include "server/credential_append.h"
#include "server/token_actions.h"

namespace ringgate::server {
namespace {

std::unexpected<StartError> bad_file(std::string cause) {
  return std::unexpected(
      StartError{ExitCode::bad_configuration, std::move(cause), "`ringgate token keys hmac` makes a line of such a file"});
}

struct NamedKey {
  auth::UrlKey key;
  std::string asked_for;  // the name behind the file's; empty: the first key was taken
};

/// The key of FILE or FILE:NAME. If there is a file of the whole name, a colon in it is part of the file's name.
std::expected<NamedKey, StartError> find_key(const std::string& text) {
  const std::size_t colon = ::access(text.c_str(), F_OK) == 0 ? std::string::npos : text.rfind(':');
  const std::string file = text.substr(0, colon);
  std::string name = colon == std::string::npos ? "" : text.substr(colon + 1);
  auto lines = auth::CredentialLines::open(file);
  if (!lines) return bad_file(std::move(lines.error()));
  auto keys = auth::read_url_keys(*lines);
  if (!keys) return bad_file(std::move(keys.error()));
  const auto found = name.empty() ? keys->begin() : std::ranges::find(*keys, name, &auth::UrlKey::name);
  if (found == keys->end()) return bad_file(file + " holds no key of the name behind the colon");
  return NamedKey{std::move(*found), std::move(name)};
}

std::optional<std::string> complaint_about(const TokenFlags& flags) {
  constexpr auto is_raw = [](char c) { return c <= ' ' || c > '~' || c == '#' || c == '"'; };
  if (!flags.path.starts_with('/')) return "--path begins with a slash";
  if (flags.path.find('?') != std::string::npos) return "--path has a query, which is for --query";
  if (std::ranges::any_of(flags.path + flags.query, is_raw)) return "--path and --query are not escaped as in a URL";
  return std::nullopt;
}

}  // namespace

TokenResult make_signed_url(const TokenFlags& flags, const TokenSources& sources) {
  if (auto complaint = complaint_about(flags)) return std::unexpected(token_usage(std::move(*complaint)));
  const auto expires_at = read_lifetime(flags, sources);
  if (!expires_at) return std::unexpected(expires_at.error());
  if (*expires_at == auth::never) return std::unexpected(token_usage("a signed URL ends: --expires 1h"));
  const auto found = find_key(flags.key);
  if (!found) return std::unexpected(found.error());
  const auto url = auth::sign_url(flags.path, flags.query, *expires_at, found->asked_for, auth::Hmac(found->key.secret.bytes()));
  if (url) return *url + "\n";
  return std::unexpected(token_usage("--query has expires, signature, kid or key_id, which the signing adds"));
}

TokenResult make_key(const TokenFlags& flags, const TokenSources& sources) {
  if (flags.kind != "hmac") return make_jwt_key(flags, sources);
  std::array<std::uint8_t, 32> secret;
  RINGGATE_ASSERT(RAND_priv_bytes(secret.data(), static_cast<int>(secret.size())) == 1);
  const std::string name = flags.name.empty() ? "key-1" : flags.name;
  const std::string line = name + ":" + auth::encode_base64(secret, auth::Base64::standard);
  if (auto judged = judge_by<auth::UrlKeys>(line, "--name"); !judged)
    return std::unexpected(token_usage("--name is not of letters, digits and . _ ~ -"));
  if (flags.append.empty()) return line + "\n";
  if (auto appended = append_credential(flags.append, line, judge_by<auth::UrlKeys>); !appended)
    return std::unexpected(std::move(appended.error()));
  return std::string();
}

}  // namespace ringgate::server
