#include "http/host_name.h"

#include <arpa/inet.h>  // inet_pton, a pure function

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "http/byte_class.h"

namespace ringgate::http {
namespace {

/// The address in brackets; nullopt for any other host.
std::optional<std::array<std::uint8_t, sizeof(in6_addr)>> ipv6_address(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return std::nullopt;
  std::array<std::uint8_t, sizeof(in6_addr)> address;
  if (inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

/// Compares names without case, and IPv6 addresses by value, since they have many spellings.
bool is_same_host(std::string_view a, std::string_view b) {
  if (equals_ignoring_case(a, b)) return true;
  const auto address = ipv6_address(a);
  return address && address == ipv6_address(b);
}

}  // namespace

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_loopback_name(std::string_view host) {
  constexpr std::string_view name = "localhost";
  if (host.size() < name.size() || !equals_ignoring_case(host.substr(host.size() - name.size()), name)) return false;
  return host.size() == name.size() || host[host.size() - name.size() - 1] == '.';
}

bool is_ip_literal(std::string_view host) {
  if (host.starts_with('[')) return true;  // brackets of a valid authority always hold an address
  in_addr parsed;
  return host.size() < INET_ADDRSTRLEN && inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1;
}

bool is_listed(std::string_view host, std::span<const std::string> hosts) {
  return std::ranges::any_of(hosts, [host](std::string_view one) { return is_same_host(host, host_of(one)); });
}

}  // namespace ringgate::http
