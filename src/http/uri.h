// The pieces of RFC 3986 that a gate needs: authorities, percent-encoding and query parameters. Pure
// functions over borrowed text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringgate::http {

/// True if `authority` is a host with an optional port, without user information: reg-name, IPv4 address or
/// [IPv6 address] (RFC 9110 section 7.2, RFC 3986 section 3.2.2). Empty hosts, ports above 65535 or with
/// a zero in front, and commas are refused: a comma is legal in a reg-name, but in practice it is two Host lines joined by an
/// intermediary.
bool is_valid_authority(std::string_view authority);

/// What stands before "://"; empty if that does not occur.
std::string_view scheme_of(std::string_view uri);

/// The port that `scheme` (http, https, ws or wss; case ignored) means if none is given; empty for any other scheme.
std::string_view default_port(std::string_view scheme);

/// True if two valid authorities name one host and one port under `scheme`: case is ignored, and the scheme's default port, or an
/// empty one, equals none. Nothing else is normalised.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme);

/// Decodes percent escapes once into `out`; `+` stays. Returns the number of bytes written, or nullopt if an
/// escape is malformed or `out` is too short. `out` needs at most `text.size()` bytes.
std::optional<std::size_t> percent_decode(std::string_view text, std::span<char> out);

/// True if both texts decode, and to the same bytes.
bool equal_when_decoded(std::string_view a, std::string_view b);

/// A parameter looked up in a query.
struct QueryParameter {
  enum class Presence : std::uint8_t { absent, present, conflicting };  // conflicting: given twice with two different values
  Presence presence = Presence::absent;
  std::string_view value;  // first one, not decoded; may be empty
};

/// Finds `name` among the `&`-separated parameters of `query`. Names and values are compared as decoded.
/// Borrows `query`.
QueryParameter query_parameter(std::string_view query, std::string_view name);

}  // namespace ringgate::http
