// Public keys in PEM, as `openssl pkey -pubout` writes them. For start and reload; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwk.h"

namespace ringgate::auth {

/// True if `text` is to be read as PEM.
bool is_pem(std::string_view text);

/// Reads all keys of `text`, which have no `kid` and may be used with all algorithms of their kind. The error goes on where "FILE: "
/// began. Refused: private keys, certificates, and kinds that are not offered. Allocates; throws std::bad_alloc.
std::expected<std::vector<Jwk>, std::string> read_pem_keys(std::string_view text);

}  // namespace ringgate::auth
