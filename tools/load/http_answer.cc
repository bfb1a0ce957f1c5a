#include "load/http_answer.h"

#include <algorithm>
#include <charconv>

namespace ringgate::load {
namespace {

constexpr std::string_view line_end = "\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Calls visit(name, value) for each line of `fields`; false if a line has no name.
template <typename Visit>
bool for_each_field(std::string_view fields, Visit visit) {
  while (!fields.empty()) {
    const auto end = fields.find(line_end);
    const std::string_view line = fields.substr(0, end);
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    visit(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    fields.remove_prefix(end == std::string_view::npos ? fields.size() : end + line_end.size());
  }
  return true;
}

// Reads "HTTP/1.1 101 Switching Protocols". The reason may be empty, but the blank before it must be there.
std::optional<int> status_of(std::string_view line) {
  int status = 0;
  if (line.size() < 13 || !line.starts_with("HTTP/1.1 ") || line[12] != ' ') return std::nullopt;
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, status);
  if (error != std::errc{} || end != line.data() + 12 || status < 100) return std::nullopt;
  return status;
}

// Answers with such a status never have a body, whatever their fields say (RFC 9112 section 6.3).
bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

std::optional<std::uint64_t> body_bytes(const HttpAnswer& answer) {
  if (has_no_body(answer.status)) return 0;
  const auto value = answer.field("Content-Length");
  std::uint64_t bytes = 0;
  if (!value) return std::nullopt;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), bytes);
  if (error != std::errc{} || end != value->data() + value->size()) return std::nullopt;
  return bytes;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t HttpAnswer::field_count(std::string_view name) const {
  std::size_t count = 0;
  for_each_field(fields, [&](std::string_view n, std::string_view) { count += equal_ignoring_case(n, name) ? 1 : 0; });
  return count;
}

std::optional<std::string_view> HttpAnswer::field(std::string_view name) const {
  std::optional<std::string_view> found;
  if (field_count(name) != 1) return found;
  for_each_field(fields, [&](std::string_view n, std::string_view value) {
    if (equal_ignoring_case(n, name)) found = value;
  });
  return found;
}

std::expected<std::optional<HttpAnswer>, AnswerFault> parse_answer(ByteView input) {
  const std::string_view text = text_of(input);
  const auto head_end = text.substr(0, answer_head_bytes_max).find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    if (text.size() >= answer_head_bytes_max) return std::unexpected(AnswerFault::too_long);
    return std::nullopt;
  }
  const std::string_view head = text.substr(0, head_end + line_end.size());
  const auto status_line_end = head.find(line_end);
  const auto status = status_of(head.substr(0, status_line_end));
  if (!status) return std::unexpected(AnswerFault::status_line);

  HttpAnswer answer;
  answer.status = *status;
  answer.fields = head.substr(status_line_end + line_end.size());
  if (!for_each_field(answer.fields, [](auto, auto) {})) return std::unexpected(AnswerFault::field_line);
  if (answer.field_count("Transfer-Encoding") != 0) return std::unexpected(AnswerFault::chunked);
  const auto bytes = body_bytes(answer);
  if (!bytes) return std::unexpected(AnswerFault::content_length);

  const std::size_t body_start = head_end + 2 * line_end.size();
  if (text.size() - body_start < *bytes) return std::nullopt;
  answer.body = text.substr(body_start, static_cast<std::size_t>(*bytes));
  answer.size = body_start + answer.body.size();
  return answer;
}

const char* name_of(AnswerFault fault) {
  switch (fault) {
    case AnswerFault::status_line: return "malformed status line";
    case AnswerFault::field_line: return "malformed field line";
    case AnswerFault::content_length: return "missing or malformed Content-Length";
    case AnswerFault::chunked: return "answer with a Transfer-Encoding";
    case AnswerFault::too_long: return "answer head too long";
  }
  return "?";
}

}  // namespace ringgate::load
