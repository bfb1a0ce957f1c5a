// One line of a file of users and passwords, read and printed: `USER:pbkdf2-sha256$ITERATIONS$SALT$HASH KEY=VALUE ...`, and how a
// password is hashed. The file is password_file.h. Any thread.
//
// Invariant: what `print` writes, `parse` reads as the same line.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "auth/expiry.h"
#include "auth/sha256.h"
#include "ringgate/bytes.h"

namespace ringgate::auth {

using Salt = std::array<std::uint8_t, 16>;

/// PBKDF2 with HMAC-SHA256 (RFC 8018 section 5.2), 32 bytes of it. HMAC fills a key shorter than 64 bytes with zeros, so passwords that differ
/// only in zero bytes at their end have one hash.
struct PasswordHash {
  std::uint32_t iterations = 0;  // from 1 to limits::password_iterations_max
  Salt salt{};
  Sha256 hash{};

  friend bool operator==(const PasswordHash&, const PasswordHash&) = default;
};

Sha256 derive_from_password(ByteView password, const Salt& salt, std::uint32_t iterations);
/// With a new salt.
PasswordHash hash_password(ByteView password, std::uint32_t iterations);

/// Empty texts stand for keys that are not given.
struct PasswordLine {
  std::string user;  // printable ASCII without a colon, at most limits::credential_name_bytes_max bytes
  PasswordHash hash;
  std::string device;  // the one id that the user may use; empty: the user's name
  std::string group;
  std::int64_t expires_at = never;  // Unix seconds

  friend bool operator==(const PasswordLine&, const PasswordLine&) = default;
};

/// The error is a cause without file and line, and quotes no secret.
std::expected<PasswordLine, std::string> parse_password_line(std::string_view text);

/// The line without a newline, with the keys in one order.
std::string print_password_line(const PasswordLine& line);

}  // namespace ringgate::auth
