// Tokens and keys for tests, signed by libcrypto alone: nothing here shares code with what verifies them.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "auth/openssl_owner.h"

namespace ringgate::test {

std::string base64url(std::string_view bytes);

/// A key pair or a secret.
class SigningKey {
 public:
  static SigningKey rsa(unsigned bits = 2048);
  static SigningKey rsa_pss();
  static SigningKey curve(const std::string& name);  // "P-256", "secp256k1", "ED25519" ...
  static SigningKey secret(std::string bytes);

  /// What a verifier's file holds; `more` is put in front, such as R"("kid":"a",)".
  std::string jwk(const std::string& more = "") const;
  std::string private_jwk() const;
  std::string public_pem() const;
  std::string private_pem() const;
  /// A signature as tokens have it: `algorithm` is a name such as "PS256"; the key must be of its kind, but for HS256 with any text.
  std::string sign(const std::string& algorithm, std::string_view text) const;
  EVP_PKEY* key() const { return key_.get(); }
  const std::string& secret_bytes() const { return secret_; }

 private:
  auth::Owned<EVP_PKEY, EVP_PKEY_free> key_;
  std::string secret_;
};

/// HEADER.PAYLOAD.SIGNATURE of the two texts, which need not be JSON.
std::string make_token(const SigningKey& key, const std::string& algorithm, std::string_view header, std::string_view payload);
/// With the usual header, {"alg":...,"typ":"JWT"}.
std::string make_token(const SigningKey& key, const std::string& algorithm, std::string_view payload);

/// A folder that goes when its owner goes.
class KeyFolder {
 public:
  KeyFolder();
  ~KeyFolder();
  KeyFolder(const KeyFolder&) = delete;
  KeyFolder& operator=(const KeyFolder&) = delete;

  std::string write(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace ringgate::test
