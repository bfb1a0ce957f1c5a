// The signature algorithms that a token may be verified with (RFC 7518 section 3.1), and the kind of key that each one needs.
//
// Not here, so refused: `none`, EdDSA (libcjose has none), ES256K, and all algorithms of encryption. Constants; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringgate::auth {

enum class KeyKind : std::uint8_t { rsa, p256, p384, p521, secret };

enum class JwtAlgorithm : std::uint8_t { rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, hs256, hs384, hs512 };

struct JwtAlgorithmRow {
  JwtAlgorithm algorithm;
  std::string_view name;
  KeyKind kind;
  std::uint8_t hash_bytes;  // of a MAC too; a secret is at least as long (RFC 7518 section 3.2)
};

inline constexpr std::array<JwtAlgorithmRow, 12> jwt_algorithms{{
    {JwtAlgorithm::rs256, "RS256", KeyKind::rsa, 32},
    {JwtAlgorithm::rs384, "RS384", KeyKind::rsa, 48},
    {JwtAlgorithm::rs512, "RS512", KeyKind::rsa, 64},
    {JwtAlgorithm::ps256, "PS256", KeyKind::rsa, 32},
    {JwtAlgorithm::ps384, "PS384", KeyKind::rsa, 48},
    {JwtAlgorithm::ps512, "PS512", KeyKind::rsa, 64},
    {JwtAlgorithm::es256, "ES256", KeyKind::p256, 32},
    {JwtAlgorithm::es384, "ES384", KeyKind::p384, 48},
    {JwtAlgorithm::es512, "ES512", KeyKind::p521, 64},
    {JwtAlgorithm::hs256, "HS256", KeyKind::secret, 32},
    {JwtAlgorithm::hs384, "HS384", KeyKind::secret, 48},
    {JwtAlgorithm::hs512, "HS512", KeyKind::secret, 64},
}};

static_assert([] {
  for (std::size_t i = 0; i < jwt_algorithms.size(); ++i)
    if (static_cast<std::size_t>(jwt_algorithms[i].algorithm) != i) return false;
  return true;
}());

constexpr const JwtAlgorithmRow& row_of(JwtAlgorithm algorithm) { return jwt_algorithms[static_cast<std::size_t>(algorithm)]; }

/// Names are compared byte by byte: "rs256" is none.
constexpr std::optional<JwtAlgorithm> jwt_algorithm_named(std::string_view name) {
  for (const JwtAlgorithmRow& row : jwt_algorithms)
    if (row.name == name) return row.algorithm;
  return std::nullopt;
}

/// Bytes of one coordinate of a point; 0 for what is no curve.
constexpr std::size_t coordinate_bytes(KeyKind kind) {
  switch (kind) {
    case KeyKind::p256: return 32;
    case KeyKind::p384: return 48;
    case KeyKind::p521: return 66;
    case KeyKind::rsa:
    case KeyKind::secret: break;
  }
  return 0;
}

/// The algorithms that one key may be used with.
class JwtAlgorithmSet {
 public:
  constexpr void insert(JwtAlgorithm algorithm) { bits_ = static_cast<std::uint16_t>(bits_ | bit(algorithm)); }
  constexpr bool contains(JwtAlgorithm algorithm) const { return (bits_ & bit(algorithm)) != 0; }
  constexpr bool is_empty() const { return bits_ == 0; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(std::popcount(bits_)); }

 private:
  static constexpr unsigned bit(JwtAlgorithm algorithm) { return 1U << static_cast<unsigned>(algorithm); }
  std::uint16_t bits_ = 0;
};

/// All that a key of `kind` is good for. `secret_bytes` counts only for secrets.
constexpr JwtAlgorithmSet jwt_algorithms_for(KeyKind kind, std::size_t secret_bytes = 0) {
  JwtAlgorithmSet set;
  for (const JwtAlgorithmRow& row : jwt_algorithms)
    if (row.kind == kind && (kind != KeyKind::secret || secret_bytes >= row.hash_bytes)) set.insert(row.algorithm);
  return set;
}

}  // namespace ringgate::auth
