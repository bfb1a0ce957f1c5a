#include "ws/handshake_offers.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/limits.h"
#include "http/octet_class.h"

namespace ringgate::ws {
namespace {

/// Reads tokens, separators and quoted strings from the front of a field value.
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

  /// Takes a token and the blanks behind it; empty if none stands here.
  std::string_view take_token() {
    std::size_t length = 0;
    while (length < rest_.size() && is_token_octet(rest_[length])) ++length;
    const std::string_view token = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip_blanks();
    return token;
  }

  enum class Quoted { malformed, empty, token };

  /// Takes the rest of a quoted string behind its opening mark. Its text, freed of backslashes, must be a
  /// token or empty.
  Quoted take_quoted_rest() {
    Quoted result = Quoted::empty;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty() || !is_token_octet(rest_.front())) return Quoted::malformed;
      rest_.remove_prefix(1);
      result = Quoted::token;
    }
    return take('"') ? result : Quoted::malformed;
  }

 private:
  static bool is_token_octet(char c) { return http::is_in(static_cast<std::uint8_t>(c), http::octet_token); }
  void skip_blanks() {
    while (!rest_.empty() && http::is_blank(static_cast<std::uint8_t>(rest_.front()))) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

bool take_parameter(OfferCursor& cursor) {
  const std::string_view name = cursor.take_token();
  if (name.empty()) return false;
  if (!cursor.take('=')) return true;
  const bool may_be_empty = http::equals_ignoring_case(name, "client_max_window_bits");
  if (cursor.take('"')) {
    const auto quoted = cursor.take_quoted_rest();
    return quoted == OfferCursor::Quoted::token || (quoted == OfferCursor::Quoted::empty && may_be_empty);
  }
  return !cursor.take_token().empty() || may_be_empty;
}

bool take_extension(OfferCursor& cursor) {
  if (cursor.take_token().empty()) return false;
  while (cursor.take(';')) {
    if (!take_parameter(cursor)) return false;
  }
  return true;
}

bool extension_line_is_valid(std::string_view line) {
  OfferCursor cursor{line};
  bool any_member = false;
  for (;;) {
    while (cursor.take(',')) {
    }
    if (cursor.at_end()) return any_member;
    if (!take_extension(cursor)) return false;
    any_member = true;
    if (!cursor.at_end() && !cursor.take(',')) return false;
  }
}

}  // namespace

bool subprotocol_offers_are_valid(const http::RequestView& request) {
  constexpr std::string_view name = "Sec-WebSocket-Protocol";
  std::array<std::string_view, limits::subprotocols_count_max> seen;
  std::size_t seen_count = 0;
  for (std::size_t i = request.find_field(name); i < request.fields_count();
       i = request.find_field(name, i + 1)) {
    OfferCursor cursor{request.field_value(i)};
    do {
      const std::string_view token = cursor.take_token();
      const auto known = std::span{seen}.first(seen_count);
      if (token.empty() || seen_count == seen.size() || std::ranges::find(known, token) != known.end())
        return false;
      seen[seen_count++] = token;
    } while (cursor.take(','));
    if (!cursor.at_end()) return false;
  }
  return true;
}

bool extension_offers_are_valid(const http::RequestView& request) {
  constexpr std::string_view name = "Sec-WebSocket-Extensions";
  for (std::size_t i = request.find_field(name); i < request.fields_count();
       i = request.find_field(name, i + 1)) {
    if (!extension_line_is_valid(request.field_value(i))) return false;
  }
  return true;
}

}  // namespace ringgate::ws
