// The client of a request that came through proxies: X-Forwarded-For, and Forwarded (RFC 7239).
//
// Anybody may write these fields; each proxy adds its own peer at the end. So the list is walked from its end, as long as the
// address reached so far is of a trusted proxy. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

#include "net/cidr.h"
#include "ring/ring.h"

namespace ringgate::net {

/// The first address, from the gate's side, that is no trusted proxy's. `peer`: whose connection it is. `lines`: the values of the
/// field's lines in the order of the request. The walk ends at a member that names no address (malformed, `unknown`, `_hidden`), and
/// after limits::forwarded_hops_max members: then the client is whoever was reached. Of a line of Forwarded that does not keep the
/// grammar, those elements count that stand behind its last fault and the comma there. A member without a port gives the port 0.
ring::PeerAddress walk_x_forwarded_for(const ring::PeerAddress& peer, std::span<const std::string_view> lines,
                                       const CidrSet& trusted);
ring::PeerAddress walk_forwarded(const ring::PeerAddress& peer, std::span<const std::string_view> lines, const CidrSet& trusted);

}  // namespace ringgate::net
