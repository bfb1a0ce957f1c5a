#include "ws/deflate_negotiation.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "ws/offer_cursor.h"

namespace ringgate::ws {
namespace {

using namespace std::string_view_literals;

/// One offer of permessage-deflate, as the request states it.
struct DeflateOffer {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  bool has_server_window = false;
  bool has_client_window = false;
  std::uint8_t server_window_bits = window_bits_max;
  std::uint8_t client_window_bits = window_bits_max;  // also for an offer without a value
};

/// Reads `8` to `15` without leading zeros; skips the backslashes of a quoted string.
std::optional<std::uint8_t> read_window_bits(std::string_view text) {
  std::uint8_t bits = 0;
  for (const char c : text) {
    if (c == '\\') continue;
    if (c < '0' || c > '9' || (bits == 0 && c == '0') || bits > window_bits_max / 10) return std::nullopt;
    bits = static_cast<std::uint8_t>(bits * 10 + (c - '0'));
  }
  if (bits < window_bits_min || bits > window_bits_max) return std::nullopt;
  return bits;
}

/// Takes a parameter without a value. False if it has a value or is repeated.
bool take_flag(bool& flag, bool has_value) { return !has_value && !std::exchange(flag, true); }

/// Takes a parameter with window bits. False if it is out of range or repeated.
bool take_window(bool& seen, std::uint8_t& bits, std::string_view value) {
  const auto read = read_window_bits(value);
  if (std::exchange(seen, true) || !read) return false;
  bits = *read;
  return true;
}

/// False if the gate must decline an offer with this parameter.
bool take_parameter(DeflateOffer& offer, std::string_view name, bool has_value, std::string_view value) {
  if (name == "server_no_context_takeover"sv) return take_flag(offer.server_no_context_takeover, has_value);
  if (name == "client_no_context_takeover"sv) return take_flag(offer.client_no_context_takeover, has_value);
  if (name == "server_max_window_bits"sv) {
    return has_value && take_window(offer.has_server_window, offer.server_window_bits, value);
  }
  if (name == "client_max_window_bits"sv) {
    if (!has_value) return !std::exchange(offer.has_client_window, true);
    return take_window(offer.has_client_window, offer.client_window_bits, value);
  }
  return false;
}

/// Takes the next extension with its parameters; nothing if it is another extension or must be declined.
std::optional<DeflateOffer> take_offer(OfferCursor& cursor) {
  DeflateOffer offer;
  bool acceptable = cursor.take_token() == deflate_extension;
  while (cursor.take(';')) {
    const std::string_view name = cursor.take_token();
    const bool has_value = cursor.take('=');
    const std::string_view value = has_value ? cursor.take_value().text : ""sv;
    acceptable = acceptable && take_parameter(offer, name, has_value, value);
  }
  if (!acceptable) return std::nullopt;
  return offer;
}

DeflateAgreement narrowed(const DeflateOffer& offer, const DeflatePolicy& policy) {
  return {
      .server_context_takeover = policy.context_takeover && !offer.server_no_context_takeover,
      .client_context_takeover = policy.context_takeover && !offer.client_no_context_takeover,
      .server_window_bits = std::min(offer.server_window_bits, policy.window_bits),
      // The gate may not restrict the window of a client that does not offer the parameter.
      .client_window_bits = offer.has_client_window ? std::min(offer.client_window_bits, policy.window_bits) : window_bits_max,
      .server_window_was_offered = offer.has_server_window};
}

}  // namespace

std::optional<DeflateAgreement> negotiate_deflate(const http::RequestView& request, const DeflatePolicy& policy) {
  if (!policy.enabled) return std::nullopt;
  constexpr std::string_view name = "Sec-WebSocket-Extensions";
  for (std::size_t i = request.find_field(name); i < request.fields_count(); i = request.find_field(name, i + 1)) {
    OfferCursor cursor{request.field_value(i)};
    do {
      cursor.take_empty_members();
      if (const auto offer = take_offer(cursor)) return narrowed(*offer, policy);
    } while (cursor.take(','));
  }
  return std::nullopt;
}

void append_deflate_answer(std::string& out, const DeflateAgreement& agreement) {
  out += deflate_extension;
  if (!agreement.server_context_takeover) out += "; server_no_context_takeover";
  if (!agreement.client_context_takeover) out += "; client_no_context_takeover";
  const auto append_window = [&](std::string_view name, std::uint8_t bits) {
    out += "; ";
    out += name;
    out += std::to_string(bits);
  };
  if (agreement.server_window_was_offered || agreement.server_window_bits < window_bits_max)
    append_window("server_max_window_bits=", agreement.server_window_bits);
  if (agreement.client_window_bits < window_bits_max) append_window("client_max_window_bits=", agreement.client_window_bits);
}

}  // namespace ringgate::ws
