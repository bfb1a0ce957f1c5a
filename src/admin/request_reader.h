// From the bytes of one admin connection to whole requests, one after the other.
//
// No I/O, no clock, and no view of what is asked for. Owned by the connection. Invariants: what comes out
// does not depend on how the bytes were cut; memory follows the bytes that have arrived, never a declared
// length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "http/body.h"
#include "http/head_gatherer.h"
#include "http/rejection.h"
#include "http/response.h"
#include "ringgate/bytes.h"

namespace ringgate::admin {

/// A request, copied out of its bytes.
struct Request {
  http::Method method = http::Method::get;
  http::Persistence persistence = http::Persistence::keep_alive;  // close: HTTP/1.0, or `Connection: close`
  bool is_from_web_page = false;            // has Origin, or a Sec-Fetch-Site other than none and same-origin
  bool asks_for_websocket = false;          // any other upgrade is ignored (RFC 9110 section 7.8)
  bool is_encoded = false;                  // has a Content-Encoding other than identity
  bool expects_continue = false;            // RFC 9110 section 10.1.1; never with HTTP/1.0
  std::optional<std::string> content_type;  // nullopt also if it is given more than once
  std::string authority;                    // empty only if HTTP/1.0 names none
  std::string path;                         // still percent-encoded
  std::string query;                        // idem; `+`, which means a space here, as %20
  std::string body;

  friend bool operator==(const Request&, const Request&) = default;
};

enum class ReadStatus : std::uint8_t {
  need_more,
  body_follows,  // the head is read, and a body is to come: call again, `request` is all but the body
  complete,      // `request` is whole: take it
  rejected,      // the bytes are no proper request; nothing behind them means anything
};

struct ReadProgress {
  ReadStatus status = ReadStatus::need_more;
  std::size_t consumed_bytes = 0;  // the bytes behind them are to be given again
  http::Rejection rejection{};     // only if rejected
};

class RequestReader {
 public:
  enum class Phase : std::uint8_t { idle, head, body };

  /// `body_bytes_max`: decoded bytes of a body, at most.
  explicit RequestReader(std::size_t body_bytes_max, const http::HeadRules& head_rules = {})
      : body_bytes_max_(body_bytes_max), gatherer_(head_rules) {}

  /// Reads from the front of `input`, which follows what was consumed before, up to the next event.
  ReadProgress read(ByteView input);

  /// What is known of the current request: nothing until its head is there. Whole after `complete`.
  const Request& request() const { return request_; }

  /// Hands the request over and starts with the next one. Precondition: `read` said complete.
  Request take();

  /// idle: nothing of a request is there yet.
  Phase phase() const { return body_ ? Phase::body : gatherer_.holds_bytes() ? Phase::head : Phase::idle; }

  /// The method, as far as it is known; for the answer to a rejected request.
  http::Method method() const { return body_ ? request_.method : gatherer_.method(); }

 private:
  ReadProgress read_head(ByteView input);
  ReadProgress read_body(ByteView input);
  std::optional<http::Rejection> take_head(const http::RequestView& view);

  std::size_t body_bytes_max_;
  http::HeadGatherer gatherer_;
  std::optional<http::BodyReader> body_;  // while a body is being read
  Request request_;
};

}  // namespace ringgate::admin
