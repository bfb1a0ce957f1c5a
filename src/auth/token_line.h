// One line of a file of tokens, read and printed: `sha256:HEX64 KEY=VALUE ...`. The file is token_file.h. Pure; any thread.
//
// Invariant: what `print` writes, `parse` reads as the same line.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "auth/expiry.h"
#include "auth/scopes.h"
#include "auth/sha256.h"

namespace ringgate::auth {

/// Whose tokens a file holds. The lines have one grammar, but not the same keys.
enum class TokenKind : std::uint8_t {
  device,  // device= or group= (one of them), prefix= beside group=, name=, expires=
  admin,   // name= and scopes=, and if wanted prefix=, group=, route=, expires=
};

/// Empty texts stand for keys that are not given.
struct TokenLine {
  Sha256 hash{};
  std::string name;    // for logs; printable ASCII like all texts here, at most limits::credential_name_bytes_max bytes
  std::string device;  // the one id that may use the token
  std::string group;
  std::string prefix;  // ids must begin with it
  std::string route;   // a route's path, at most 255 bytes
  Scopes scopes;
  std::int64_t expires_at = never;  // Unix seconds

  friend bool operator==(const TokenLine&, const TokenLine&) = default;
};

/// The error is a cause without file and line, and quotes no secret.
std::expected<TokenLine, std::string> parse_token_line(std::string_view text, TokenKind kind);

/// The line without a newline, with the keys in one order.
std::string print_token_line(const TokenLine& line);

/// A token of 32 random bytes in base64url, which begins with a letter or a digit: 43 characters.
std::string new_token();

}  // namespace ringgate::auth
