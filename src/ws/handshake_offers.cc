#include "ws/handshake_offers.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/limits.h"
#include "ws/offer_cursor.h"

namespace ringgate::ws {
namespace {

bool take_parameter(OfferCursor& cursor) {
  const std::string_view name = cursor.take_token();
  if (name.empty()) return false;
  if (!cursor.take('=')) return true;
  const OfferCursor::Value value = cursor.take_value();
  return value.well_formed && (!value.text.empty() || name == "client_max_window_bits");
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

std::string_view choose_subprotocol(const http::RequestView& request, std::span<const std::string_view> spoken) {
  auto chosen = spoken.end();
  http::ListReader offers{request, "Sec-WebSocket-Protocol"};
  while (const auto offer = offers.next()) chosen = std::find(spoken.begin(), chosen, *offer);
  return chosen == spoken.end() ? std::string_view{} : *chosen;
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
