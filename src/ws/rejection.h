// The rules of the opening handshake that refuse an upgrade (RFC 6455 section 4.2.1): one enumerator per broken rule, and a table
// of what the peer is told. Rules of HTTP itself are in http/rejection.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/rejection_facts.h"

namespace ringgate::ws {

enum class Rejection : std::uint8_t {
  http10_refused,
  upgrade_missing,
  body_on_upgrade,
  connection_upgrade_missing,
  websocket_version_missing,
  websocket_version_malformed,
  websocket_version_repeated,
  websocket_version_unsupported,
  websocket_key_missing,
  websocket_key_malformed,
  websocket_key_repeated,
  subprotocol_malformed,
  subprotocols_too_many,
  extensions_malformed,
};

inline constexpr std::size_t rejections_count = static_cast<std::size_t>(Rejection::extensions_malformed) + 1;

namespace rejection_fields {
inline constexpr std::string_view websocket_version = "Sec-WebSocket-Version: 13\r\n";
// A 426 names the protocol in Upgrade (RFC 9110 section 15.5.22), and Upgrade needs the connection option (section 7.8).
inline constexpr std::string_view upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
inline constexpr std::string_view upgrade_and_version =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
}  // namespace rejection_fields

// clang-format off
inline constexpr std::array<http::RejectionRow<Rejection>, rejections_count> rejection_rows{{
    {Rejection::http10_refused, {400, "http10_refused", "A WebSocket needs HTTP/1.1.", http::rejection_fields::none}},
    {Rejection::upgrade_missing, {426, "upgrade_missing", "This path serves WebSockets: ask for Upgrade: websocket.", rejection_fields::upgrade}},
    {Rejection::body_on_upgrade, {400, "body_on_upgrade", "A request for an upgrade must have no body.", http::rejection_fields::none}},
    {Rejection::connection_upgrade_missing, {400, "connection_upgrade_missing", "The Connection field lacks the token upgrade.", http::rejection_fields::none}},
    {Rejection::websocket_version_missing, {400, "websocket_version_missing", "Sec-WebSocket-Version is missing.", rejection_fields::websocket_version}},
    {Rejection::websocket_version_malformed, {400, "websocket_version_malformed", "Sec-WebSocket-Version must be one number.", rejection_fields::websocket_version}},
    {Rejection::websocket_version_repeated, {400, "websocket_version_repeated", "Sec-WebSocket-Version is given more than once.", rejection_fields::websocket_version}},
    {Rejection::websocket_version_unsupported, {426, "websocket_version_unsupported", "This server speaks only version 13 of the protocol.", rejection_fields::upgrade_and_version}},
    {Rejection::websocket_key_missing, {400, "websocket_key_missing", "Sec-WebSocket-Key is missing.", http::rejection_fields::none}},
    {Rejection::websocket_key_malformed, {400, "websocket_key_malformed", "Sec-WebSocket-Key must be the base64 form of 16 bytes.", http::rejection_fields::none}},
    {Rejection::websocket_key_repeated, {400, "websocket_key_repeated", "Sec-WebSocket-Key is given more than once.", http::rejection_fields::none}},
    {Rejection::subprotocol_malformed, {400, "subprotocol_malformed", "Sec-WebSocket-Protocol must be a list of tokens.", http::rejection_fields::none}},
    {Rejection::subprotocols_too_many, {431, "subprotocols_too_many", "Sec-WebSocket-Protocol has more than 64 members.", http::rejection_fields::none}},
    {Rejection::extensions_malformed, {400, "extensions_malformed", "Sec-WebSocket-Extensions must be a list of extensions.", http::rejection_fields::none}},
}};
// clang-format on

static_assert(http::rows_are_in_order(rejection_rows));

constexpr const http::RejectionFacts& facts_of(Rejection rejection) {
  return rejection_rows[static_cast<std::size_t>(rejection)].facts;
}

}  // namespace ringgate::ws
