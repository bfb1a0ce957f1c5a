#include "auth/jwt_claims.h"

#include <jansson.h>

#include <algorithm>
#include <cmath>

#include "auth/strict_json.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

constexpr std::int64_t whole_number_max = std::int64_t{1} << 53;  // the largest that every JSON reader keeps exactly

enum class Rounding : std::uint8_t { down, up };

/// `exp`, `nbf` or `iat`: a number, perhaps with a fraction (RFC 7519 section 2). A fraction is rounded against the token.
std::expected<std::optional<std::int64_t>, JwtFault> time_at(const json_t* object, const char* name, Rounding rounding) {
  const json_t* const value = member_of(object, name);
  if (value == nullptr) return std::nullopt;
  if (json_is_integer(value)) {
    const json_int_t seconds = json_integer_value(value);
    if (seconds < 0 || seconds > whole_number_max) return std::unexpected(JwtFault::bad_time);
    return seconds;
  }
  if (!json_is_real(value)) return std::unexpected(JwtFault::bad_time);
  const double seconds = json_real_value(value);
  if (!(seconds >= 0 && seconds <= static_cast<double>(whole_number_max))) return std::unexpected(JwtFault::bad_time);
  return static_cast<std::int64_t>(rounding == Rounding::down ? std::floor(seconds) : std::ceil(seconds));
}

std::expected<std::string, JwtFault> text_at(const json_t* object, const std::string& name) {
  const json_t* const value = member_of(object, name);
  if (value == nullptr) return std::string();
  const auto text = string_in(value);
  if (!text || text->empty() || text->size() > limits::jwt_string_bytes_max) return std::unexpected(JwtFault::bad_claim);
  return std::string(*text);
}

bool is_among(const std::vector<std::string>& names, std::optional<std::string_view> name) {
  return name && std::ranges::find(names, *name) != names.end();
}

std::expected<void, JwtFault> check_issuer(const json_t* object, const JwtRules& rules) {
  const json_t* const issuer = member_of(object, "iss");
  if (issuer != nullptr && !string_in(issuer)) return std::unexpected(JwtFault::bad_claim);
  if (!rules.issuers.empty() && !is_among(rules.issuers, string_in(issuer))) return std::unexpected(JwtFault::wrong_issuer);
  return {};
}

/// `aud` is one name or a list of them.
std::expected<void, JwtFault> check_audience(const json_t* object, const JwtRules& rules) {
  const json_t* const audience = member_of(object, "aud");
  if (audience == nullptr && rules.audiences.empty()) return {};
  bool is_named = is_among(rules.audiences, string_in(audience));
  if (audience != nullptr && !json_is_string(audience)) {
    if (!json_is_array(audience)) return std::unexpected(JwtFault::bad_claim);
    for (std::size_t i = 0; i < json_array_size(audience); ++i) {
      const auto name = string_in(json_array_get(audience, i));
      if (!name) return std::unexpected(JwtFault::bad_claim);
      is_named = is_named || is_among(rules.audiences, name);
    }
  }
  if (!is_named) return std::unexpected(JwtFault::wrong_audience);
  return {};
}

std::expected<std::vector<std::string>, JwtFault> groups_at(const json_t* object, const std::string& claim) {
  const json_t* const list = member_of(object, claim);
  if (list == nullptr) return std::vector<std::string>();
  if (!json_is_array(list) || json_array_size(list) > limits::jwt_groups_count_max) return std::unexpected(JwtFault::bad_groups);
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < json_array_size(list); ++i) {
    const auto name = string_in(json_array_get(list, i));
    if (!name || name->empty() || name->size() > limits::jwt_group_bytes_max) return std::unexpected(JwtFault::bad_groups);
    groups.emplace_back(*name);
  }
  return groups;
}

/// Other members of `ringgate` are for later versions; an unknown limit is a mistake, or one that would not be kept.
std::expected<JwtLimits, JwtFault> limits_at(const json_t* object) {
  JwtLimits limits;
  const json_t* const ours = member_of(object, "ringgate");
  if (ours == nullptr) return limits;
  if (!json_is_object(ours)) return std::unexpected(JwtFault::bad_limits);
  const json_t* const given = member_of(ours, "limits");
  if (given == nullptr) return limits;
  if (!json_is_object(given)) return std::unexpected(JwtFault::bad_limits);
  std::size_t known = 0;
  for (const auto& [name, limit] : {std::pair{"message_rate", &limits.message_rate}, {"byte_rate", &limits.byte_rate}}) {
    const json_t* const value = member_of(given, name);
    if (value == nullptr) continue;
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    if (number <= 0 || number > whole_number_max) return std::unexpected(JwtFault::bad_limits);
    *limit = static_cast<std::uint64_t>(number);
    ++known;
  }
  if (known != json_object_size(given)) return std::unexpected(JwtFault::bad_limits);
  return limits;
}

std::expected<void, JwtFault> check_times(const json_t* object, const JwtRules& rules, std::int64_t now, JwtClaims& claims) {
  const auto expires = time_at(object, "exp", Rounding::down), begins = time_at(object, "nbf", Rounding::up),
             issued = time_at(object, "iat", Rounding::down);
  for (const auto* const time : {&expires, &begins, &issued})
    if (!*time) return std::unexpected(time->error());
  if (!*expires && rules.expiry_required) return std::unexpected(JwtFault::expiry_missing);
  if (*expires && now >= **expires + rules.leeway_seconds) return std::unexpected(JwtFault::expired);
  if (*begins && **begins > now + rules.leeway_seconds) return std::unexpected(JwtFault::not_yet_valid);
  if (*issued && **issued > now + rules.leeway_seconds) return std::unexpected(JwtFault::issued_in_future);
  claims.expires_at = *expires;
  claims.issued_at = *issued;
  return {};
}

}  // namespace

std::expected<JwtClaims, JwtFault> read_claims(const json_t* object, const JwtRules& rules, std::int64_t now_seconds) {
  JwtClaims claims;
  if (const auto good = check_times(object, rules, now_seconds, claims); !good) return std::unexpected(good.error());
  if (const auto good = check_issuer(object, rules); !good) return std::unexpected(good.error());
  if (const auto good = check_audience(object, rules); !good) return std::unexpected(good.error());
  auto id = text_at(object, rules.id_claim), subject = text_at(object, "sub"), token_id = text_at(object, "jti");
  for (const auto* const text : {&id, &subject, &token_id})
    if (!*text) return std::unexpected(text->error());
  auto groups = groups_at(object, rules.groups_claim);
  if (!groups) return std::unexpected(groups.error());
  const auto own_limits = limits_at(object);
  if (!own_limits) return std::unexpected(own_limits.error());
  claims.id = std::move(*id);
  claims.subject = std::move(*subject);
  claims.token_id = std::move(*token_id);
  claims.groups = std::move(*groups);
  claims.limits = *own_limits;
  return claims;
}

}  // namespace ringgate::auth
