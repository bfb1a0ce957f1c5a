// The address of a server: an IPv4 address and port, parsed once and borrowed by every connection. It resolves no names.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate::load {

struct Endpoint {
  sockaddr_in address{};
  std::string text;  // as given: also the Host field
};

/// Reads an address such as "127.0.0.1:8080"; nothing if it is not one.
inline std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;

  Endpoint endpoint;
  endpoint.text = text;
  endpoint.address.sin_family = AF_INET;
  endpoint.address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &endpoint.address.sin_addr) != 1) return std::nullopt;
  return endpoint;
}

}  // namespace ringgate::load
