// Signed URLs: a backend hands a device an address that is good until a moment, without telling the gate of the device.
//
// The query ends with `&signature=S`, and S = HMAC-SHA256(key, PATH "?" QUERY-BEFORE-"&signature="), over the bytes as they arrive:
// nothing is decoded to canonicalise, so there are no two texts with one signature. Which device the URL is for is read from the
// signed part by those who ask. Immutable; shared by all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credential_lines.h"
#include "auth/fault.h"
#include "auth/secret_file.h"
#include "auth/sha256.h"

namespace ringgate::auth {

/// HMAC-SHA256 (RFC 2104) with one key: the schedule of the key is made once.
class Hmac {
 public:
  explicit Hmac(ByteView key);
  Sha256 sign(std::string_view first, std::string_view second, std::string_view third) const;

 private:
  struct Context;
  std::shared_ptr<const Context> context_;
};

struct UrlKey {
  std::string name;  // of letters, digits and . _ ~ -, at most limits::credential_name_bytes_max bytes
  SecretBytes secret;
};

/// Keys from lines `NAME:BASE64`: 1 to limits::url_keys_max, names differ, secrets of limits::url_key_bytes_min to url_key_bytes_max
/// bytes. The error is a sentence for the operator, with file and line.
std::expected<std::vector<UrlKey>, std::string> read_url_keys(CredentialLines& lines);

struct SignedUrl {
  std::int64_t expires_at = 0;  // Unix seconds
  std::string_view key_name;    // borrows the keys
};

class UrlKeys {
 public:
  static std::expected<std::shared_ptr<const UrlKeys>, std::string> load(const std::string& file);
  static std::expected<std::shared_ptr<const UrlKeys>, std::string> parse(std::string_view text, const std::string& name);

  /// Judges a request for `path` with the query `raw_query` (without "?"), both as they arrived, at `now` (Unix seconds).
  ///
  /// `signature` (64 hexadecimal digits or 43 of base64url) is the last parameter and the only one of its name, `expires` (Unix
  /// seconds) is there once, `key_id` or `kid` names a key or all are tried. Parameters are counted by their decoded names.
  /// Any thread.
  std::expected<SignedUrl, Fault> verify(std::string_view path, std::string_view raw_query, std::int64_t now) const;

  std::size_t size() const { return keys_.size(); }
  /// A sentence for the operator if others on the machine may read the file.
  const std::optional<std::string>& warning() const { return warning_; }

 private:
  struct Key {
    std::string name;
    Hmac hmac;
  };
  static std::expected<std::shared_ptr<const UrlKeys>, std::string> read(CredentialLines& lines);

  std::vector<Key> keys_;
  std::optional<std::string> warning_;
};

/// The path and query of a signed URL. Adds `expires`, `kid` unless `key_name` is empty, and the signature in hexadecimal. `query` may be
/// empty; `path` and `query` are escaped already. nullopt if `query` has one of these parameters.
std::optional<std::string> sign_url(std::string_view path, std::string_view query, std::int64_t expires_at,
                                    std::string_view key_name, const Hmac& key);

}  // namespace ringgate::auth
