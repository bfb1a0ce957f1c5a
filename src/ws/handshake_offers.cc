#include "ws/handshake_offers.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/limits.h"
#include "ws/offer_cursor.h"

namespace ringgate::ws {
namespace {

// Each extension defines its parameters, so those of an unknown extension follow the general grammar: any quoted string (RFC 9110
// section 5.6.6). Those of permessage-deflate follow RFC 6455 section 9.1: the unquoted string is a token.
bool take_parameter(OfferCursor& cursor, bool is_deflate) {
  const std::string_view name = cursor.take_token();
  if (name.empty()) return false;
  if (!cursor.take('=')) return true;
  const OfferCursor::Value value = cursor.take_value();
  if (!value.well_formed) return false;
  if (!is_deflate) return value.quoted || !value.text.empty();
  return value.is_token && (!value.text.empty() || name == "client_max_window_bits");
}

bool take_extension(OfferCursor& cursor) {
  const std::string_view name = cursor.take_token();
  if (name.empty()) return false;
  while (cursor.take(';')) {
    if (!take_parameter(cursor, name == deflate_extension)) return false;
  }
  return true;
}

bool extension_line_is_valid(std::string_view line) {
  OfferCursor cursor{line};
  for (;;) {
    cursor.take_empty_members();
    if (cursor.at_end()) return true;
    if (!take_extension(cursor)) return false;
    if (!cursor.at_end() && !cursor.take(',')) return false;
  }
}

}  // namespace

std::expected<void, Rejection> check_subprotocol_offers(const http::RequestView& request) {
  std::size_t count = 0;
  http::ListReader offers{request, "Sec-WebSocket-Protocol"};
  while (const auto offer = offers.next()) {
    if (!http::is_token(*offer)) return std::unexpected{Rejection::subprotocol_malformed};
    if (++count > limits::subprotocols_count_max) return std::unexpected{Rejection::subprotocols_too_many};
  }
  return {};
}

std::string_view choose_subprotocol(const http::RequestView& request, std::span<const std::string_view> spoken) {
  if (spoken.empty()) return {};
  auto chosen = spoken.end();
  http::ListReader offers{request, "Sec-WebSocket-Protocol"};
  while (const auto offer = offers.next()) chosen = std::find(spoken.begin(), chosen, *offer);
  return chosen == spoken.end() ? std::string_view{} : *chosen;
}

bool extension_offers_are_valid(const http::RequestView& request) {
  constexpr std::string_view name = "Sec-WebSocket-Extensions";
  for (std::size_t i = request.find_field(name); i < request.fields_count(); i = request.find_field(name, i + 1)) {
    if (!extension_line_is_valid(request.field_value(i))) return false;
  }
  return true;
}

}  // namespace ringgate::ws
