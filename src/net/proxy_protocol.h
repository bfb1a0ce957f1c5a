// The PROXY protocol: the header that a proxy sends before the client's first byte, to say whose connection it is.
//
// Source: "The PROXY protocol, versions 1 & 2" by W. Tarreau (haproxy's doc/proxy-protocol.txt). Whom to believe is not decided
// here. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "ring/ring.h"
#include "ringgate/bytes.h"

namespace ringgate::net {

/// What is wrong with the bytes: one enumerator per broken rule.
enum class ProxyViolation : std::uint8_t {
  no_header,          // they begin like none of the versions asked for
  v1_too_long,        // 107 bytes without CRLF
  v1_protocol,        // neither TCP4, TCP6 nor UNKNOWN
  v1_address,         // the source or the destination is no address of that protocol
  v1_port,            // one of the ports is no number from 0 to 65535
  v1_fields,          // too few or too many fields, or more than one space between two
  v2_version,         // not 2
  v2_command,         // neither LOCAL nor PROXY
  v2_family,          // none of the families and transports there are
  v2_too_long,        // more than proxy_header_bytes_max
  v2_addresses,       // shorter than the addresses of its family
  v2_tlv,             // a TLV does not fit into what is left
  v2_checksum_form,   // a CRC32C not of 4 bytes, or a second one
  v2_checksum,        // the CRC32C is wrong
  unspecified_source  // 0.0.0.0 or `::`, which no client has
};
inline constexpr std::size_t proxy_violations_count = 15;

/// For logs: "v2_checksum".
std::string_view name_of(ProxyViolation violation);

enum class ProxyVersions : std::uint8_t { v1, v2, either };

struct ProxyHeader {
  std::size_t size = 0;  // bytes of the header; the client's own follow
  /// The client, which may be a Unix socket's. Nothing if the proxy speaks for itself (LOCAL, as health checks do) or does not know
  /// (UNKNOWN, UNSPEC): then the connection's peer is the proxy.
  std::optional<ring::PeerAddress> source;
  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

/// Reads a header from the start of a connection. `bytes`: all that was received so far. Nothing: more is needed, and there are
/// fewer than limits::proxy_header_bytes_max. What is wrong is told as early as it can be known.
std::expected<std::optional<ProxyHeader>, ProxyViolation> parse_proxy_header(ByteView bytes, ProxyVersions versions);

/// CRC-32C (RFC 3720 appendix B.4), with `crc` of the bytes before.
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

}  // namespace ringgate::net
