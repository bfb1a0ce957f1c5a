// What counts as one source of connections: an IPv4 address, or the /64 of an IPv6 address, which is what one subscriber gets.
//
// A value without owner; any thread. Peers behind one address are one source, whoever they are.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ring/ring.h"

namespace ringgate::limit {

class SourcePrefix {
 public:
  /// Nullopt for a peer without an address: one on a Unix socket, or one whose address is unknown. Such peers are exempt from
  /// every limit by source. An IPv4 address mapped into IPv6 is that IPv4 address, as in ring::PeerAddress.
  static std::optional<SourcePrefix> of(const ring::PeerAddress& peer) {
    if (!peer.is_known() || peer.is_unix()) return std::nullopt;
    SourcePrefix prefix;
    const bool is_ipv4 = std::ranges::equal(mapped_prefix, std::span(peer.address).first<mapped_prefix.size()>());
    const std::size_t kept = is_ipv4 ? peer.address.size() : ipv6_prefix_bytes;
    std::copy_n(peer.address.begin(), kept, prefix.bytes_.begin());
    return prefix;
  }

  /// For a keyed hash. The bytes of two prefixes are equal exactly if the prefixes are.
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  friend bool operator==(const SourcePrefix&, const SourcePrefix&) = default;

 private:
  static constexpr std::size_t ipv6_prefix_bytes = 8;
  static constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

  // The address with the rest zeroed. ::/64 beside ::ffff:0:0/96: an IPv6 prefix of eight zero bytes has no 0xFFFF behind it.
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace ringgate::limit
