// Reads the bytes of one admin connection as whole requests, one after the other.
//
// No I/O, no clock, no knowledge of endpoints. Owned by the connection; owner shard. Invariants: the requests do not depend on
// how the bytes were cut; memory grows with the bytes received, never with a declared length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body.h"
#include "http/head_gatherer.h"
#include "http/rejection.h"
#include "http/response.h"
#include "ringgate/bytes.h"

namespace ringgate::admin {

/// A request. Owns its texts.
struct Request {
  http::Method method = http::Method::get;
  http::Persistence persistence = http::Persistence::keep_alive;  // close: HTTP/1.0, or `Connection: close`
  bool is_from_web_page = false;             // has Origin, or a Sec-Fetch-Site other than none and same-origin
  bool asks_for_websocket = false;           // any other upgrade is ignored (RFC 9110 section 7.8)
  bool is_encoded = false;                   // has a Content-Encoding other than identity
  bool expects_continue = false;             // RFC 9110 section 10.1.1; never with HTTP/1.0
  std::optional<std::string> content_type;   // nullopt also if it is given more than once
  std::string authorization;                 // the value of the first Authorization field
  std::size_t authorizations_count = 0;      // of those fields
  std::vector<std::string> x_forwarded_for;  // the values of those fields, in their order
  std::vector<std::string> forwarded;        // likewise
  bool is_http10 = false;
  bool is_read_in_pieces = false;                           // its endpoint takes the body as it arrives
  std::vector<std::pair<std::string, std::string>> fields;  // of `kept_fields`, with names in that spelling, in their order
  std::string authority;                                    // empty only if HTTP/1.0 names none
  std::string path;                                         // still percent-encoded
  std::string query;                                        // still percent-encoded, with `+` (a space) as %20
  std::string body;

  friend bool operator==(const Request&, const Request&) = default;

  /// The value of the first field of that name, spelled as in `kept_fields`; nullopt if there is none.
  std::optional<std::string_view> field(std::string_view name) const;
  std::size_t count_fields(std::string_view name) const;
  /// The values of all fields of that name as one list (RFC 9110 section 5.3).
  std::string list(std::string_view name) const;
};

/// The fields that endpoints read beside those that have a member of their own.
inline constexpr std::array<std::string_view, 12> kept_fields{
    "Accept",      "Last-Event-ID", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    "If-Match",    "If-None-Match", "Idempotency-Key",   "Ringgate-Ttl",          "Ringgate-Coalesce-Key",
    "traceparent", "tracestate"};

enum class ReadStatus : std::uint8_t {
  need_more,
  body_follows,  // the head is read and a body follows: `request` is whole but for the body; call again
  piece,         // of a body that is read in pieces: `request().body` has more of it; call take_piece, then again
  complete,      // `request` is whole: take it
  rejected,      // the bytes are not a valid request; bytes after them have no meaning
};

struct ReadProgress {
  ReadStatus status = ReadStatus::need_more;
  std::size_t consumed_bytes = 0;  // pass the bytes after these again
  http::Rejection rejection{};     // only if rejected
};

class RequestReader {
 public:
  enum class Phase : std::uint8_t { idle, head, body };

  /// Whether the body of a request, whose head was read, is read in pieces. Then it may be as long as it likes.
  using InPieces = bool (*)(const Request& head);

  /// `body_bytes_max`: decoded bytes of a body that is kept whole, at most. `in_pieces`: null: all are.
  explicit RequestReader(std::size_t body_bytes_max, const http::HeadRules& head_rules = {}, InPieces in_pieces = nullptr)
      : body_bytes_max_(body_bytes_max), in_pieces_(in_pieces), gatherer_(head_rules) {}

  /// Reads `input` up to the next event. It begins after the bytes consumed before.
  ReadProgress read(ByteView input);

  /// The known part of the current request: empty until its head was read, whole after `complete`.
  const Request& request() const { return request_; }

  /// Returns the request and starts with the next one. Precondition: `read` returned complete.
  Request take();

  /// The content that arrived since the last piece. After `piece`, and after `complete` of a body that is read in pieces.
  std::string take_piece() { return std::exchange(request_.body, {}); }

  /// idle: no byte of the next request was read yet.
  Phase phase() const { return body_ ? Phase::body : gatherer_.holds_bytes() ? Phase::head : Phase::idle; }

  /// The method, if it is known yet; for the answer to a rejected request.
  http::Method method() const { return body_ ? request_.method : gatherer_.method(); }

 private:
  ReadProgress read_head(ByteView input);
  ReadProgress read_body(ByteView input);
  std::optional<http::Rejection> take_head(const http::RequestView& view);

  std::size_t body_bytes_max_;
  InPieces in_pieces_;
  http::HeadGatherer gatherer_;
  std::optional<http::BodyReader> body_;  // while a body is being read
  Request request_;
};

}  // namespace ringgate::admin
