// The server's side of the opening handshake (RFC 6455 section 4.2): is the request a proper upgrade, and the
// 101.
//
// Looks at the upgrade fields alone; method, path, origin and identity are admission's (admission/admission.h). Offers are
// checked for their grammar; which of them is taken is said by handshake_offers.h and deflate_negotiation.h. Pure
// functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/request_head.h"
#include "ws/deflate_negotiation.h"
#include "ws/rejection.h"

namespace ringgate::ws {

/// Sec-WebSocket-Key: base64 of 16 bytes. Sec-WebSocket-Accept: base64 of a SHA-1 digest.
inline constexpr std::size_t key_chars = 24;
inline constexpr std::size_t accept_key_chars = 28;

using AcceptKey = std::array<char, accept_key_chars>;

/// True if `key` is a padded base64 form of 16 bytes (RFC 4648 section 4). Its unused trailing bits may be anything.
bool is_valid_key(std::string_view key);

/// The value of Sec-WebSocket-Accept for `key` (RFC 6455 section 4.2.2 step 5.4).
AcceptKey accept_key(std::string_view key);

/// True if the Upgrade field lists `websocket`: the request wants what this server offers.
bool asks_for_upgrade(const http::RequestView& request);

/// Checks the upgrade fields in the order that every refusal follows: Upgrade, body, Connection,
/// Sec-WebSocket-Version, Sec-WebSocket-Key, then the grammar of Sec-WebSocket-Protocol and
/// Sec-WebSocket-Extensions. Returns the key, borrowed from the request. Linear in the head; does not
/// allocate.
std::expected<std::string_view, Rejection> check_handshake(const http::RequestView& request);

/// What the 101 says beside the accept key.
struct SwitchingProtocols {
  std::string_view key;          // Sec-WebSocket-Key of the request
  std::string_view subprotocol;  // empty: none, and no field
  std::optional<DeflateAgreement> deflate;
};

/// Appends the 101.
void append_switching_protocols(std::string& out, const SwitchingProtocols& answer);

}  // namespace ringgate::ws
