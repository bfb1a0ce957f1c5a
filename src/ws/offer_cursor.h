// Reads the lists of a client's offers in the opening handshake piece by piece: tokens, separators, quoted strings (RFC 6455
// section 9.1, RFC 9110 section 5.6). Borrows the text; takes linear time; does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/byte_class.h"

namespace ringgate::ws {

inline constexpr std::string_view deflate_extension = "permessage-deflate";

class OfferCursor {
 public:
  explicit OfferCursor(std::string_view text) : rest_(text) { skip_blanks(); }

  bool at_end() const { return rest_.empty(); }

  /// Takes `separator` and the blanks behind it.
  bool take(char separator) {
    if (rest_.empty() || rest_.front() != separator) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }

  /// Takes a token and the blanks behind it; empty if there is none here.
  std::string_view take_token() {
    std::size_t length = 0;
    while (length < rest_.size() && is_token_byte(rest_[length])) ++length;
    const std::string_view token = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip_blanks();
    return token;
  }

  /// Takes commas with only blanks between them: empty members of a list are ignored (RFC 9110 section 5.6.1.2).
  void take_empty_members() {
    while (take(',')) {
    }
  }

  /// The value behind `=`.
  struct Value {
    bool well_formed = false;
    bool quoted = false;
    bool is_token = false;  // a token or empty; for a quoted string: without its backslashes
    std::string_view text;  // for a quoted string: the text between the marks, with its backslashes; may be empty
  };

  /// Takes a token, which may be empty, or a quoted string.
  Value take_value() {
    if (!take_mark()) return {.well_formed = true, .is_token = true, .text = take_token()};
    std::size_t length = 0;
    bool is_token = true;
    while (length < rest_.size() && rest_[length] != '"') {
      if (rest_[length] == '\\') ++length;
      if (length == rest_.size() || !http::is_in(static_cast<std::uint8_t>(rest_[length]), http::byte_value)) return {};
      is_token = is_token && is_token_byte(rest_[length]);
      ++length;
    }
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return {.well_formed = take('"'), .quoted = true, .is_token = is_token, .text = text};
  }

 private:
  static bool is_token_byte(char c) { return http::is_in(static_cast<std::uint8_t>(c), http::byte_token); }
  bool take_mark() {
    if (rest_.empty() || rest_.front() != '"') return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && http::is_blank(static_cast<std::uint8_t>(rest_.front()))) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace ringgate::ws
