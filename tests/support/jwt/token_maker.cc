#include "support/jwt/token_maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace ringgate::test {
namespace {

void must(bool is_done) {
  if (!is_done) std::abort();
}

const unsigned char* bytes_in(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_in(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string number_in(const BIGNUM* number, std::size_t width = 0) {
  std::string bytes(std::max(width, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, bytes_in(bytes), static_cast<int>(bytes.size()));
  return bytes;
}

std::string number_of(EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* number = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const std::string bytes = number_in(number, width);
  BN_free(number);
  return bytes;
}

std::string member(const char* name, const std::string& bytes) {
  return std::string(",\"") + name + "\":\"" + base64url(bytes) + '"';
}

const EVP_MD* digest_of(const std::string& algorithm) {
  return algorithm.ends_with("256") ? EVP_sha256() : algorithm.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

std::size_t coordinate_bytes(EVP_PKEY* key) { return (static_cast<std::size_t>(EVP_PKEY_get_bits(key)) + 7) / 8; }

/// r and s, each as long as a coordinate, in place of DER.
std::string fixed_length(const std::string& der, std::size_t coordinate) {
  const unsigned char* begin = bytes_in(std::string_view(der));
  ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()));
  must(signature != nullptr);
  const std::string bytes =
      number_in(ECDSA_SIG_get0_r(signature), coordinate) + number_in(ECDSA_SIG_get0_s(signature), coordinate);
  ECDSA_SIG_free(signature);
  return bytes;
}

std::string text_of(BIO* written) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(written, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(written);
  return text;
}

}  // namespace

std::string base64url(std::string_view bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8U | (i + j < bytes.size() ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    const std::size_t digits = std::min<std::size_t>(3, bytes.size() - i) + 1;
    for (std::size_t j = 0; j < digits; ++j) text.push_back(alphabet[bits >> (18 - 6 * j) & 63U]);
  }
  return text;
}

SigningKey SigningKey::rsa(unsigned bits) {
  SigningKey made;
  made.key_.reset(EVP_RSA_gen(bits));
  must(made.key_ != nullptr);
  return made;
}

SigningKey SigningKey::rsa_pss() {
  SigningKey made;
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1 &&
       EVP_PKEY_generate(context, &key) == 1);
  EVP_PKEY_CTX_free(context);
  made.key_.reset(key);
  return made;
}

SigningKey SigningKey::curve(const std::string& name) {
  SigningKey made;
  const bool is_edwards = name.starts_with("ED");
  made.key_.reset(is_edwards ? EVP_PKEY_Q_keygen(nullptr, nullptr, name.c_str())
                             : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", const_cast<char*>(name.c_str())));
  must(made.key_ != nullptr);
  return made;
}

SigningKey SigningKey::secret(std::string bytes) {
  SigningKey made;
  made.secret_ = std::move(bytes);
  return made;
}

std::string SigningKey::jwk(const std::string& more) const {
  if (!key_) return '{' + more + R"("kty":"oct","k":")" + base64url(secret_) + "\"}";
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1)
    return '{' + more + R"("kty":"RSA")" + member("n", number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N)) +
           member("e", number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E)) + '}';
  const std::size_t width = coordinate_bytes(key_.get());
  return '{' + more + R"("kty":"EC","crv":"P-)" + std::to_string(EVP_PKEY_get_bits(key_.get())) + '"' +
         member("x", number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, width)) +
         member("y", number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, width)) + '}';
}

std::string SigningKey::private_jwk() const {
  std::string text = jwk();
  text.pop_back();
  return text +
         member("d",
                number_of(key_.get(), EVP_PKEY_is_a(key_.get(), "RSA") == 1 ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY)) +
         '}';
}

std::string SigningKey::public_pem() const {
  BIO* const written = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PUBKEY(written, key_.get()) == 1);
  return text_of(written);
}

std::string SigningKey::private_pem() const {
  BIO* const written = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PrivateKey(written, key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(written);
}

std::string SigningKey::sign(const std::string& algorithm, std::string_view text) const {
  if (algorithm.starts_with("HS")) {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    must(HMAC(digest_of(algorithm), secret_.data(), static_cast<int>(secret_.size()), bytes_in(text), text.size(), bytes_in(mac),
              &size) != nullptr);
    mac.resize(size);
    return mac;
  }
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  must(EVP_DigestSignInit(context, &options, digest_of(algorithm), nullptr, key_.get()) == 1);
  if (algorithm.starts_with("PS"))
    must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
  std::size_t size = 0;
  must(EVP_DigestSign(context, nullptr, &size, bytes_in(text), text.size()) == 1);
  std::string signature(size, '\0');
  must(EVP_DigestSign(context, bytes_in(signature), &size, bytes_in(text), text.size()) == 1);
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return algorithm.starts_with("ES") ? fixed_length(signature, coordinate_bytes(key_.get())) : signature;
}

std::string make_token(const SigningKey& key, const std::string& algorithm, std::string_view header, std::string_view payload) {
  const std::string signed_text = base64url(header) + '.' + base64url(payload);
  return signed_text + '.' + base64url(key.sign(algorithm, signed_text));
}

std::string make_token(const SigningKey& key, const std::string& algorithm, std::string_view payload) {
  return make_token(key, algorithm, R"({"alg":")" + algorithm + R"(","typ":"JWT"})", payload);
}

KeyFolder::KeyFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "keys-XXXXXX").string();
  must(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
}

KeyFolder::~KeyFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string KeyFolder::write(const std::string& name, std::string_view text) const {
  const std::string path = folder_ / name;
  std::ofstream(path, std::ios::binary) << text;
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  return path;
}

}  // namespace ringgate::test
