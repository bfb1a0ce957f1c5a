// IP addresses and ports as texts, read strictly. The one place that does so for what proxies and operators write. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ring/ring.h"

namespace ringgate::net {

/// "192.0.2.7"; the port stays 0. No leading zeros, no other notation.
std::optional<ring::PeerAddress> parse_ipv4(std::string_view text);

/// "2001:db8::7", without brackets or zone; the port stays 0. An IPv4-mapped address is one of IPv4.
std::optional<ring::PeerAddress> parse_ipv6(std::string_view text);

/// 0 to 65535 in decimal, without sign or leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text);

/// 0.0.0.0 or `::`, which no peer has.
bool is_unspecified(const ring::PeerAddress& address);

}  // namespace ringgate::net
