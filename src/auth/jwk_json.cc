#include "auth/jwk_json.h"

#include <jansson.h>

#include <algorithm>
#include <array>

#include "auth/strict_json.h"
#include "auth/text_coding.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

std::optional<SecretBytes> bytes_at(const json_t* object, const char* name) {
  const auto text = string_in(member_of(object, name));
  if (!text || text->empty()) return std::nullopt;
  SecretBytes bytes(text->size());
  const auto size = decode_base64(*text, Base64::url, bytes.bytes());
  if (!size) return std::nullopt;
  bytes.shrink(*size);
  return bytes;
}

std::optional<std::string> number_at(const json_t* object, const char* name) {
  const auto bytes = bytes_at(object, name);
  return bytes ? std::optional(std::string(bytes->text())) : std::nullopt;
}

std::string lacks(const char* what) { return std::string("lacks ") + what + " in base64url without padding"; }

bool is_private(const json_t* object) {
  for (const char* const name : {"d", "p", "q", "dp", "dq", "qi", "oth"})
    if (member_of(object, name) != nullptr) return true;
  return false;
}

std::expected<Jwk, std::string> read_rsa(const json_t* object, std::optional<std::string_view> alg) {
  auto modulus = number_at(object, "n"), exponent = number_at(object, "e");
  if (!modulus || !exponent) return std::unexpected(lacks("n or e"));
  return make_rsa_key({std::move(*modulus), std::move(*exponent)}, alg);
}

constexpr std::array<std::pair<std::string_view, KeyKind>, 3> curves{
    {{"P-256", KeyKind::p256}, {"P-384", KeyKind::p384}, {"P-521", KeyKind::p521}}};

std::expected<Jwk, std::string> read_curve(const json_t* object, std::optional<std::string_view> alg) {
  const auto name = string_in(member_of(object, "crv"));
  for (const auto& [curve_name, curve] : curves) {
    if (name != curve_name) continue;
    auto x = number_at(object, "x"), y = number_at(object, "y");
    if (!x || !y) return std::unexpected(lacks("x or y"));
    return make_curve_key({curve, std::move(*x), std::move(*y)}, alg);
  }
  return std::unexpected("is on a curve that is not offered; P-256, P-384 and P-521 are");
}

std::expected<Jwk, std::string> read_kind(const json_t* object, std::optional<std::string_view> alg) {
  const auto kind = string_in(member_of(object, "kty"));
  if (!kind) return std::unexpected("lacks kty, its kind");
  if (kind == "OKP") return std::unexpected("is for EdDSA or X25519 (OKP), which are not offered; use ES256");
  if (kind == "oct") {
    auto secret = bytes_at(object, "k");
    if (!secret) return std::unexpected(lacks("k"));
    return make_secret_key(std::move(*secret), alg);
  }
  if (kind != "RSA" && kind != "EC") return std::unexpected("is of a kind that is not offered; RSA, EC and oct are");
  if (is_private(object))
    return std::unexpected("is a private key, which whoever only verifies must not have; give the public key");
  return kind == "RSA" ? read_rsa(object, alg) : read_curve(object, alg);
}

}  // namespace

std::optional<std::string> other_purpose_of(const json_t* object) {
  if (const auto use = string_in(member_of(object, "use")); use && *use != "sig") return "is not for signatures (use)";
  const json_t* const operations = member_of(object, "key_ops");
  if (operations == nullptr || !json_is_array(operations)) return std::nullopt;
  for (std::size_t i = 0; i < json_array_size(operations); ++i)
    if (string_in(json_array_get(operations, i)) == "verify") return std::nullopt;
  return "is not to verify with (key_ops)";
}

bool is_offered(const json_t* object) {
  const auto kind = string_in(member_of(object, "kty")), curve = string_in(member_of(object, "crv")),
             algorithm = string_in(member_of(object, "alg"));
  if (!kind || (kind != "oct" && is_private(object))) return true;
  if (kind != "RSA" && kind != "EC" && kind != "oct") return false;
  if (kind == "EC" && curve && std::ranges::find(curves, *curve, &decltype(curves)::value_type::first) == curves.end())
    return false;
  return !algorithm || jwt_algorithm_named(*algorithm);
}

std::expected<Jwk, std::string> read_json_key(const json_t* object) {
  if (!json_is_object(object)) return std::unexpected("is no JSON object");
  for (const char* const name : {"kid", "alg", "use"})
    if (const json_t* const value = member_of(object, name); value != nullptr && !string_in(value))
      return std::unexpected("has a " + std::string(name) + " that is no string");
  if (const json_t* const operations = member_of(object, "key_ops"); operations != nullptr && !json_is_array(operations))
    return std::unexpected("has key_ops that are no list");
  const auto kid = string_in(member_of(object, "kid"));
  if (kid && (kid->empty() || kid->size() > limits::jwt_string_bytes_max))
    return std::unexpected("has a kid that is empty or longer than 256 bytes");
  auto key = read_kind(object, string_in(member_of(object, "alg")));
  if (key && kid) key->kid = *kid;
  return key;
}

}  // namespace ringgate::auth
