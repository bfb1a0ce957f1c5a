// Whose request it is, when trusted proxies have passed it on. Pure; any thread.
#pragma once

#include <optional>

#include "http/request_head.h"
#include "net/proxy_policy.h"
#include "ring/ring.h"

namespace ringgate::dispatch {

/// The client's address, by the field that `proxies.forwarded` names. `peer`: the connection's, or the one of its PROXY header; unless
/// it is a trusted proxy, it is the client. Nothing if both fields count and name different clients.
std::optional<ring::PeerAddress> client_address(const ring::PeerAddress& peer, const http::RequestView& request,
                                                const net::ProxyPolicy& proxies);

}  // namespace ringgate::dispatch
