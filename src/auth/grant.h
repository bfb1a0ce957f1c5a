// What a credential proves, whatever its kind: which devices it is good for, and for how long. A value; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/expiry.h"

namespace ringgate::auth {

/// The kinds of credential that a route may take, in the order of `kind_words`.
enum class Kind : std::uint8_t {
  token,  // a static token, known by its hash
  basic,  // user and password (RFC 7617)
  hmac,   // a signed URL
  jwt,    // a JSON Web Token (RFC 7519)
  mtls,   // a client certificate, which the TLS handshake has verified
  none,   // no credential: everybody may connect
};

inline constexpr std::array<std::string_view, 6> kind_words{"token", "basic", "hmac", "jwt", "mtls", "none"};

constexpr std::string_view word_of(Kind kind) { return kind_words[static_cast<std::size_t>(kind)]; }

constexpr std::optional<Kind> parse_kind(std::string_view word) {
  for (std::size_t i = 0; i < kind_words.size(); ++i)
    if (kind_words[i] == word) return static_cast<Kind>(i);
  return std::nullopt;
}

struct Grant {
  Kind kind = Kind::none;
  // The device is one of these; empty: the credential is not bound to ids, but perhaps to a prefix.
  std::vector<std::string> device_ids;
  std::string id_prefix;
  bool covers_signed_ids_only = false;  // an id counts only in the path and the query, which the signature covers
  std::string token_id;                 // the claim `jti`, or the name of the token, user or key; for revocation and logs
  std::vector<std::string> groups;
  std::int64_t expires_at = never;                       // Unix seconds
  std::optional<std::int64_t> issued_at;                 // Unix seconds; nullopt: not known, so older than any moment
  std::optional<std::uint64_t> message_rate, byte_rate;  // a second, for this device; nullopt: the route's

  bool covers(std::string_view device_id) const {
    if (!device_id.starts_with(id_prefix)) return false;
    if (device_ids.empty()) return true;
    for (const std::string& id : device_ids)
      if (id == device_id) return true;
    return false;
  }
};

}  // namespace ringgate::auth
