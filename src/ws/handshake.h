// The server's side of the opening handshake (RFC 6455 section 4.2): is the request a proper upgrade, and the
// 101.
//
// Looks at the upgrade fields alone; method, path, origin and identity are the gate's (gate/admission.h). No
// extension or subprotocol is negotiated: offers are checked for their grammar and otherwise ignored. Pure
// functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string_view>

#include "http/rejection.h"
#include "http/request_head.h"

namespace ringgate::ws {

/// Sec-WebSocket-Key: base64 of 16 octets. Sec-WebSocket-Accept: base64 of a SHA-1 digest.
inline constexpr std::size_t key_chars = 24;
inline constexpr std::size_t accept_key_chars = 28;

using AcceptKey = std::array<char, accept_key_chars>;

/// True if `key` is the base64 form of exactly 16 octets, padded, with zero trailing bits (RFC 4648
/// sections 3.5 and 4).
bool is_valid_key(std::string_view key);

/// The value of Sec-WebSocket-Accept for `key` (RFC 6455 section 4.2.2 step 5.4).
AcceptKey accept_key(std::string_view key);

/// True if the Upgrade field lists `websocket`: the request wants what this server offers.
bool asks_for_upgrade(const http::RequestView& request);

/// Checks the upgrade fields in the order that every refusal follows: Upgrade, body, Connection,
/// Sec-WebSocket-Version, Sec-WebSocket-Key, then the grammar of Sec-WebSocket-Protocol and
/// Sec-WebSocket-Extensions. Returns the key, borrowed from the request. Linear in the head; does not
/// allocate.
std::expected<std::string_view, http::Rejection> check_handshake(const http::RequestView& request);

inline constexpr std::string_view switching_protocols_head =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
inline constexpr std::size_t switching_protocols_bytes =
    switching_protocols_head.size() + accept_key_chars + 4;

/// Writes the 101 for `key`; all of `out` is written.
void write_switching_protocols(std::string_view key, std::span<char, switching_protocols_bytes> out);

}  // namespace ringgate::ws
