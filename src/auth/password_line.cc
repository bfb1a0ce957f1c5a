#include "auth/password_line.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <optional>

#include "auth/credential_lines.h"
#include "auth/openssl_owner.h"
#include "auth/text_coding.h"
#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::auth {
namespace {

constexpr std::string_view scheme = "pbkdf2-sha256";
constexpr std::size_t name_max = limits::credential_name_bytes_max;

enum Field : std::uint8_t { device, group, expires, fields_count };
constexpr std::array<FieldFacts, fields_count> fields{{{"device", name_max}, {"group", name_max}, {"expires", 32}}};

std::expected<std::string, std::string> parse_user(std::string_view text) {
  auto user = percent_decoded(text);
  if (!user) return std::unexpected("the user has a percent sign without two hexadecimal digits");
  if (!is_printable(*user) || user->find(':') != std::string::npos) {
    return std::unexpected("the user is empty, not printable ASCII or contains a colon");
  }
  if (user->size() > name_max) return std::unexpected("the user is longer than " + std::to_string(name_max) + " bytes");
  return std::move(*user);
}

/// `pbkdf2-sha256$ITERATIONS$SALT$HASH`
std::expected<PasswordHash, std::string> parse_hash(std::string_view text) {
  const auto take = [&text] {
    const std::size_t dollar = text.find('$');
    const std::string_view part = text.substr(0, dollar);
    text = dollar == std::string_view::npos ? std::string_view{} : text.substr(dollar + 1);
    return part;
  };
  if (take() != scheme) return std::unexpected("the user is not followed by :pbkdf2-sha256$ITERATIONS$SALT$HASH");
  PasswordHash hash;
  const auto iterations = parse_unix_seconds(take());  // a number without sign and superfluous digits
  if (!iterations || *iterations < 1 || *iterations > limits::password_iterations_max) {
    return std::unexpected("the iterations are not a number from 1 to " + std::to_string(limits::password_iterations_max));
  }
  hash.iterations = static_cast<std::uint32_t>(*iterations);
  if (decode_base64(take(), Base64::standard, hash.salt) != hash.salt.size()) {
    return std::unexpected("the salt is not 16 bytes in base64");
  }
  if (decode_base64(text, Base64::standard, hash.hash) != hash.hash.size()) {
    return std::unexpected("the hash is not 32 bytes in base64");
  }
  return hash;
}

}  // namespace

Sha256 derive_from_password(ByteView password, const Salt& salt, std::uint32_t iterations) {
  // PKCS5_PBKDF2_HMAC(3) without its look-up of the algorithm at each call.
  static const Owned<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, "PBKDF2", nullptr));
  const Owned<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
  char digest[] = "SHA256";
  int any_length = 1;  // no least length of passwords, salts and iterations
  std::uint64_t count = iterations;
  static const std::uint8_t nothing = 0;
  const auto* const bytes = password.empty() ? &nothing : password.data();
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &any_length),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<std::uint8_t*>(bytes), password.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<std::uint8_t*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count),
      OSSL_PARAM_construct_end()};
  Sha256 result;
  // It fails only without memory; another result would be a disaster.
  if (context == nullptr || EVP_KDF_derive(context.get(), result.data(), result.size(), parameters) != 1) throw std::bad_alloc();
  return result;
}

PasswordHash hash_password(ByteView password, std::uint32_t iterations) {
  PasswordHash hash;
  hash.iterations = iterations;
  RINGGATE_ASSERT(RAND_bytes(hash.salt.data(), static_cast<int>(hash.salt.size())) == 1);
  hash.hash = derive_from_password(password, hash.salt, iterations);
  return hash;
}

std::expected<PasswordLine, std::string> parse_password_line(std::string_view text) {
  PasswordLine line;
  const std::string_view credential = take_word(text);
  const std::size_t colon = credential.find(':');
  if (colon == std::string_view::npos) return std::unexpected("the line does not begin with USER:");
  auto user = parse_user(credential.substr(0, colon));
  if (!user) return std::unexpected(std::move(user.error()));
  line.user = std::move(*user);
  auto hash = parse_hash(credential.substr(colon + 1));
  if (!hash) return std::unexpected(std::move(hash.error()));
  line.hash = *hash;
  FieldValues<fields_count> values;
  if (auto read = read_fields(text, fields, values); !read) return std::unexpected(std::move(read.error()));
  if (!values[expires].empty()) {
    const auto moment = parse_expiry(values[expires]);
    if (!moment) return std::unexpected("expires= is neither a time like 2027-01-31T12:00:00Z nor Unix seconds");
    line.expires_at = *moment;
  }
  line.device = std::move(values[device]);
  line.group = std::move(values[group]);
  return line;
}

std::string print_password_line(const PasswordLine& line) {
  const std::string user = percent_encode(line.user);
  std::string text = user + ":" + std::string(scheme) + "$" + std::to_string(line.hash.iterations) + "$" +
                     encode_base64(line.hash.salt, Base64::standard) + "$" + encode_base64(line.hash.hash, Base64::standard);
  const auto add = [&text](std::string_view key, std::string_view value) {
    if (!value.empty()) text += " " + std::string(key) + "=" + percent_encode(value);
  };
  add("device", line.device);
  add("group", line.group);
  if (line.expires_at != never) add("expires", print_expiry(line.expires_at));
  return text;
}

}  // namespace ringgate::auth
