// Sets of peers by address prefix (CIDR, RFC 4632), such as the proxies that a listener trusts. Values; pure; any thread.
//
// IPv4 and IPv6 are apart: `::/0` has no IPv4 address, however the kernel writes it, and `0.0.0.0/0` has no IPv6 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "ring/ring.h"

namespace ringgate::net {

/// An address prefix, or all peers of Unix sockets.
struct Cidr {
  std::array<std::uint8_t, 16> network{};  // as in PeerAddress: IPv4 mapped into IPv6
  std::uint8_t prefix_bits = 0;            // of these 128 bits
  bool is_ipv4 = false;
  bool is_unix = false;  // then the rest means nothing

  bool contains(const ring::PeerAddress& peer) const;
  friend bool operator==(const Cidr&, const Cidr&) = default;
};

/// Reads "10.0.0.0/8", "2001:db8::/32", an address alone, which stands for itself, or "unix". Nothing if bits behind the prefix are
/// set ("10.0.0.1/8"): that is a slip more often than a wish. An IPv4-mapped prefix of at least 96 bits is one of IPv4.
std::optional<Cidr> parse_cidr(std::string_view text);

class CidrSet {
 public:
  static constexpr std::size_t entries_max = limits::trusted_proxies_max;

  CidrSet() = default;
  /// Nothing if a text is no CIDR, or there are more than entries_max.
  static std::optional<CidrSet> parse(std::span<const std::string> texts);

  /// False for an unknown peer.
  bool contains(const ring::PeerAddress& peer) const;
  bool is_empty() const { return entries_.empty(); }

 private:
  std::vector<Cidr> entries_;
};

}  // namespace ringgate::net
