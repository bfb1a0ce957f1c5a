// The keys that tokens are verified with, read from files. Several files and keys: one for each issuer, or old and new while keys change.
//
// Reads files, so for start and reload only, off the shards. Immutable then, and shared by all threads
// (std::shared_ptr<const JwkSet>); whoever verifies meanwhile keeps the old set alive. Invariant: no two keys have one kid.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwk.h"

namespace ringgate::auth {

class JwkSet {
 public:
  /// Reads a JWK, a JWK Set or public keys in PEM from each file. In a set, keys that say they are for something else than verifying
  /// (`use`, `key_ops`), or whose kind, curve or algorithm is not offered, are left out: issuers publish them beside the others
  /// (RFC 7517 section 5).
  /// The error is a sentence that names the file, and the key if it is about one: a file cannot be read or is larger than 1 MiB; a key
  /// is private, of a kind that is not offered, too weak or broken; two keys have one kid; more than four keys without kid are for one
  /// algorithm, so that one would never be tried; more than 64 keys, or none. Throws std::bad_alloc.
  static std::expected<JwkSet, std::string> load(std::span<const std::string> files);

  std::span<const Jwk> keys() const { return keys_; }
  /// The key with that kid, or nullptr.
  const Jwk* find(std::string_view kid) const;
  /// Sentences for the log: keys that were left out, and secrets that everybody on the machine may read.
  std::span<const std::string> notes() const { return notes_; }

 private:
  std::expected<void, std::string> read_file(const std::string& file);
  std::expected<void, std::string> read_pem(const std::string& file, std::string_view text);
  std::expected<void, std::string> read_json(const std::string& file, std::string_view text);
  std::expected<void, std::string> add(Jwk key, const std::string& name);
  std::expected<void, std::string> check_keys_without_kid() const;

  std::vector<Jwk> keys_;
  std::vector<std::string> notes_;
};

}  // namespace ringgate::auth
