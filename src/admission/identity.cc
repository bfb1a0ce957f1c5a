#include "admission/identity.h"

#include <algorithm>

#include "base/assert.h"
#include "http/byte_class.h"
#include "http/uri.h"

namespace ringgate::admission {
namespace {

using Presence = http::QueryParameter::Presence;

/// Field lines of one name, as a query parameter. Two lines conflict if their decoded values differ.
http::QueryParameter header_parameter(const http::RequestView& request, std::string_view name) {
  http::QueryParameter found;
  for (std::size_t i = request.find_field(name); i < request.fields_count(); i = request.find_field(name, i + 1)) {
    if (found.presence == Presence::absent) {
      found = {Presence::present, request.field_value(i)};
    } else if (found.value != request.field_value(i) && !http::equal_when_decoded(found.value, request.field_value(i))) {
      found.presence = Presence::conflicting;
    }
  }
  return found;
}

http::QueryParameter find(const ClaimedId& claimed, const IdSource& source) {
  switch (source.kind) {
    case IdSource::Kind::query: return http::query_parameter(claimed.request.query(), source.name);
    case IdSource::Kind::header: return header_parameter(claimed.request, source.name);
    case IdSource::Kind::path: return {Presence::present, claimed.path_segment};
    case IdSource::Kind::basic_user:
    case IdSource::Kind::jwt_claim:
    case IdSource::Kind::tls_common_name:
    case IdSource::Kind::tls_alternative_name: break;  // proven, not claimed
  }
  return {};
}

std::expected<DeviceIdText, Rejection> decode_id(std::string_view encoded, IdCharacters characters) {
  std::array<char, device_id_chars_max> decoded;
  const auto size = http::percent_decode(encoded, decoded);
  if (!size) return std::unexpected{Rejection::device_id_malformed};
  const std::string_view id{decoded.data(), *size};
  if (!is_valid_device_id(id, characters)) return std::unexpected{Rejection::device_id_malformed};
  if (id.starts_with(anonymous_id_prefix)) return std::unexpected{Rejection::device_id_reserved};
  return DeviceIdText{id};
}

}  // namespace

DeviceIdText::DeviceIdText(std::string_view text) : size_(static_cast<std::uint8_t>(text.size())) {
  RINGGATE_ASSERT(text.size() <= chars_.size());
  std::ranges::copy(text, chars_.begin());
}

std::expected<std::optional<DeviceIdText>, Rejection> read_device_id(const ClaimedId& claimed, std::span<const IdSource> sources,
                                                                     IdCharacters characters) {
  std::optional<DeviceIdText> id;
  for (const IdSource& source : sources) {
    const http::QueryParameter found = find(claimed, source);
    if (found.presence == Presence::absent) continue;
    const auto decoded = decode_id(found.value, characters);
    if (!decoded) return std::unexpected{decoded.error()};
    if (found.presence == Presence::conflicting) return std::unexpected{Rejection::device_id_conflict};
    if (id && *id != *decoded) return std::unexpected{Rejection::device_id_conflict};
    id = *decoded;
  }
  return id;
}

std::string_view claimed_device_id(const ClaimedId& claimed, std::span<const IdSource> sources) {
  for (const IdSource& source : sources)
    if (const http::QueryParameter found = find(claimed, source); found.presence != Presence::absent) return found.value;
  return {};
}

DeviceIdText anonymous_device_id(AnonymousIdSeed seed) {
  static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<char, anonymous_id_prefix.size() + anonymous_id_random_chars> text;
  const auto end = std::ranges::copy(anonymous_id_prefix, text.begin()).out;
  std::ranges::transform(seed, end, [](std::uint8_t byte) { return alphabet[byte % alphabet.size()]; });
  return DeviceIdText{{text.data(), text.size()}};
}

}  // namespace ringgate::admission
