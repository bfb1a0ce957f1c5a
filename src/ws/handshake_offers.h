// Grammar of what a client may offer in the opening handshake (RFC 6455 sections 4.1, 9.1 and 11.3).
//
// Of extensions the syntax alone: which offer is taken is decided elsewhere (deflate_negotiation.h). Pure, linear,
// without allocation.
#pragma once

#include <span>
#include <string_view>

#include "http/request_head.h"

namespace ringgate::ws {

/// True if all Sec-WebSocket-Protocol lines together are one list of different tokens without empty members;
/// also true without any line. More than limits::subprotocols_count_max offers count as malformed, which
/// bounds the search for equal ones.
bool subprotocol_offers_are_valid(const http::RequestView& request);

/// The first of `spoken` that the client offers, compared byte by byte; empty if it offers none of them. The offers
/// are valid.
std::string_view choose_subprotocol(const http::RequestView& request, std::span<const std::string_view> spoken);

/// True if each Sec-WebSocket-Extensions line is a list of extensions: `token *( ; token [ = value ] )`,
/// value a token or a quoted one. Empty list members are skipped; a list needs at least one member.
/// `client_max_window_bits=` and `=""` pass: these are bad values, which decline the offer, not faults of
/// grammar.
bool extension_offers_are_valid(const http::RequestView& request);

}  // namespace ringgate::ws
