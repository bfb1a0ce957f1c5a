// Whose request it is, when trusted proxies have passed it on. Pure; any thread.
#pragma once

#include <optional>

#include "http/request_head.h"
#include "net/proxy_policy.h"
#include "ring/ring.h"

namespace ringgate::dispatch {

/// net::client_address for the fields of `request`.
std::optional<ring::PeerAddress> client_address(const ring::PeerAddress& peer, const http::RequestView& request,
                                                const net::ProxyPolicy& proxies);

}  // namespace ringgate::dispatch
