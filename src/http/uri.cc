#include "http/uri.h"

#include <arpa/inet.h>  // inet_pton, a pure function

#include <algorithm>
#include <array>

#include "http/byte_class.h"

namespace ringgate::http {
namespace {

constexpr std::uint32_t port_max = 65535;

// Each number has one spelling: no leading zeros.
bool is_valid_port(std::string_view port) {
  if (port.size() > 1 && port.front() == '0') return false;
  std::uint32_t value = 0;
  for (const char c : port) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (!is_digit(byte)) return false;
    value = std::min(value * 10 + (byte - std::uint32_t{'0'}), port_max + 1);
  }
  return value <= port_max;
}

bool is_valid_reg_name(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(name[i]);
    if (is_in(byte, byte_host)) continue;
    if (byte != '%' || name.size() - i < 3) return false;
    if (hex_value(static_cast<std::uint8_t>(name[i + 1])) > 15) return false;
    if (hex_value(static_cast<std::uint8_t>(name[i + 2])) > 15) return false;
    i += 2;
  }
  return !name.empty();
}

bool is_valid_ipv6_address(std::string_view address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.size() >= text.size() || address.find('\0') != std::string_view::npos) return false;
  std::copy(address.begin(), address.end(), text.begin());
  in6_addr parsed;
  return inet_pton(AF_INET6, text.data(), &parsed) == 1;
}

/// Decodes percent-encoded text byte by byte.
class DecodedBytes {
 public:
  static constexpr int end = -1;
  static constexpr int malformed = -2;

  explicit DecodedBytes(std::string_view text) : text_(text) {}

  /// The next byte, `end`, or `malformed` for a broken escape.
  int next() {
    if (text_.empty()) return end;
    const auto byte = static_cast<std::uint8_t>(text_.front());
    text_.remove_prefix(1);
    if (byte != '%') return byte;
    if (text_.size() < 2) return malformed;
    const std::uint8_t high = hex_value(static_cast<std::uint8_t>(text_[0]));
    const std::uint8_t low = hex_value(static_cast<std::uint8_t>(text_[1]));
    text_.remove_prefix(2);
    return high > 15 || low > 15 ? malformed : high << 4 | low;
  }

 private:
  std::string_view text_;
};

/// `authority` without its port and colon if the port is empty or the default of `scheme`.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return authority;  // no port after "]"
  const std::string_view port = authority.substr(colon + 1);
  return port.empty() || port == default_port(scheme) ? authority.substr(0, colon) : authority;
}

}  // namespace

std::string_view scheme_of(std::string_view uri) {
  const std::size_t end = uri.find("://");
  return end == std::string_view::npos ? std::string_view{} : uri.substr(0, end);
}

std::string_view default_port(std::string_view scheme) {
  if (equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "ws")) return "80";
  if (equals_ignoring_case(scheme, "https") || equals_ignoring_case(scheme, "wss")) return "443";
  return {};
}

bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  return equals_ignoring_case(without_default_port(a, scheme), without_default_port(b, scheme));
}

bool is_valid_authority(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || !is_valid_ipv6_address(authority.substr(1, close - 1))) return false;
    const std::string_view rest = authority.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_valid_port(rest.substr(1)));
  }
  const std::size_t colon = authority.find(':');
  if (!is_valid_reg_name(authority.substr(0, colon))) return false;
  return colon == std::string_view::npos || is_valid_port(authority.substr(colon + 1));
}

std::optional<std::size_t> percent_decode(std::string_view text, std::span<char> out) {
  DecodedBytes bytes{text};
  std::size_t written = 0;
  for (;;) {
    const int byte = bytes.next();
    if (byte == DecodedBytes::end) return written;
    if (byte == DecodedBytes::malformed || written == out.size()) return std::nullopt;
    out[written++] = static_cast<char>(byte);
  }
}

bool equal_when_decoded(std::string_view a, std::string_view b) {
  if (!a.contains('%') && !b.contains('%')) return a == b;  // nearly always
  DecodedBytes left{a};
  DecodedBytes right{b};
  for (;;) {
    const int byte = left.next();
    if (byte != right.next() || byte == DecodedBytes::malformed) return false;
    if (byte == DecodedBytes::end) return true;
  }
}

QueryParameter query_parameter(std::string_view query, std::string_view name) {
  QueryParameter found;
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view pair = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view{} : query.substr(ampersand + 1);
    const std::size_t equals = pair.find('=');
    if (!equal_when_decoded(pair.substr(0, equals), name)) continue;
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    if (found.presence == QueryParameter::Presence::absent) {
      found = {QueryParameter::Presence::present, value};
    } else if (found.value != value && !equal_when_decoded(found.value, value)) {
      found.presence = QueryParameter::Presence::conflicting;
    }
  }
  return found;
}

}  // namespace ringgate::http
