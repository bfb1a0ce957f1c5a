// Checks the grammar of a client's offers in the opening handshake (RFC 6455 sections 4.1, 9.1 and 11.3), and chooses the
// subprotocol.
//
// deflate_negotiation.h chooses among the extensions. Any thread; takes linear time; does not allocate.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "http/request_head.h"
#include "ws/rejection.h"

namespace ringgate::ws {

/// Checks that all Sec-WebSocket-Protocol lines together are one list of tokens. It may have repeated tokens, and there may be no
/// line. Errors: subprotocol_malformed; subprotocols_too_many for more than limits::subprotocols_count_max members with repeats,
/// which bounds the time of choose_subprotocol.
std::expected<void, Rejection> check_subprotocol_offers(const http::RequestView& request);

/// The first of `spoken` that the client offers, compared byte by byte; empty if it offers none. The offers must be valid.
/// Borrows `spoken`.
std::string_view choose_subprotocol(const http::RequestView& request, std::span<const std::string_view> spoken);

/// True if each Sec-WebSocket-Extensions line is a list of extensions, perhaps an empty one: `token *( ; token [ = value ] )`,
/// where a value is a token or a quoted string. For permessage-deflate the unquoted string must be a token, or empty for
/// client_max_window_bits: that is a bad value, which declines the offer, and no fault of grammar.
bool extension_offers_are_valid(const http::RequestView& request);

}  // namespace ringgate::ws
