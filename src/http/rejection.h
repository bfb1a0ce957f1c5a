// The rules of HTTP that refuse a request: one enumerator per broken rule, and a table of what the peer is told.
//
// `response.h` writes the response. Every rejection closes the connection. Rules of the opening handshake are in ws/rejection.h,
// rules of the gate itself in admission/rejection.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/rejection_facts.h"

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
  // Bytes of another protocol (foreign_protocol.h)
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
  // Method and path
  method_unknown,
  method_not_allowed,
  path_unknown,
  // Time
  request_timeout,
  nothing_sent,  // no byte in time: closed without a response
};

inline constexpr std::size_t rejections_count = static_cast<std::size_t>(Rejection::nothing_sent) + 1;

// clang-format off
inline constexpr std::array<RejectionRow<Rejection>, rejections_count> rejection_rows{{
    {Rejection::empty_line_repeated, {400, "empty_line_repeated", "More than one empty line precedes the request line.", rejection_fields::none}},
    {Rejection::line_ending_malformed, {400, "line_ending_malformed", "A line must end in CR LF, and CR must not occur elsewhere.", rejection_fields::none}},
    {Rejection::method_malformed, {400, "method_malformed", "The method must be a token followed by one space.", rejection_fields::none}},
    {Rejection::method_too_long, {400, "method_too_long", "The method is longer than any known one.", rejection_fields::none}},
    {Rejection::target_malformed, {400, "target_malformed", "The request target contains a byte that a URI must not contain.", rejection_fields::none}},
    {Rejection::target_escape_malformed, {400, "target_escape_malformed", "A percent sign must be followed by two hexadecimal digits.", rejection_fields::none}},
    {Rejection::target_form_unsupported, {400, "target_form_unsupported", "The request target must be a path or an absolute http or ws URI.", rejection_fields::none}},
    {Rejection::target_too_long, {414, "target_too_long", "The request target is too long.", rejection_fields::none}},
    {Rejection::version_malformed, {400, "version_malformed", "The request line must end in HTTP/1.1.", rejection_fields::none}},
    {Rejection::version_unsupported, {505, "version_unsupported", "This server speaks only HTTP/1.", rejection_fields::none}},
    {Rejection::tls_unexpected, {400, "tls_unexpected", "TLS arrived on a port for plain HTTP: use http or ws, or the TLS port.", rejection_fields::none}},
    {Rejection::proxy_protocol_unexpected, {400, "proxy_protocol_unexpected", "A PROXY protocol header arrived on a port that does not accept it.", rejection_fields::none}},
    {Rejection::http2_unexpected, {505, "http2_unexpected", "HTTP/2 arrived on a port for HTTP/1.1.", rejection_fields::none}},
    {Rejection::ssh_unexpected, {400, "ssh_unexpected", "SSH arrived on a port for HTTP.", rejection_fields::none}},
    {Rejection::field_folded, {400, "field_folded", "A field line must not begin with white space.", rejection_fields::none}},
    {Rejection::field_name_malformed, {400, "field_name_malformed", "A field name must be a token directly followed by a colon.", rejection_fields::none}},
    {Rejection::field_value_malformed, {400, "field_value_malformed", "A field value contains a control byte.", rejection_fields::none}},
    {Rejection::fields_too_many, {431, "fields_too_many", "The request has too many field lines.", rejection_fields::none}},
    {Rejection::head_too_large, {431, "head_too_large", "The request head is too large.", rejection_fields::none}},
    {Rejection::host_missing, {400, "host_missing", "The Host field is missing.", rejection_fields::none}},
    {Rejection::host_repeated, {400, "host_repeated", "The Host field is given more than once.", rejection_fields::none}},
    {Rejection::host_malformed, {400, "host_malformed", "The Host field is not a host with an optional port.", rejection_fields::none}},
    {Rejection::authority_conflict, {400, "authority_conflict", "The request target names another host or port than the Host field.", rejection_fields::none}},
    {Rejection::host_not_allowed, {421, "host_not_allowed", "This server does not serve the host in the Host field.", rejection_fields::none}},
    {Rejection::content_length_malformed, {400, "content_length_malformed", "Content-Length must be one decimal number below 2^64, without leading zeros.", rejection_fields::none}},
    {Rejection::content_length_repeated, {400, "content_length_repeated", "Content-Length is given more than once.", rejection_fields::none}},
    {Rejection::framing_ambiguous, {400, "framing_ambiguous", "A request must not have both Content-Length and Transfer-Encoding.", rejection_fields::none}},
    {Rejection::transfer_encoding_malformed, {400, "transfer_encoding_malformed", "Transfer-Encoding is not a list of codings.", rejection_fields::none}},
    {Rejection::transfer_encoding_repeated, {400, "transfer_encoding_repeated", "Transfer-Encoding or its chunked coding is given more than once.", rejection_fields::none}},
    {Rejection::transfer_encoding_not_final, {400, "transfer_encoding_not_final", "The chunked coding must be the last one.", rejection_fields::none}},
    {Rejection::transfer_encoding_unsupported, {501, "transfer_encoding_unsupported", "Only the chunked transfer coding is supported.", rejection_fields::none}},
    {Rejection::transfer_encoding_in_http10, {400, "transfer_encoding_in_http10", "HTTP/1.0 has no Transfer-Encoding.", rejection_fields::none}},
    {Rejection::body_too_large, {413, "too_large", "The body is larger than this server accepts.", rejection_fields::none}},
    {Rejection::chunk_size_malformed, {400, "chunk_size_malformed", "A chunk size must be 1 to 16 hexadecimal digits without leading zeros.", rejection_fields::none}},
    {Rejection::chunk_extension_malformed, {400, "chunk_extension_malformed", "A chunk extension breaks the grammar.", rejection_fields::none}},
    {Rejection::chunk_data_malformed, {400, "chunk_data_malformed", "Chunk data must end in CR LF after its declared size.", rejection_fields::none}},
    {Rejection::chunk_overhead_too_large, {400, "chunk_overhead_too_large", "The chunk size lines are too long for the size of the body.", rejection_fields::none}},
    {Rejection::trailer_malformed, {400, "trailer_malformed", "A trailer line is not a field line.", rejection_fields::none}},
    {Rejection::trailer_forbidden, {400, "trailer_forbidden", "A trailer field must not frame, route or authenticate the request.", rejection_fields::none}},
    {Rejection::trailers_too_large, {431, "trailers_too_large", "The trailer section is too large.", rejection_fields::none}},
    {Rejection::expectation_unsupported, {417, "expectation_unsupported", "The only supported expectation is 100-continue.", rejection_fields::none}},
    {Rejection::method_unknown, {501, "method_unknown", "The method is unknown.", rejection_fields::none}},
    {Rejection::method_not_allowed, {405, "method_not_allowed", "The method is not allowed here.", rejection_fields::allow_get}},
    {Rejection::path_unknown, {404, "path_unknown", "Nothing is served at this path.", rejection_fields::none}},
    {Rejection::request_timeout, {408, "request_timeout", "The request did not arrive in time.", rejection_fields::none}},
    {Rejection::nothing_sent, {408, "nothing_sent", "No byte of a request arrived in time.", rejection_fields::none}},
}};
// clang-format on

static_assert(rows_are_in_order(rejection_rows));

constexpr const RejectionFacts& facts_of(Rejection rejection) {
  return rejection_rows[static_cast<std::size_t>(rejection)].facts;
}

}  // namespace ringgate::http
