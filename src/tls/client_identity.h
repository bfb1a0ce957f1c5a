// Who a client is by the certificate that it showed, read once after its handshake.
//
// The chain was verified before; here only names are read, and strictly: a name that two programs could read differently is no
// identity, so it is left out. Names stay as they are written. A value; its memory is bounded.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ringgate::tls {

/// Bounds of an identity. What is longer, or comes after so many, is left out.
inline constexpr std::size_t identity_name_bytes_max = 255;
inline constexpr std::size_t identity_names_max = 8;  // of each kind
inline constexpr std::size_t identity_subject_bytes_max = 255;

/// Why a certificate has fewer names than it seems to have. The worst that was found.
enum class NameFault : std::uint8_t {
  none,
  too_many,   // alternative names beyond identity_names_max
  unusable,   // empty, too long, with control characters, in a broken encoding, or a wildcard
  ambiguous,  // several common names, or several lists of alternative names: none of them counts
};

struct ClientIdentity {
  std::string common_name;                     // UTF-8; empty if there is none
  std::vector<std::string> san_uris;           // ASCII without spaces
  std::vector<std::string> san_dns;            // no wildcards
  std::string subject;                         // the whole subject for logs (RFC 2253), in ASCII; cut if long
  std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the certificate
  std::int64_t expires = 0;                    // Unix time in seconds
  NameFault fault = NameFault::none;
};

/// Never null but without memory. Allocates; any thread.
std::unique_ptr<const ClientIdentity> read_client_identity(const X509* certificate);

}  // namespace ringgate::tls
