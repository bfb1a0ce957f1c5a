// Classes of bytes in HTTP and URIs, as one table of bits: RFC 9110 sections 5.5 and 5.6.2, RFC 3986 appendix A.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringgate::http {

// bit | name          | bytes
// ----|---------------|-----------------------------------------------------------
//  0  | byte_token   | tchar
//  1  | byte_target  | pchar without "%", and "/" "?": an origin-form target
//  2  | byte_value   | VCHAR, obs-text, SP, HTAB: a field value
//  3  | byte_host    | unreserved and sub-delims without ",": a reg-name without "%"
//  4  | byte_quoted  | qdtext: inside a quoted string
//  5  | byte_raw_query | bytes that browsers leave raw in a query although RFC 3986 does not allow them, and "%"
inline constexpr std::uint8_t byte_token = 1U << 0;
inline constexpr std::uint8_t byte_target = 1U << 1;
inline constexpr std::uint8_t byte_value = 1U << 2;
inline constexpr std::uint8_t byte_host = 1U << 3;
inline constexpr std::uint8_t byte_quoted = 1U << 4;
inline constexpr std::uint8_t byte_raw_query = 1U << 5;

constexpr bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }
constexpr bool is_alpha(std::uint8_t byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
constexpr bool is_blank(std::uint8_t byte) { return byte == ' ' || byte == '\t'; }

inline constexpr std::array<std::uint8_t, 256> byte_classes = [] {
  constexpr auto is_one_of = [](std::string_view set, unsigned byte) {
    return byte < 128 && set.find(static_cast<char>(byte)) != std::string_view::npos;
  };
  std::array<std::uint8_t, 256> classes{};
  for (unsigned i = 0; i < 256; ++i) {
    const auto byte = static_cast<std::uint8_t>(i);
    const bool alphanumeric = is_digit(byte) || is_alpha(byte);
    const bool graphic_or_blank = (i >= 0x20 && i != 0x7f) || i == '\t';
    unsigned bits = 0;
    if (alphanumeric || is_one_of("!#$%&'*+-.^_`|~", i)) bits |= byte_token;
    if (alphanumeric || is_one_of("-._~!$&'()*+,;=:@/?", i)) bits |= byte_target;
    if (alphanumeric || is_one_of("-._~!$&'()*+;=", i)) bits |= byte_host;
    if (graphic_or_blank) bits |= byte_value;
    if (graphic_or_blank && i != '"' && i != '\\') bits |= byte_quoted;
    if (is_one_of("[]{}|\\^`%", i)) bits |= byte_raw_query;
    classes[i] = static_cast<std::uint8_t>(bits);
  }
  return classes;
}();

constexpr bool is_in(std::uint8_t byte, std::uint8_t classes) { return (byte_classes[byte] & classes) != 0; }

/// Value of a hexadecimal digit, or 16 for any other byte.
constexpr std::uint8_t hex_value(std::uint8_t byte) {
  if (is_digit(byte)) return static_cast<std::uint8_t>(byte - '0');
  const auto lower = static_cast<std::uint8_t>(byte | 0x20U);
  return lower >= 'a' && lower <= 'f' ? static_cast<std::uint8_t>(lower - 'a' + 10) : std::uint8_t{16};
}

constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_in(static_cast<std::uint8_t>(c), byte_token)) return false;
  }
  return !text.empty();
}

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Compares two texts and ignores the case of ASCII letters; other bytes must be equal.
constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}

/// `text` without the spaces and tabs around it (OWS).
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(static_cast<std::uint8_t>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && is_blank(static_cast<std::uint8_t>(text.back()))) text.remove_suffix(1);
  return text;
}

}  // namespace ringgate::http
