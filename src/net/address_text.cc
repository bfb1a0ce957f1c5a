#include "net/address_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace ringgate::net {
namespace {

/// inet_pton, which is as strict as we want, for a text that does not end in a zero byte.
bool read_literal(int family, std::string_view text, std::uint8_t* out) {
  char literal[INET6_ADDRSTRLEN] = "";
  if (text.size() >= sizeof literal || text.contains('\0')) return false;
  text.copy(literal, text.size());
  return inet_pton(family, literal, out) == 1;
}

}  // namespace

std::optional<ring::PeerAddress> parse_ipv4(std::string_view text) {
  ring::PeerAddress result{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 0};
  if (!read_literal(AF_INET, text, result.address.data() + 12)) return std::nullopt;
  return result;
}

std::optional<ring::PeerAddress> parse_ipv6(std::string_view text) {
  ring::PeerAddress result;
  if (!read_literal(AF_INET6, text, result.address.data())) return std::nullopt;
  return result;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

bool is_unspecified(const ring::PeerAddress& address) {
  const auto* const first = address.address.data() + (address.is_ipv4() ? 12 : 0);
  return std::all_of(first, address.address.data() + 16, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace ringgate::net
