// Writes responses: status line, the few fields that the gate sends, and the problem documents of RFC 9457.
//
// It is no general writer. It appends to the caller's string, so that pipelined responses leave in one
// send. Any thread; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/rejection_facts.h"
#include "http/request_head.h"

namespace ringgate::http {

enum class Persistence : std::uint8_t { keep_alive, close };

/// A response. Borrows its texts for the call.
struct Response {
  std::uint16_t status = 200;
  std::string_view content_type = {};  // empty: no Content-Type field
  std::string_view body = {};
  std::string_view extra_fields = {};  // whole field lines, each ending in CRLF; must not come from a peer
  Persistence persistence = Persistence::keep_alive;
  Method request_method = Method::get;  // a response to HEAD has the fields of GET and no body
  std::string_view date = {};           // of DateField; empty: no Date field
};

/// The content of a problem document (RFC 9457 section 3.1). Its `type` is about:blank, so its title is that of the status.
/// `reason` and `detail` are literals that need no JSON escaping.
struct Problem {
  std::uint16_t status = 500;
  std::string_view reason = {};  // stable snake_case name
  std::string_view detail = {};
  std::string_view extra_fields = {};
  Persistence persistence = Persistence::close;
  Method request_method = Method::get;
  std::string_view date = {};
};

/// Title of a status code as in the IANA registry; "Unknown" if the gate does not send that code.
std::string_view status_title(std::uint16_t status);

/// Appends the whole response. A 204 has neither body nor Content-Length (RFC 9110 section 8.6).
void append_response(std::string& out, const Response& response);

/// How a recipient finds the end of a body of unknown length (RFC 9112 section 6.3).
enum class StreamFraming : std::uint8_t { chunked, until_close };

/// Appends the head of a response whose body follows. The body of `response` is not used.
void append_stream_head(std::string& out, const Response& response, StreamFraming framing);

/// Appends a 101 (RFC 9110 section 15.2.2). `fields`: whole field lines but for Connection and Upgrade.
void append_upgrade_head(std::string& out, std::string_view fields, std::string_view date);

/// Appends the line before a chunk of `bytes` bytes; CRLF follows the chunk. 0: the whole last chunk (RFC 9112 section 7.1).
void append_chunk_head(std::string& out, std::size_t bytes);

/// Appends a response with an application/problem+json body.
void append_problem(std::string& out, const Problem& problem);

/// Appends the response to a refused request, with Connection: close. `request_method` may be Method::unknown; `date` as in
/// Response.
void append_rejection(std::string& out, const RejectionFacts& facts, Method request_method, std::string_view date);

}  // namespace ringgate::http
