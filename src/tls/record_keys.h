// Keys of one direction of a TLS 1.3 connection, and what follows from them (RFC 8446 sections 5.3, 7.2 and 7.3). A value that forgets
// its secrets at its end. Owner shard.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "ringgate/bytes.h"
#include "tls/openssl.h"

namespace ringgate::tls {

inline constexpr std::size_t nonce_bytes = 12;  // of every suite (RFC 8446 section 5.3)
inline constexpr std::size_t tag_bytes = 16;

using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, Freed<EVP_MAC_CTX_free>>;

/// One of the three suites (RFC 8446 appendix B.4), with OpenSSL's contexts for it: making them takes long, so a shard has one of each,
/// and gives them a connection's key for each record.
struct Suite {
  Suite(std::uint32_t code, const char* cipher, const char* digest, std::size_t key_bytes, std::size_t secret_bytes,
        std::uint64_t records_max);
  /// False if OpenSSL does not have the suite, and so agrees on it with nobody: with FIPS 140, ChaCha20-Poly1305 may be missing.
  bool is_usable() const { return sealing != nullptr && opening != nullptr && mac != nullptr; }

  std::uint32_t code;  // as SSL_CIPHER_get_protocol_id(3) says it
  std::size_t key_bytes;
  std::size_t secret_bytes;
  std::uint64_t records_max;  // of one key (RFC 8446 section 5.5)
  CipherContextPtr sealing;
  CipherContextPtr opening;
  MacContextPtr mac;  // HMAC of the suite's digest
};

class RecordKeys {
 public:
  RecordKeys() = default;
  ~RecordKeys();
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;

  /// Begins with an application traffic secret of the suite's length. False without memory.
  bool start(const Suite& suite, ByteView secret);
  /// Goes on with the next secret, as a KeyUpdate says. False without memory.
  bool update(const Suite& suite);
  const std::uint8_t* key() const { return key_.data(); }
  /// For the next record; each is given out once.
  std::array<std::uint8_t, nonce_bytes> next_nonce();
  /// A record of these keys was sealed by somebody else.
  void skip() { ++sequence_; }
  /// So many records that the next ones should have other keys.
  bool are_worn_out(const Suite& suite) const { return sequence_ >= suite.records_max; }

 private:
  bool expand(const Suite& suite, std::string_view label, MutableBytes out) const;
  bool derive(const Suite& suite);

  std::array<std::uint8_t, 48> secret_{};
  std::array<std::uint8_t, 32> key_{};
  std::array<std::uint8_t, nonce_bytes> iv_{};
  std::uint64_t sequence_ = 0;
};

}  // namespace ringgate::tls
