// The claims of a token, and the rules that they must keep (RFC 7519 section 4). Says nothing of who signed them: jwt.h does.
// Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "auth/jwt_fault.h"

struct json_t;

namespace ringgate::auth {

/// What a route or a gate asks of tokens. Immutable while it is in use.
struct JwtRules {
  std::vector<std::string> issuers;  // `iss` must be one of them; empty: any, or none
  std::vector<std::string>
      audiences;  // `aud` must name one of them; empty: a token that has `aud` is refused (RFC 7519 section 4.1.3)
  std::int64_t leeway_seconds = 60;  // by which clocks may differ, in each direction
  bool expiry_required = true;       // a token without `exp` would be good for ever
  std::string id_claim = "sub";      // the member that holds the device's id
  std::string groups_claim = "groups";
};

/// Limits that a token brings for its device: {"ringgate":{"limits":{"message_rate":N,"byte_rate":N}}}.
struct JwtLimits {
  std::optional<std::uint64_t> message_rate;  // messages a second
  std::optional<std::uint64_t> byte_rate;     // bytes a second
};

/// What is used of a token. Texts are UTF-8 without U+0000, and otherwise anything: whoever needs an id checks its characters.
struct JwtClaims {
  std::string id;        // of `id_claim`; empty if the token does not have it
  std::string subject;   // `sub`; empty if there is none
  std::string token_id;  // `jti`; empty if there is none
  std::vector<std::string> groups;
  std::optional<std::int64_t> expires_at;  // Unix time in seconds, without leeway
  std::optional<std::int64_t> issued_at;
  JwtLimits limits;
};

/// Reads and judges the claims of the object at `now_seconds` (Unix time). A token expires at `exp` + leeway and begins at `nbf` - leeway.
/// Allocates; throws std::bad_alloc.
std::expected<JwtClaims, JwtFault> read_claims(const json_t* object, const JwtRules& rules, std::int64_t now_seconds);

}  // namespace ringgate::auth
