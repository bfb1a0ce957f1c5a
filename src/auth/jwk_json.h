// Keys in JSON: RFC 7517 and RFC 7518 section 6. For start and reload; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "auth/jwk.h"

struct json_t;

namespace ringgate::auth {

/// Why the key is not meant to verify signatures, although it may be a good one: "is for use enc". Nothing if it may be.
std::optional<std::string> other_purpose_of(const json_t* object);

/// Whether the key is one that could be read here: its kind, curve and algorithm are known. A set may have others, which do no harm
/// (RFC 7517 section 5), but for private ones. True for what is no key at all.
bool is_offered(const json_t* object);

/// Reads a key. The error goes on where "FILE: key NAME" began. Refused: private keys, whose holder would be able to issue tokens,
/// kinds and curves that are not offered, and whatever make_..._key refuses. Allocates; throws std::bad_alloc.
std::expected<Jwk, std::string> read_json_key(const json_t* object);

}  // namespace ringgate::auth
