// Why a request is refused: one enumerator per broken rule, and for each of them what the peer is told.
//
// This is the table, not the answer: `response.h` writes the answer. Every refusal closes the connection.
// Invariant: `rejection_facts` has one row per enumerator, in the order of the enumerators.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringgate::http {

enum class Rejection : std::uint8_t {
  // Request line (RFC 9112 sections 2.2, 2.3, 3)
  empty_line_repeated,
  line_ending_malformed,
  method_malformed,
  method_too_long,
  target_malformed,
  target_escape_malformed,
  target_form_unsupported,
  target_too_long,
  version_malformed,
  version_unsupported,
  // Bytes that are no HTTP/1 at all (foreign_protocol.h)
  tls_unexpected,
  proxy_protocol_unexpected,
  http2_unexpected,
  ssh_unexpected,
  // Field lines (RFC 9112 section 5, RFC 9110 section 5)
  field_folded,
  field_name_malformed,
  field_value_malformed,
  fields_too_many,
  head_too_large,
  // Host (RFC 9112 section 3.2)
  host_missing,
  host_repeated,
  host_malformed,
  authority_conflict,
  host_not_allowed,
  // Body framing (RFC 9112 sections 6, 7)
  content_length_malformed,
  content_length_repeated,
  framing_ambiguous,
  transfer_encoding_malformed,
  transfer_encoding_repeated,
  transfer_encoding_not_final,
  transfer_encoding_unsupported,
  transfer_encoding_in_http10,
  body_too_large,
  chunk_size_malformed,
  chunk_extension_malformed,
  chunk_data_malformed,
  chunk_overhead_too_large,
  trailer_malformed,
  trailer_forbidden,
  trailers_too_large,
  // Expect (RFC 9110 section 10.1.1)
  expectation_unsupported,
  // What the request asks for
  http10_refused,
  method_unknown,
  method_not_allowed,
  path_unknown,
  // Opening handshake (RFC 6455 section 4.2.1)
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
  // Admission
  origin_repeated,
  origin_forbidden,
  draining,
  connection_limit,
  heads_limit,
  device_id_missing,
  device_id_malformed,
  device_id_conflict,
  device_id_reserved,
  // Time and rate: judged by the connection
  request_timeout,
  nothing_sent,  // in time: dropped without an answer
  attempts_too_many,
};

inline constexpr std::size_t rejections_count = static_cast<std::size_t>(Rejection::attempts_too_many) + 1;

/// One row: what a rejection looks like from outside. All text is static and needs no JSON escaping.
struct RejectionFacts {
  Rejection rejection;
  std::uint16_t status;           // HTTP status code
  std::string_view reason;        // stable snake_case name for programs: member `reason` of the problem document
  std::string_view detail;        // one sentence for people
  std::string_view extra_fields;  // whole field lines, each ending in CRLF; empty for most
};

namespace rejection_fields {
inline constexpr std::string_view none = "";
inline constexpr std::string_view allow_get = "Allow: GET\r\n";
inline constexpr std::string_view retry_after = "Retry-After: 5\r\n";
inline constexpr std::string_view websocket_version = "Sec-WebSocket-Version: 13\r\n";
// RFC 9110 section 15.5.22: a 426 names the protocol in Upgrade; section 7.8: who sends Upgrade also sends
// the connection option.
inline constexpr std::string_view upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
inline constexpr std::string_view upgrade_and_version =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
}  // namespace rejection_fields

// clang-format off
inline constexpr std::array<RejectionFacts, rejections_count> rejection_facts{{
    {Rejection::empty_line_repeated, 400, "empty_line_repeated", "More than one empty line precedes the request line.", rejection_fields::none},
    {Rejection::line_ending_malformed, 400, "line_ending_malformed", "A line must end in CR LF, and CR may stand nowhere else.", rejection_fields::none},
    {Rejection::method_malformed, 400, "method_malformed", "The method must be a token followed by one space.", rejection_fields::none},
    {Rejection::method_too_long, 400, "method_too_long", "The method is longer than any known one.", rejection_fields::none},
    {Rejection::target_malformed, 400, "target_malformed", "The request target holds a byte that a URI cannot have.", rejection_fields::none},
    {Rejection::target_escape_malformed, 400, "target_escape_malformed", "A percent sign must be followed by two hexadecimal digits.", rejection_fields::none},
    {Rejection::target_form_unsupported, 400, "target_form_unsupported", "The request target must be a path or an absolute http or ws URI.", rejection_fields::none},
    {Rejection::target_too_long, 414, "target_too_long", "The request target is too long.", rejection_fields::none},
    {Rejection::version_malformed, 400, "version_malformed", "The request line must end in HTTP/1.1.", rejection_fields::none},
    {Rejection::version_unsupported, 505, "version_unsupported", "Only HTTP/1 is spoken here.", rejection_fields::none},
    {Rejection::tls_unexpected, 400, "tls_unexpected", "TLS came to a port that speaks plain HTTP: use http or ws, or the TLS port.", rejection_fields::none},
    {Rejection::proxy_protocol_unexpected, 400, "proxy_protocol_unexpected", "A PROXY protocol header came to a port that does not take it.", rejection_fields::none},
    {Rejection::http2_unexpected, 505, "http2_unexpected", "HTTP/2 came to a port that speaks HTTP/1.1.", rejection_fields::none},
    {Rejection::ssh_unexpected, 400, "ssh_unexpected", "SSH came to a port that speaks HTTP.", rejection_fields::none},
    {Rejection::field_folded, 400, "field_folded", "A field line must not begin with white space.", rejection_fields::none},
    {Rejection::field_name_malformed, 400, "field_name_malformed", "A field name must be a token directly followed by a colon.", rejection_fields::none},
    {Rejection::field_value_malformed, 400, "field_value_malformed", "A field value holds a control byte.", rejection_fields::none},
    {Rejection::fields_too_many, 431, "fields_too_many", "The request has too many field lines.", rejection_fields::none},
    {Rejection::head_too_large, 431, "head_too_large", "The request head is too large.", rejection_fields::none},
    {Rejection::host_missing, 400, "host_missing", "The Host field is missing.", rejection_fields::none},
    {Rejection::host_repeated, 400, "host_repeated", "The Host field is given more than once.", rejection_fields::none},
    {Rejection::host_malformed, 400, "host_malformed", "The Host field is not a host with an optional port.", rejection_fields::none},
    {Rejection::authority_conflict, 400, "authority_conflict", "The request target names another host or port than the Host field.", rejection_fields::none},
    {Rejection::host_not_allowed, 421, "host_not_allowed", "This server does not go by the name in the Host field.", rejection_fields::none},
    {Rejection::content_length_malformed, 400, "content_length_malformed", "Content-Length must be one decimal number without leading zeros.", rejection_fields::none},
    {Rejection::content_length_repeated, 400, "content_length_repeated", "Content-Length is given more than once.", rejection_fields::none},
    {Rejection::framing_ambiguous, 400, "framing_ambiguous", "Content-Length and Transfer-Encoding exclude each other.", rejection_fields::none},
    {Rejection::transfer_encoding_malformed, 400, "transfer_encoding_malformed", "Transfer-Encoding is not a list of codings.", rejection_fields::none},
    {Rejection::transfer_encoding_repeated, 400, "transfer_encoding_repeated", "Transfer-Encoding or its chunked coding is given more than once.", rejection_fields::none},
    {Rejection::transfer_encoding_not_final, 400, "transfer_encoding_not_final", "The chunked coding must be the last one.", rejection_fields::none},
    {Rejection::transfer_encoding_unsupported, 501, "transfer_encoding_unsupported", "Only the chunked transfer coding is supported.", rejection_fields::none},
    {Rejection::transfer_encoding_in_http10, 400, "transfer_encoding_in_http10", "HTTP/1.0 has no Transfer-Encoding.", rejection_fields::none},
    {Rejection::body_too_large, 413, "too_large", "The body is larger than this server accepts.", rejection_fields::none},
    {Rejection::chunk_size_malformed, 400, "chunk_size_malformed", "A chunk size must be 1 to 16 hexadecimal digits without leading zeros.", rejection_fields::none},
    {Rejection::chunk_extension_malformed, 400, "chunk_extension_malformed", "A chunk extension breaks the grammar.", rejection_fields::none},
    {Rejection::chunk_data_malformed, 400, "chunk_data_malformed", "Chunk data must end in CR LF after its declared size.", rejection_fields::none},
    {Rejection::chunk_overhead_too_large, 400, "chunk_overhead_too_large", "The chunk lines outweigh the body.", rejection_fields::none},
    {Rejection::trailer_malformed, 400, "trailer_malformed", "A trailer line is not a field line.", rejection_fields::none},
    {Rejection::trailer_forbidden, 400, "trailer_forbidden", "A trailer field must not frame, route or authenticate the request.", rejection_fields::none},
    {Rejection::trailers_too_large, 431, "trailers_too_large", "The trailer section is too large.", rejection_fields::none},
    {Rejection::expectation_unsupported, 417, "expectation_unsupported", "The only expectation that is met is 100-continue.", rejection_fields::none},
    {Rejection::http10_refused, 400, "http10_refused", "A WebSocket needs HTTP/1.1.", rejection_fields::none},
    {Rejection::method_unknown, 501, "method_unknown", "The method is not known.", rejection_fields::none},
    {Rejection::method_not_allowed, 405, "method_not_allowed", "The method is not allowed here.", rejection_fields::allow_get},
    {Rejection::path_unknown, 404, "path_unknown", "Nothing is served at this path.", rejection_fields::none},
    {Rejection::upgrade_missing, 426, "upgrade_missing", "This path serves WebSockets: ask for Upgrade: websocket.", rejection_fields::upgrade},
    {Rejection::body_on_upgrade, 400, "body_on_upgrade", "A request for an upgrade must have no body.", rejection_fields::none},
    {Rejection::connection_upgrade_missing, 400, "connection_upgrade_missing", "The Connection field lacks the token upgrade.", rejection_fields::none},
    {Rejection::websocket_version_missing, 400, "websocket_version_missing", "Sec-WebSocket-Version is missing.", rejection_fields::websocket_version},
    {Rejection::websocket_version_malformed, 400, "websocket_version_malformed", "Sec-WebSocket-Version must be one number.", rejection_fields::websocket_version},
    {Rejection::websocket_version_repeated, 400, "websocket_version_repeated", "Sec-WebSocket-Version is given more than once.", rejection_fields::websocket_version},
    {Rejection::websocket_version_unsupported, 426, "websocket_version_unsupported", "Only version 13 of the protocol is spoken here.", rejection_fields::upgrade_and_version},
    {Rejection::websocket_key_missing, 400, "websocket_key_missing", "Sec-WebSocket-Key is missing.", rejection_fields::none},
    {Rejection::websocket_key_malformed, 400, "websocket_key_malformed", "Sec-WebSocket-Key must be the base64 form of 16 bytes.", rejection_fields::none},
    {Rejection::websocket_key_repeated, 400, "websocket_key_repeated", "Sec-WebSocket-Key is given more than once.", rejection_fields::none},
    {Rejection::subprotocol_malformed, 400, "subprotocol_malformed", "Sec-WebSocket-Protocol must be a list of tokens.", rejection_fields::none},
    {Rejection::subprotocols_too_many, 431, "subprotocols_too_many", "Sec-WebSocket-Protocol has more than 64 members.", rejection_fields::none},
    {Rejection::extensions_malformed, 400, "extensions_malformed", "Sec-WebSocket-Extensions breaks its grammar.", rejection_fields::none},
    {Rejection::origin_repeated, 400, "origin_repeated", "The Origin field is given more than once.", rejection_fields::none},
    {Rejection::origin_forbidden, 403, "origin_forbidden", "This origin may not connect.", rejection_fields::none},
    {Rejection::draining, 503, "draining", "This server is about to stop: connect again shortly.", rejection_fields::retry_after},
    {Rejection::connection_limit, 503, "connection_limit", "This server holds as many connections as it may.", rejection_fields::retry_after},
    {Rejection::heads_limit, 503, "heads_limit", "This server holds as many unfinished requests as it may.", rejection_fields::retry_after},
    {Rejection::device_id_missing, 400, "device_id_missing", "The request names no device.", rejection_fields::none},
    {Rejection::device_id_malformed, 400, "bad_id", "A device id is 1 to 128 letters, digits or any of . _ ~ : @ - and neither . nor ..", rejection_fields::none},
    {Rejection::device_id_conflict, 400, "device_id_conflict", "The request names two different devices.", rejection_fields::none},
    {Rejection::device_id_reserved, 400, "device_id_reserved", "Ids that begin with anon- are given by the server alone.", rejection_fields::none},
    {Rejection::request_timeout, 408, "request_timeout", "The request did not arrive in time.", rejection_fields::none},
    {Rejection::nothing_sent, 408, "nothing_sent", "Nothing was sent in time.", rejection_fields::none},
    {Rejection::attempts_too_many, 429, "attempts_too_many", "Too many connection attempts from this address.", rejection_fields::retry_after},
}};
// clang-format on

static_assert(
    [] {
      for (std::size_t i = 0; i < rejections_count; ++i) {
        if (static_cast<std::size_t>(rejection_facts[i].rejection) != i) return false;
      }
      return true;
    }(),
    "one row per enumerator, in their order");

constexpr const RejectionFacts& facts_of(Rejection rejection) { return rejection_facts[static_cast<std::size_t>(rejection)]; }

}  // namespace ringgate::http
