#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "ring/ring.h"

namespace ringgate::ring {

namespace {
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

const std::string unix_prefix = "unix:";

std::string join(const std::string& host, bool is_ipv6, std::uint16_t port) {
  std::string text = is_ipv6 ? "[" : "";
  text.append(host).append(is_ipv6 ? "]:" : ":").append(std::to_string(port));
  return text;
}

using Parsed = std::expected<ListenAddress, std::string>;

Parsed parse_unix_address(std::string_view text, std::string_view path) {
  const auto bad = [&](const std::string& why) {
    return std::unexpected("'" + std::string(text) + "' is not an address: " + why +
                           ", expected for example unix:/run/ringgate/devices.sock");
  };
  if (!path.starts_with('/')) return bad("the path of a Unix socket begins with /");
  if (path.size() > ListenAddress::path_bytes_max)
    return bad("the path of a Unix socket has at most " + std::to_string(ListenAddress::path_bytes_max) + " bytes");
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    return bad("the path has a control character");
  ListenAddress result;
  result.path = path;
  return result;
}
}  // namespace

bool PeerAddress::is_ipv4() const { return std::memcmp(address.data(), mapped_prefix.data(), mapped_prefix.size()) == 0; }

bool PeerAddress::is_loopback() const {
  if (is_unix()) return true;
  if (is_ipv4()) return address[12] == 127;
  return address == std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

std::string PeerAddress::text() const {
  if (!is_known()) return "unknown";
  if (is_unix()) return "unix";
  char host[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_ipv4() ? AF_INET : AF_INET6, address.data() + (is_ipv4() ? 12 : 0), host, sizeof host);
  return port == 0 ? host : join(host, !is_ipv4(), port);
}

std::string ListenAddress::text() const {
  return is_unix() ? unix_prefix + path : join(host, host.find(':') != std::string::npos, port);
}

bool ListenAddress::is_loopback() const {
  if (is_unix()) return true;
  in_addr ipv4{};
  if (inet_pton(AF_INET, host.c_str(), &ipv4) == 1) return ntohl(ipv4.s_addr) >> 24U == 127;
  PeerAddress ipv6;
  return inet_pton(AF_INET6, host.c_str(), ipv6.address.data()) == 1 && ipv6.is_loopback();
}

std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  const auto bad = [&](const char* why) {
    return std::unexpected("'" + std::string(text) + "' is not an address: " + why +
                           ", expected for example 127.0.0.1:8080 or [::1]:8080");
  };
  if (text.starts_with(unix_prefix)) return parse_unix_address(text, text.substr(unix_prefix.size()));
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);

  ListenAddress result;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return bad("the port is not 0-65535");

  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  result.host = host;
  std::array<std::uint8_t, 16> scratch{};
  const bool ends_early = host.find('\0') != std::string_view::npos;  // inet_pton would not see the rest
  if (ends_early || inet_pton(bracketed ? AF_INET6 : AF_INET, result.host.c_str(), scratch.data()) != 1)
    return bad("the host is not a literal IPv4 or bracketed IPv6 address");
  return result;
}

}  // namespace ringgate::ring
