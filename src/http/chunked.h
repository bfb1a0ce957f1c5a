// A strict reader of the chunked transfer coding (RFC 9112 section 7.1).
//
// It checks chunk extensions and trailers and drops them. A BodyReader owns it for one body. Invariant: it looks at each byte
// once, and its verdict does not depend on how the bytes are cut.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "http/rejection.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// The progress of reading a body: bytes taken from the front of the input, and whether the body ended with them.
struct BodyProgress {
  std::size_t consumed_bytes = 0;
  bool complete = false;
};

class ChunkedReader {
 public:
  /// `body_bytes_max`: the most decoded bytes that the caller takes.
  explicit ChunkedReader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Decodes the front of `input` and appends the data to `body`. Errors: chunk_size_malformed, chunk_extension_malformed,
  /// chunk_data_malformed, trailer_malformed, trailer_forbidden, line_ending_malformed; body_too_large at the end of the size
  /// line that crosses the limit; chunk_overhead_too_large if the size lines exceed the data so far by more than
  /// limits::chunk_overhead_bytes_max; trailers_too_large. Do not use the reader after an error; data appended before it stays.
  std::expected<BodyProgress, Rejection> read(ByteView input, std::string& body);

 private:
  enum class State : std::uint8_t {
    size_first,        // first digit of a chunk size
    size,              // further digits
    before_semicolon,  // white space between size or extension and the next semicolon
    name_first,        // white space or first byte of an extension name
    name,
    before_equals,  // white space behind an extension name
    value_first,    // white space or first byte of an extension value
    value,          // a token
    quoted,
    quoted_pair,  // behind a backslash
    quoted_end,   // behind the closing quotation mark
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    complete,
  };
  using Fault = std::optional<Rejection>;

  std::size_t take_data(ByteView input, std::string& body);
  Fault step(std::uint8_t byte);
  Fault step_size(std::uint8_t byte);
  Fault step_extension(std::uint8_t byte);
  Fault step_data_end(std::uint8_t byte);
  Fault step_trailer(std::uint8_t byte);
  Fault end_of_part(std::uint8_t byte, Rejection otherwise);
  Fault finish_size_line();
  Fault step_trailer_name(std::uint8_t byte);

  State state_ = State::size_first;
  std::uint8_t size_digits_ = 0;
  std::uint8_t trailer_name_chars_ = 0;  // of the current name; at most one more than trailer_name_ holds
  std::array<char, 24> trailer_name_{};
  std::uint64_t chunk_bytes_ = 0;     // first the size so far, then the bytes of data still to come
  std::uint64_t body_bytes_ = 0;      // data received so far
  std::uint64_t overhead_bytes_ = 0;  // bytes of size lines so far
  std::uint64_t trailer_bytes_ = 0;
  std::size_t body_bytes_max_;
};

}  // namespace ringgate::http
