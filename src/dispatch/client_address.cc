#include "dispatch/client_address.h"

#include <string_view>
#include <vector>

#include "net/client_address.h"

namespace ringgate::dispatch {
namespace {

constexpr std::string_view x_forwarded_for = "X-Forwarded-For", forwarded = "Forwarded";

std::vector<std::string_view> lines_of(const http::RequestView& request, std::string_view name) {
  std::vector<std::string_view> lines;
  for (std::size_t i = request.find_field(name); i < request.fields_count(); i = request.find_field(name, i + 1))
    lines.push_back(request.field_value(i));
  return lines;
}

}  // namespace

std::optional<ring::PeerAddress> client_address(const ring::PeerAddress& peer, const http::RequestView& request,
                                                const net::ProxyPolicy& proxies) {
  return net::client_address(peer, {lines_of(request, x_forwarded_for), lines_of(request, forwarded)}, proxies);
}

}  // namespace ringgate::dispatch
