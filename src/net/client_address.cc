#include "net/client_address.h"

#include "net/forwarded.h"

namespace ringgate::net {

std::optional<ring::PeerAddress> client_address(const ring::PeerAddress& peer, const ForwardedLines& lines,
                                                const ProxyPolicy& proxies) {
  const auto by_x_forwarded_for = [&] { return walk_x_forwarded_for(peer, lines.x_forwarded_for, proxies.trusted); };
  const auto by_forwarded = [&] { return walk_forwarded(peer, lines.forwarded, proxies.trusted); };
  switch (proxies.forwarded) {
    case ForwardedField::off: return peer;
    case ForwardedField::x_forwarded_for: return by_x_forwarded_for();
    case ForwardedField::forwarded: return by_forwarded();
    case ForwardedField::automatic: break;
  }
  if (lines.forwarded.empty()) return by_x_forwarded_for();
  if (lines.x_forwarded_for.empty()) return by_forwarded();
  // One of them may be the client's own. Which one, only the operator knows.
  const ring::PeerAddress one = by_x_forwarded_for(), other = by_forwarded();
  if (one.address != other.address) return std::nullopt;
  return one.port != 0 ? one : other;
}

}  // namespace ringgate::net
