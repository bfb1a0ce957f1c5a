#include "auth/jwt.h"

#include <jansson.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "auth/openssl_owner.h"
#include "auth/strict_json.h"
#include "auth/text_coding.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

using JwsPtr = Owned<cjose_jws_t, cjose_jws_release>;

/// A token in its parts, decoded; the signature is not checked yet.
struct Parts {
  JsonPtr header;
  std::string payload;
  std::size_t signature_bytes = 0;
};

struct Header {
  JwtAlgorithm algorithm{};
  std::optional<std::string_view> kid;  // borrows the parts
};

/// The keys to try.
struct Candidates {
  std::array<const Jwk*, limits::jwk_tries_max> keys{};
  std::size_t count = 0;
};

JwtFault fault_of(JsonFault fault) {
  return fault == JsonFault::duplicate_member ? JwtFault::duplicate_member : JwtFault::malformed;
}

std::optional<std::string> decode(std::string_view text) {
  std::string bytes(text.size(), '\0');
  const auto size = decode_base64(text, Base64::url, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

std::expected<Parts, JwtFault> split(std::string_view token) {
  if (token.size() > limits::jwt_bytes_max) return std::unexpected(JwtFault::too_large);
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return std::unexpected(JwtFault::malformed);
  // A further dot is no character of base64url.
  const auto header = decode(token.substr(0, first));
  auto payload = decode(token.substr(first + 1, second - first - 1));
  const auto signature = decode(token.substr(second + 1));
  if (!header || !payload || !signature) return std::unexpected(JwtFault::malformed);
  auto object = parse_object(*header);
  if (!object) return std::unexpected(fault_of(object.error()));
  return Parts{std::move(*object), std::move(*payload), signature->size()};
}

/// "JWT" or "at+jwt", with "application/" in front or not, whatever the case (RFC 7515 section 4.1.9, RFC 9068 section 2.1).
bool is_known_type(std::string_view type) {
  const auto equals = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b,
                              [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y; });
  };
  constexpr std::string_view prefix = "application/";
  if (equals(type.substr(0, prefix.size()), prefix)) type.remove_prefix(prefix.size());
  return equals(type, "jwt") || equals(type, "at+jwt");
}

std::expected<Header, JwtFault> read_header(const json_t* object) {
  if (member_of(object, "crit") != nullptr) return std::unexpected(JwtFault::critical_header);
  if (const json_t* const type = member_of(object, "typ"); type != nullptr && !is_known_type(string_in(type).value_or("")))
    return std::unexpected(JwtFault::wrong_type);
  const auto name = string_in(member_of(object, "alg"));
  if (!name) return std::unexpected(JwtFault::malformed);
  const auto algorithm = jwt_algorithm_named(*name);
  if (!algorithm) return std::unexpected(JwtFault::algorithm_not_allowed);
  const json_t* const kid = member_of(object, "kid");
  if (kid != nullptr && !string_in(kid)) return std::unexpected(JwtFault::malformed);
  return Header{*algorithm, string_in(kid)};
}

std::expected<Candidates, JwtFault> choose_keys(const JwkSet& set, const Header& header) {
  const Jwk* const named = header.kid ? set.find(*header.kid) : nullptr;
  Candidates chosen;
  bool may_be_of_any = false;
  for (const Jwk& key : set.keys()) {
    const bool may_be_of_it = named != nullptr ? &key == named : !header.kid || key.kid.empty();
    may_be_of_any = may_be_of_any || may_be_of_it;
    if (may_be_of_it && key.algorithms.contains(header.algorithm) && chosen.count < chosen.keys.size())
      chosen.keys[chosen.count++] = &key;
  }
  if (chosen.count > 0) return chosen;
  return std::unexpected(may_be_of_any ? JwtFault::algorithm_not_allowed : JwtFault::unknown_key);
}

bool is_signed_by_any(std::string_view token, std::size_t token_signature_bytes, const Candidates& candidates,
                      JwtAlgorithm algorithm) {
  const JwsPtr imported(cjose_jws_import(token.data(), token.size(), nullptr));
  bool is_good = false;
  for (std::size_t i = 0; imported && !is_good && i < candidates.count; ++i) {
    const Jwk& key = *candidates.keys[i];
    is_good =
        token_signature_bytes == signature_bytes(key, algorithm) && cjose_jws_verify(imported.get(), key.key.get(), nullptr);
  }
  ERR_clear_error();  // the queue is the thread's, and others look into it
  return is_good;
}

}  // namespace

std::expected<JwtClaims, JwtFault> verify(std::string_view token, const JwkSet& keys, const JwtRules& rules,
                                          std::int64_t now_seconds) {
  const auto parts = split(token);
  if (!parts) return std::unexpected(parts.error());
  const auto header = read_header(parts->header.get());
  if (!header) return std::unexpected(header.error());
  const auto candidates = choose_keys(keys, *header);
  if (!candidates) return std::unexpected(candidates.error());
  if (!is_signed_by_any(token, parts->signature_bytes, *candidates, header->algorithm))
    return std::unexpected(JwtFault::bad_signature);
  const auto claims = parse_object(parts->payload);
  if (!claims) return std::unexpected(fault_of(claims.error()));
  return read_claims(claims->get(), rules, now_seconds);
}

}  // namespace ringgate::auth
