// The body of a request: how long it is (RFC 9112 section 6), and reading it piece by piece.
//
// Knows nothing of what a body means. A reader is owned by the connection for one request; the body itself is
// the caller's. Invariant: a body is appended only from bytes that have arrived, so memory never follows a
// declared length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "http/chunked.h"
#include "http/rejection.h"
#include "http/request_head.h"

namespace ringgate::http {

struct BodyFraming {
  enum class Kind : std::uint8_t { none, content_length, chunked };
  Kind kind = Kind::none;
  std::uint64_t content_length = 0;  // only for that kind; 0 is possible

  bool has_body() const { return kind == Kind::chunked || content_length > 0; }
};

/// How the body of `request` is framed. Whatever two recipients could read in two ways is refused: both
/// fields at once, a field given twice (even alike), signs, leading zeros, lists, overflow of 64 bits; a coding other than
/// chunked is 501 unless chunked stands before it, which is 400.
std::expected<BodyFraming, Rejection> body_framing(const RequestView& request);

/// Whether the sender waits for 100 (Continue) before it sends the body; never with HTTP/1.0 (RFC 9110 section 10.1.1). An
/// expectation of anything else is expectation_unsupported.
std::expected<bool, Rejection> expects_continue(const RequestView& request);

/// Reads one body of either kind.
class BodyReader {
 public:
  /// `body_bytes_max`: what the caller takes at most, in bytes.
  BodyReader(BodyFraming framing, std::size_t body_bytes_max);

  /// Judges what is known before any byte of the body: body_too_large for a declared length above the limit.
  std::expected<void, Rejection> check_length() const;

  /// Takes what belongs to the body from the front of `input` and appends its content to `body`. With
  /// `complete`, the bytes behind `consumed` are the next request. Once complete, further calls take
  /// nothing. After an error the reader is spent.
  std::expected<BodyProgress, Rejection> read(ByteView input, std::string& body);

 private:
  BodyProgress read_content(ByteView input, std::string& body);

  BodyFraming framing_;
  std::uint64_t remaining_bytes_;
  std::size_t body_bytes_max_;
  ChunkedReader chunked_;
};

}  // namespace ringgate::http
