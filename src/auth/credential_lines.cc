#include "auth/credential_lines.h"

#include <algorithm>
#include <cstring>

#include "auth/text_coding.h"
#include "base/limits.h"
#include "http/byte_class.h"

namespace ringgate::auth {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
/// Quotes only what looks like a key: a secret may have slipped into its place.
std::string unknown_field(std::string_view word, std::span<const FieldFacts> known) {
  const std::string_view key = word.substr(0, word.find('='));
  const bool is_key = key.size() < word.size() && key.size() <= 16 &&
                      std::ranges::all_of(key, [](char c) { return http::is_alpha(static_cast<std::uint8_t>(c)) || c == '_'; });
  std::string cause = is_key ? "the field " + std::string(key) + "= is unknown, write" : "a word is no field, write";
  for (const FieldFacts& field : known) cause += " " + std::string(field.key) + "=";
  return cause;
}

static_assert(piece_bytes > limits::credential_line_bytes_max + 1, "a whole line and its end fit");

}  // namespace

CredentialLines::CredentialLines(OpenFile file) : name_(file.name()), file_(std::move(file)), buffer_(piece_bytes) {}

std::expected<CredentialLines, std::string> CredentialLines::open(const std::string& file) {
  auto opened = OpenFile::open(file, limits::credential_file_bytes_max);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return CredentialLines(std::move(*opened));
}

std::string CredentialLines::fault(std::string_view cause, std::size_t number) const {
  return name_ + ":" + std::to_string(number) + ": " + std::string(cause);
}

/// Moves the beginning of a line to the front of the buffer and reads on behind it.
std::expected<void, std::string> CredentialLines::refill() {
  const MutableBytes bytes = buffer_.bytes();
  if (!rest_.empty()) std::memmove(bytes.data(), rest_.data(), rest_.size());
  const auto count = file_->read(bytes.subspan(rest_.size()));
  if (!count) return std::unexpected(count.error());
  const std::size_t filled = rest_.size() + *count;
  rest_ = text_of(bytes.first(filled));
  if (filled < bytes.size()) is_read_ = true;
  return {};
}

std::expected<std::optional<std::string_view>, std::string> CredentialLines::next_of_any_kind() {
  std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos && file_ && !is_read_ && rest_.size() <= limits::credential_line_bytes_max) {
    if (const auto filled = refill(); !filled) return std::unexpected(filled.error());
    end = rest_.find('\n');
  }
  if (end == std::string_view::npos && rest_.empty()) return std::nullopt;
  ++number_;
  if (std::min(end, rest_.size()) > limits::credential_line_bytes_max) {
    return std::unexpected(fault("the line is longer than " + std::to_string(limits::credential_line_bytes_max) + " bytes"));
  }
  if (number_ > limits::credential_lines_max) {
    return std::unexpected(fault("the file has more than " + std::to_string(limits::credential_lines_max) + " lines"));
  }
  const std::string_view line = rest_.substr(0, end);
  rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
  return line;
}

std::expected<std::optional<std::string_view>, std::string> CredentialLines::next() {
  for (;;) {
    auto line = next_of_any_kind();
    if (!line || !*line) return line;
    if ((*line)->ends_with('\r')) (*line)->remove_suffix(1);
    const std::string_view said = http::trim(**line);
    if (!said.empty() && !said.starts_with('#')) return said;
  }
}

std::string_view take_word(std::string_view& rest) {
  rest = http::trim(rest);
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = http::trim(rest.substr(end));
  return word;
}

std::expected<void, std::string> read_fields(std::string_view text, std::span<const FieldFacts> known,
                                             std::span<std::string> values) {
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    const std::size_t equals = word.find('=');
    const auto field = std::ranges::find(known, word.substr(0, equals), &FieldFacts::key);
    if (equals == std::string_view::npos || field == known.end()) return std::unexpected(unknown_field(word, known));
    std::string& value = values[static_cast<std::size_t>(field - known.begin())];
    const std::string key(field->key);
    if (!value.empty()) return std::unexpected(key + "= is given twice");
    auto decoded = percent_decoded(word.substr(equals + 1));
    if (!decoded) return std::unexpected(key + "= has a percent sign without two hexadecimal digits");
    if (!is_printable(*decoded)) return std::unexpected(key + "= is empty or not printable ASCII");
    if (decoded->size() > field->bytes_max) {
      return std::unexpected(key + "= is longer than " + std::to_string(field->bytes_max) + " bytes");
    }
    value = std::move(*decoded);
  }
  return {};
}

}  // namespace ringgate::auth
