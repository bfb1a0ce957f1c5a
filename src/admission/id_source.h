// The places of a device id in a request: the grammar of the setting `device.id_from`. Reads no request. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/byte_class.h"

namespace ringgate::admission {

inline constexpr std::size_t id_source_name_chars_max = 64;

/// One place for an id: `query:deviceId` or `header:X-Device-Id`. Borrows its name from the configuration.
struct IdSource {
  enum class Kind : std::uint8_t { query, header };
  Kind kind = Kind::query;
  std::string_view name;
};

/// Reads `query:NAME` or `header:NAME`, NAME a token (RFC 9110 section 5.6.2) of at most id_source_name_chars_max characters;
/// nullopt for any other text. Borrows `text`.
constexpr std::optional<IdSource> parse_id_source(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view kind = text.substr(0, colon);
  const std::string_view name = text.substr(colon + 1);
  if (!http::is_token(name) || name.size() > id_source_name_chars_max) return std::nullopt;
  if (kind == "query") return IdSource{IdSource::Kind::query, name};
  if (kind == "header") return IdSource{IdSource::Kind::header, name};
  return std::nullopt;
}

}  // namespace ringgate::admission
