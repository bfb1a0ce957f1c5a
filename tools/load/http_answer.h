// The front of an HTTP/1.1 answer as our own servers write them: a status line, fields, and a body of
// Content-Length bytes.
//
// Enough for the opening handshake and the admin port, no more: chunked answers are a fault. Reads, never
// allocates for the views it returns; they point into the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "ringgate/bytes.h"

namespace ringgate::load {

struct HttpAnswer {
  int status = 0;
  std::string_view fields;  // the field lines, each with its CRLF
  std::string_view body;
  std::size_t size = 0;  // bytes of input that the answer takes

  /// The value of the field `name` (case ignored) without the blanks around it; nothing when it is absent or
  /// not single.
  std::optional<std::string_view> field(std::string_view name) const;
  std::size_t field_count(std::string_view name) const;
};

enum class AnswerFault : std::uint8_t { status_line, field_line, content_length, chunked, too_long };
const char* name_of(AnswerFault fault);

/// Reads the answer at the front of `input`; nothing yet when it is incomplete. Call again with more from the
/// same start.
std::expected<std::optional<HttpAnswer>, AnswerFault> parse_answer(ByteView input);

/// `a` and `b` are equal when the case of ASCII letters is ignored.
bool equal_ignoring_case(std::string_view a, std::string_view b);

inline constexpr std::size_t answer_head_bytes_max = 16 * 1024;

}  // namespace ringgate::load
