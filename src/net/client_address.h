// Whose request it is, when trusted proxies have passed it on. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "net/proxy_policy.h"
#include "ring/ring.h"

namespace ringgate::net {

/// The values of a request's fields that proxies write, in the order of the request. Borrowed for the call.
struct ForwardedLines {
  std::span<const std::string_view> x_forwarded_for;
  std::span<const std::string_view> forwarded;
};

/// The client's address, by the field that `proxies.forwarded` names. `peer`: the connection's, or the one of its PROXY header; unless
/// it is a trusted proxy, it is the client. Nothing if both fields count and name different clients.
std::optional<ring::PeerAddress> client_address(const ring::PeerAddress& peer, const ForwardedLines& lines,
                                                const ProxyPolicy& proxies);

}  // namespace ringgate::net
