// The body of a request: its framing (RFC 9112 section 6), and a reader for bodies in pieces.
//
// It does not interpret a body. A connection owns a reader for one request; the caller owns the body. Invariant: a body grows
// only by bytes that have arrived, so memory never follows a declared length.
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

/// How the body of `request` is framed. Refuses everything that two recipients could read in two ways: both fields, a field given
/// twice (even with the same value), signs, leading zeros, lists, overflow of 64 bits. A coding other than chunked is
/// transfer_encoding_unsupported, but transfer_encoding_not_final if chunked precedes it. Any thread; does not allocate.
std::expected<BodyFraming, Rejection> body_framing(const RequestView& request);

/// True if the sender waits for 100 (Continue) before it sends the body; never with HTTP/1.0 (RFC 9110 section 10.1.1). Any other
/// expectation is expectation_unsupported. Any thread; does not allocate.
std::expected<bool, Rejection> expects_continue(const RequestView& request);

/// Reads one body of any framing.
class BodyReader {
 public:
  /// `body_bytes_max`: the largest body that the caller takes.
  BodyReader(BodyFraming framing, std::size_t body_bytes_max);

  /// Checks a declared length before any byte of the body: body_too_large if it is above the limit.
  std::expected<void, Rejection> check_length() const;

  /// Takes the bytes of the body from the front of `input` and appends their content to `body`. Once `complete`, the bytes behind
  /// `consumed_bytes` are the next request, and further calls take nothing. Do not use the reader after an error.
  std::expected<BodyProgress, Rejection> read(ByteView input, std::string& body);

 private:
  BodyProgress read_content(ByteView input, std::string& body);

  BodyFraming framing_;
  std::uint64_t remaining_bytes_;
  std::size_t body_bytes_max_;
  ChunkedReader chunked_;
};

}  // namespace ringgate::http
