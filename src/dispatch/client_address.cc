#include "dispatch/client_address.h"

#include <string_view>
#include <vector>

#include "net/forwarded.h"

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
  const auto by_x_forwarded_for = [&] {
    return net::walk_x_forwarded_for(peer, lines_of(request, x_forwarded_for), proxies.trusted);
  };
  const auto by_forwarded = [&] { return net::walk_forwarded(peer, lines_of(request, forwarded), proxies.trusted); };
  switch (proxies.forwarded) {
    case ForwardedField::off: return peer;
    case ForwardedField::x_forwarded_for: return by_x_forwarded_for();
    case ForwardedField::forwarded: return by_forwarded();
    case ForwardedField::automatic: break;
  }
  if (!request.field(forwarded)) return by_x_forwarded_for();
  if (!request.field(x_forwarded_for)) return by_forwarded();
  // One of them may be the client's own. Which one, only the operator knows.
  const ring::PeerAddress one = by_x_forwarded_for(), other = by_forwarded();
  if (one.address != other.address) return std::nullopt;
  return one.port != 0 ? one : other;
}

}  // namespace ringgate::dispatch
