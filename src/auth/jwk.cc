#include "auth/jwk.h"

#include <openssl/err.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/limits.h"

namespace ringgate::auth {
namespace {

std::uint8_t* bytes_in(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

std::expected<JwtAlgorithmSet, std::string> algorithms_of(KeyKind kind, std::size_t secret_bytes,
                                                          std::optional<std::string_view> alg) {
  const JwtAlgorithmSet all = jwt_algorithms_for(kind, secret_bytes);
  if (!alg) {
    if (all.is_empty())
      return std::unexpected("is a secret of " + std::to_string(secret_bytes) + " bytes; HS256 needs at least 32");
    return all;
  }
  const auto named = jwt_algorithm_named(*alg);
  if (!named && *alg == "EdDSA") return std::unexpected("is for EdDSA, which is not offered; use ES256");
  if (!named) return std::unexpected("is for an algorithm that is not offered; RS, PS, ES and HS with 256, 384 and 512 are");
  const JwtAlgorithmRow& row = row_of(*named);
  if (row.kind != kind) return std::unexpected("is of another kind than its alg, " + std::string(row.name));
  if (!all.contains(*named))
    return std::unexpected("is a secret of " + std::to_string(secret_bytes) + " bytes; " + std::string(row.name) +
                           " needs at least " + std::to_string(row.hash_bytes));
  JwtAlgorithmSet one;
  one.insert(*named);
  return one;
}

/// Takes what libcjose made, or tells why it made nothing. Its error code is of no use: libcjose 0.6.2.1 has no memory for a point that is
/// not on its curve.
std::expected<Jwk, std::string> finish(Jwk key, cjose_jwk_t* made, const char* else_it) {
  key.key.reset(made);
  ERR_clear_error();
  if (!key.key) return std::unexpected(else_it);
  return key;
}

void strip_leading_zeros(std::string& number) { number.erase(0, std::min(number.find_first_not_of('\0'), number.size())); }

std::size_t bits_of(const std::string& number) {
  return number.empty()
             ? 0
             : (number.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(static_cast<std::uint8_t>(number[0])));
}

bool is_odd(const std::string& number) { return !number.empty() && (static_cast<std::uint8_t>(number.back()) & 1U) != 0; }

}  // namespace

std::expected<Jwk, std::string> make_rsa_key(RsaNumbers numbers, std::optional<std::string_view> alg) {
  strip_leading_zeros(numbers.modulus);
  strip_leading_zeros(numbers.exponent);
  const std::size_t bits = bits_of(numbers.modulus);
  if (bits < limits::jwk_rsa_bits_min || bits > limits::jwk_rsa_bits_max)
    return std::unexpected("is an RSA key of " + std::to_string(bits) + " bits; 2048 to 8192 are allowed");
  // With an exponent of 1 everybody could sign.
  const bool is_good_exponent = is_odd(numbers.exponent) && bits_of(numbers.exponent) >= 2 && bits_of(numbers.exponent) <= 64;
  if (!is_odd(numbers.modulus) || !is_good_exponent)
    return std::unexpected("is no RSA key: its modulus or exponent is impossible");
  const auto algorithms = algorithms_of(KeyKind::rsa, 0, alg);
  if (!algorithms) return std::unexpected(algorithms.error());
  cjose_jwk_rsa_keyspec parts{};
  parts.n = bytes_in(numbers.modulus);
  parts.nlen = numbers.modulus.size();
  parts.e = bytes_in(numbers.exponent);
  parts.elen = numbers.exponent.size();
  cjose_jwk_t* const made = cjose_jwk_create_RSA_spec(&parts, nullptr);
  return finish({.kind = KeyKind::rsa, .algorithms = *algorithms, .modulus_bytes = numbers.modulus.size()}, made,
                "is no RSA key");
}

std::expected<Jwk, std::string> make_curve_key(CurvePoint point, std::optional<std::string_view> alg) {
  const std::size_t expected_bytes = coordinate_bytes(point.curve);
  if (point.x.size() != expected_bytes || point.y.size() != expected_bytes)
    return std::unexpected("has coordinates of another length than its curve");
  const auto algorithms = algorithms_of(point.curve, 0, alg);
  if (!algorithms) return std::unexpected(algorithms.error());
  cjose_jwk_ec_keyspec parts{};
  parts.crv = point.curve == KeyKind::p256   ? CJOSE_JWK_EC_P_256
              : point.curve == KeyKind::p384 ? CJOSE_JWK_EC_P_384
                                             : CJOSE_JWK_EC_P_521;
  parts.x = bytes_in(point.x);
  parts.xlen = point.x.size();
  parts.y = bytes_in(point.y);
  parts.ylen = point.y.size();
  cjose_jwk_t* const made = cjose_jwk_create_EC_spec(&parts, nullptr);
  return finish({.kind = point.curve, .algorithms = *algorithms}, made, "is not a point of its curve");
}

std::expected<Jwk, std::string> make_secret_key(SecretBytes secret, std::optional<std::string_view> alg) {
  // A public key as a secret is known to everybody.
  if (secret.text().starts_with("-----BEGIN ")) return std::unexpected("has a PEM file as its secret; give that file itself");
  const auto algorithms = algorithms_of(KeyKind::secret, secret.bytes().size(), alg);
  if (!algorithms) return std::unexpected(algorithms.error());
  cjose_jwk_t* const made = cjose_jwk_create_oct_spec(secret.bytes().data(), secret.bytes().size(), nullptr);
  return finish({.kind = KeyKind::secret, .algorithms = *algorithms}, made, "is no secret");
}

std::size_t signature_bytes(const Jwk& key, JwtAlgorithm algorithm) {
  switch (key.kind) {
    case KeyKind::rsa: return key.modulus_bytes;
    case KeyKind::secret: return row_of(algorithm).hash_bytes;
    case KeyKind::p256:
    case KeyKind::p384:
    case KeyKind::p521: break;
  }
  return 2 * coordinate_bytes(key.kind);
}

}  // namespace ringgate::auth
