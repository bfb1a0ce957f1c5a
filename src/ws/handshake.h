// The server's side of the opening handshake (RFC 6455 section 4.2): checks the upgrade fields and writes the 101.
//
// admission/admission.h checks method, path, origin and identity. This checks the grammar of offers; handshake_offers.h and
// deflate_negotiation.h choose among them. Any thread.
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

/// True if `key` is the padded base64 form of 16 bytes (RFC 4648 section 4). Its unused bits may have any value.
bool is_valid_key(std::string_view key);

/// The value of Sec-WebSocket-Accept for `key` (RFC 6455 section 4.2.2 step 5.4), which must have key_chars characters
/// (asserted).
AcceptKey accept_key(std::string_view key);

/// True if the Upgrade field lists `websocket`.
bool asks_for_upgrade(const http::RequestView& request);

/// Checks the upgrade fields and reports the first fault in this order: Upgrade, body, Connection, Sec-WebSocket-Version,
/// Sec-WebSocket-Key, then the grammar of Sec-WebSocket-Protocol and Sec-WebSocket-Extensions. Returns the key, borrowed from the
/// request. Takes linear time; does not allocate.
std::expected<std::string_view, Rejection> check_handshake(const http::RequestView& request);

/// The content of the 101. Borrows its texts for the call.
struct SwitchingProtocols {
  std::string_view key;          // Sec-WebSocket-Key of the request
  std::string_view subprotocol;  // empty: no subprotocol, and no field
  std::optional<DeflateAgreement> deflate;
  std::string_view extra_fields = {};  // whole field lines, each ending in CRLF; must not come from a peer
};

/// Appends the 101.
void append_switching_protocols(std::string& out, const SwitchingProtocols& answer);

}  // namespace ringgate::ws
