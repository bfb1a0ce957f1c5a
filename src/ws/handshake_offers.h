// Grammar of what a client may offer in the opening handshake (RFC 6455 sections 4.1, 9.1 and 11.3).
//
// Of extensions the syntax alone: which offer is taken is decided elsewhere (deflate_negotiation.h). Pure, linear,
// without allocation.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "http/request_head.h"
#include "ws/rejection.h"

namespace ringgate::ws {

/// Whether all Sec-WebSocket-Protocol lines together are one list of tokens; so is no line. The same token twice is harmless. Errors:
/// subprotocol_malformed; subprotocols_too_many for more than limits::subprotocols_count_max members, repeats included, which bounds
/// the search for one that is spoken.
std::expected<void, Rejection> check_subprotocol_offers(const http::RequestView& request);

/// The first of `spoken` that the client offers, compared byte by byte; empty if it offers none of them. The offers
/// are valid.
std::string_view choose_subprotocol(const http::RequestView& request, std::span<const std::string_view> spoken);

/// True if each Sec-WebSocket-Extensions line is a list of extensions, perhaps an empty one: `token *( ; token [ = value ] )`, value a
/// token or a quoted string; of permessage-deflate the string has to be a token once its quoting is undone, where
/// `client_max_window_bits=` and `=""` pass: these are bad values, which decline the offer, not faults of grammar.
bool extension_offers_are_valid(const http::RequestView& request);

}  // namespace ringgate::ws
