// The parts of RFC 3986 that the gate needs: authorities, percent-encoding and query parameters. Any thread; does not allocate;
// results borrow the given text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringgate::http {

/// True if `authority` is a host with an optional port and without user information. The host is a reg-name, an IPv4 address or
/// an IPv6 address in brackets (RFC 9110 section 7.2, RFC 3986 section 3.2.2). False for an empty host, a port above 65535 or
/// with a leading zero, and a comma, which is legal in a reg-name, but in practice comes from an intermediary that joins two Host
/// lines.
bool is_valid_authority(std::string_view authority);

/// The text before "://"; empty if there is none.
std::string_view scheme_of(std::string_view uri);

/// The default port of `scheme` (http, https, ws or wss; ignores case); empty for any other scheme.
std::string_view default_port(std::string_view scheme);

/// True if two valid authorities name the same host and port under `scheme`. Ignores case; the scheme's default port or an empty
/// port equals no port. Nothing else is normalised.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme);

/// Decodes percent escapes once into `out`; `+` stays. Returns the number of bytes written, or nullopt if an escape is malformed
/// or `out` is too short; `text.size()` bytes always suffice.
std::optional<std::size_t> percent_decode(std::string_view text, std::span<char> out);

/// True if both texts decode to the same bytes.
bool equal_when_decoded(std::string_view a, std::string_view b);

/// The result of a look-up in a query.
struct QueryParameter {
  enum class Presence : std::uint8_t { absent, present, conflicting };  // conflicting: given with two different values
  Presence presence = Presence::absent;
  std::string_view value;  // the first one, not decoded; may be empty
};

/// Finds `name` among the `&`-separated parameters of `query`. Compares names and values after decoding.
QueryParameter query_parameter(std::string_view query, std::string_view name);

}  // namespace ringgate::http
