// One key that verifies tokens, and the algorithms that it may be used with.
//
// Only public keys and shared secrets; nothing here signs. Made from numbers: jwk_json.h and jwk_pem.h read those from files.
// Immutable once made. libcjose and libcrypto only read it when they verify (what they cache in it, they lock), so any number of threads
// may use it at once.
#pragma once

#include <cjose/cjose.h>

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/jwt_algorithm.h"
#include "auth/openssl_owner.h"
#include "auth/secret_file.h"

namespace ringgate::auth {

using JwkPtr = Owned<cjose_jwk_t, cjose_jwk_release>;

struct Jwk {
  std::string kid;  // empty if it has none
  KeyKind kind = KeyKind::secret;
  JwtAlgorithmSet algorithms;  // never empty
  std::size_t modulus_bytes = 0;
  JwkPtr key;
};

/// What was read of a key, in bytes, big-endian. `alg` narrows the algorithms to one.
struct RsaNumbers {
  std::string modulus;
  std::string exponent;
};
struct CurvePoint {
  KeyKind curve = KeyKind::p256;
  std::string x;  // both of coordinate_bytes(curve)
  std::string y;
};

/// Make a key. The error goes on where "FILE: key NAME" began: "is of 1024 bits; ...". They throw std::bad_alloc.
std::expected<Jwk, std::string> make_rsa_key(RsaNumbers numbers, std::optional<std::string_view> alg);
std::expected<Jwk, std::string> make_curve_key(CurvePoint point, std::optional<std::string_view> alg);
std::expected<Jwk, std::string> make_secret_key(SecretBytes secret, std::optional<std::string_view> alg);

/// How long a signature of `algorithm` by `key` is, exactly. libcjose itself takes longer and shorter ones of ES and PS.
std::size_t signature_bytes(const Jwk& key, JwtAlgorithm algorithm);

}  // namespace ringgate::auth
