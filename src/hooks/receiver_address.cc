#include "hooks/receiver_address.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace ringgate::hooks {
namespace {

bool is_local_ipv4(std::span<const std::uint8_t, 4> bytes) {
  return bytes[0] == 0 || bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254) || bytes[0] >= 224;
}

bool is_local_ipv6(std::span<const std::uint8_t, 16> bytes) {
  constexpr std::array<std::uint8_t, 12> unspecified{};  // also the IPv4-compatible addresses of old
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};
  if (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80)) return true;
  const auto begin = bytes.first<12>();
  if (std::ranges::equal(begin, unspecified)) return true;
  return (std::ranges::equal(begin, mapped) || std::ranges::equal(begin, nat64)) && is_local_ipv4(bytes.last<4>());
}

}  // namespace

bool is_local(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
    return is_local_ipv4(bytes);
  }
  if (address.sa_family != AF_INET6) return true;
  sockaddr_in6 in;
  std::memcpy(&in, &address, sizeof in);
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return is_local_ipv6(bytes);
}

}  // namespace ringgate::hooks
