// Writing responses: status line, the few fields the gate sends, and the problem documents of RFC 9457.
//
// Not a general writer: no chunked coding. Everything is appended to the caller's string, so that
// pipelined responses gather in one send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/rejection_facts.h"
#include "http/request_head.h"

namespace ringgate::http {

enum class Persistence : std::uint8_t { keep_alive, close };

/// A response to be written. Borrows its text for the call.
struct Response {
  std::uint16_t status = 200;
  std::string_view content_type = {};  // empty: no Content-Type field
  std::string_view body = {};
  std::string_view extra_fields = {};  // whole field lines, each ending in CRLF; must not come from a peer
  Persistence persistence = Persistence::keep_alive;
  Method request_method = Method::get;  // an answer to HEAD has the fields of GET and no body
  std::string_view date = {};           // of DateField; empty: no Date field
};

/// What a problem document says (RFC 9457 section 3.1); `type` is about:blank, so the title is that of the
/// status. `reason` and `detail` are literals that need no JSON escaping.
struct Problem {
  std::uint16_t status = 500;
  std::string_view reason = {};  // stable snake_case name
  std::string_view detail = {};
  std::string_view extra_fields = {};
  Persistence persistence = Persistence::close;
  Method request_method = Method::get;
  std::string_view date = {};
};

/// Title of a status code as in the IANA registry; "Unknown" for one the gate does not send.
std::string_view status_title(std::uint16_t status);

/// Appends the whole response. A 204 has neither body nor Content-Length (RFC 9110 section 8.6).
void append_response(std::string& out, const Response& response);

/// Appends a response with an application/problem+json body.
void append_problem(std::string& out, const Problem& problem);

/// Appends the answer to a refused request; it closes the connection. `request_method` is Method::unknown if
/// not known; `date` as in Response.
void append_rejection(std::string& out, const RejectionFacts& facts, Method request_method, std::string_view date);

}  // namespace ringgate::http
