// Certificates and their keys, read from PEM files and judged before they are used.
//
// Reads files, so for start and reload only, off the shards. What is returned is immutable; every shard may use it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace ringgate::tls {

/// A certificate, its chain and its key.
struct Identity {
  CertificatePtr certificate;
  std::vector<CertificatePtr> chain;  // what issued it, in order; without the root, usually
  PrivateKeyPtr key;
  std::string file;                // of the certificate, for messages
  std::vector<std::string> names;  // DNS names that it is for, in lower case; "*.example.org" among them
  std::int64_t expires = 0;        // Unix time in seconds
};

/// What operators want to know of a certificate in use, or of a file of several.
struct CertificateFacts {
  enum class Kind : std::uint8_t { own, authorities, revocation_lists };

  std::string listener;  // "0", "1" ... for devices, "admin"
  std::string file;
  std::int64_t expires = 0;  // Unix time in seconds: of what ends first
  Kind kind = Kind::own;
};

/// Reads a certificate with its chain, and its key. The error is a sentence for the operator: a file cannot be read or holds no
/// such thing, the key is another's, the certificate is expired or not valid yet at `now` (Unix time in seconds), or each
/// certificate of the chain did not issue the one before it.
std::expected<Identity, std::string> load_identity(const std::string& certificate_file, const std::string& key_file,
                                                   std::int64_t now);

/// True if a certificate for `pattern` is one for the host `name`; both in lower case. A wildcard stands for one whole label
/// (RFC 6125 section 6.4.3).
bool matches_name(std::string_view pattern, std::string_view name);

}  // namespace ringgate::tls
