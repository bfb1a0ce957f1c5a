// JSON Web Tokens (RFC 7519, RFC 7515 compact form): is this one signed by one of our keys, and what does it say?
//
// A key says which algorithms it may be used with; what the token says of itself only chooses among those (RFC 8725 section 3.1).
// Nothing is fetched: `jwk`, `jku`, `x5u` and `x5c` in a header are ignored. Why libcjose does it: decision 0018.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "auth/jwk_set.h"
#include "auth/jwt_claims.h"
#include "auth/jwt_fault.h"

namespace ringgate::auth {

/// Verifies `token` at `now_seconds` (Unix time) and returns its claims.
///
/// A `kid` in the token names a key. If no key has that name, or the token has none, the keys that it may be of and that allow its
/// algorithm are tried, in the order of the files, at most limits::jwk_tries_max: those without a kid, or all of them.
/// The fault is the first rule that the token breaks: form, key, signature, claims; so claims are judged only if we know who wrote them.
///
/// Any thread, any number of them with one set. A wrong token takes no longer than four signatures of the slowest key. Allocates in
/// proportion to the token. Throws std::bad_alloc; where libcjose or libcrypto have no memory, the signature counts as bad.
std::expected<JwtClaims, JwtFault> verify(std::string_view token, const JwkSet& keys, const JwtRules& rules,
                                          std::int64_t now_seconds);

}  // namespace ringgate::auth
