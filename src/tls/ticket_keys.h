// Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): a device that comes back resumes without a signature.
//
// Each hour has a key of its own, derived from one secret. All shards derive the same keys, and so do other gates with the same
// secret, without telling each other anything. Tickets of this hour and of the two before are accepted, those of the next too, because
// another gate's clock may be ahead. Owned by a context; owner shard.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <expected>
#include <string>

#include "ringgate/bytes.h"

namespace ringgate::tls {

using TicketSecret = std::array<std::uint8_t, 32>;

/// Reads a secret of at least 32 bytes from a file; all of it counts. For start and reload. The error is a sentence for the operator.
std::expected<TicketSecret, std::string> load_ticket_secret(const std::string& file);
/// A secret that nobody else has.
TicketSecret new_ticket_secret();

class TicketKeys {
 public:
  using Clock = std::int64_t (*)();  // Unix time in seconds

  static constexpr std::int64_t seconds_per_key = 3600;
  static constexpr std::int64_t old_keys = 2;

  struct Key {
    std::int64_t hour = -1;  // since 1970; -1: not derived yet
    std::array<std::uint8_t, 16> name{};
    std::array<std::uint8_t, 32> cipher_key{};
    std::array<std::uint8_t, 32> mac_key{};
  };

  explicit TicketKeys(const TicketSecret& secret, Clock clock = unix_time) : secret_(secret), clock_(clock) {}
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  static std::int64_t unix_time();
  /// Unix time in seconds.
  std::int64_t now() const { return clock_(); }

  /// Encrypts and decrypts the tickets of `context` with these keys, which must outlive it.
  void serve(SSL_CTX* context);

  /// The key of this hour; null without memory. Valid until the next call.
  const Key* current();
  /// The accepted key of this name; null if there is none. Valid until the next call.
  const Key* find(ByteView name);

 private:
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts);
  const Key* of(std::int64_t hour);

  TicketSecret secret_;
  const Clock clock_;
  std::array<Key, old_keys + 2> keys_;  // by hour, modulo their number
};

}  // namespace ringgate::tls
