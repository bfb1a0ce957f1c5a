// An HTTP/1.1 answer as the gate writes them: a status line, fields, and a body of Content-Length bytes.
//
// It suffices for the opening handshake and the admin port: a chunked answer is a fault. Views borrow the input.
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
  std::size_t size = 0;  // bytes of the answer in the input

  /// The value of the field `name` (ignores case) without the blanks around it; nothing unless there is exactly one such field.
  std::optional<std::string_view> field(std::string_view name) const;
  std::size_t field_count(std::string_view name) const;
};

enum class AnswerFault : std::uint8_t { status_line, field_line, content_length, chunked, too_long };
const char* name_of(AnswerFault fault);

/// Reads the answer at the front of `input`. Nothing if it is incomplete: call it again with more bytes from the same start.
std::expected<std::optional<HttpAnswer>, AnswerFault> parse_answer(ByteView input);

/// True if `a` and `b` are equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

inline constexpr std::size_t answer_head_bytes_max = 16 * 1024;

}  // namespace ringgate::load
