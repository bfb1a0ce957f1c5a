// The places of a device id in a request: the grammar of the setting `device.id_from`. Reads no request. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/byte_class.h"

namespace ringgate::admission {

inline constexpr std::size_t id_source_name_chars_max = 64;

/// One place for an id. A device claims the first three kinds; the others are proven by its credential. Borrows its name from the
/// configuration.
struct IdSource {
  enum class Kind : std::uint8_t { query, header, path, basic_user, jwt_claim, tls_common_name, tls_alternative_name };
  Kind kind = Kind::query;
  std::string_view name = {};  // of the parameter, field or claim

  constexpr bool is_claimed() const { return kind == Kind::query || kind == Kind::header || kind == Kind::path; }
};

/// Reads `query:NAME`, `header:NAME`, `path`, `basic:user`, `jwt:CLAIM`, `tls:cn` or `tls:san`; NAME and CLAIM are tokens (RFC 9110
/// section 5.6.2) of at most id_source_name_chars_max characters. nullopt for any other text. Borrows `text`.
constexpr std::optional<IdSource> parse_id_source(std::string_view text) {
  using Kind = IdSource::Kind;
  if (text == "path") return IdSource{Kind::path};
  if (text == "basic:user") return IdSource{Kind::basic_user};
  if (text == "tls:cn") return IdSource{Kind::tls_common_name};
  if (text == "tls:san") return IdSource{Kind::tls_alternative_name};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view kind = text.substr(0, colon);
  const std::string_view name = text.substr(colon + 1);
  if (!http::is_token(name) || name.size() > id_source_name_chars_max) return std::nullopt;
  if (kind == "query") return IdSource{Kind::query, name};
  if (kind == "header") return IdSource{Kind::header, name};
  if (kind == "jwt") return IdSource{Kind::jwt_claim, name};
  return std::nullopt;
}

}  // namespace ringgate::admission
