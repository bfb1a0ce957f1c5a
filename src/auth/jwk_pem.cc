#include "auth/jwk_pem.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <new>

#include "auth/openssl_owner.h"

namespace ringgate::auth {
namespace {

using NumberPtr = Owned<BIGNUM, BN_free>;
using SourcePtr = Owned<BIO, BIO_free>;
using KeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;

/// The first error that libcrypto has queued on this thread. Empties the queue.
std::string take_error() {
  const char* const reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

void free_bytes(void* bytes) { OPENSSL_free(bytes); }

/// A block of a PEM file.
struct Block {
  Owned<char, free_bytes> name, header;
  Owned<unsigned char, free_bytes> bytes;
  long size = 0;

  bool read(BIO* source) {
    char *name_read = nullptr, *header_read = nullptr;
    unsigned char* bytes_read = nullptr;
    if (PEM_read_bio(source, &name_read, &header_read, &bytes_read, &size) != 1) return false;
    name.reset(name_read);
    header.reset(header_read);
    bytes.reset(bytes_read);
    return true;
  }
};

/// A number of the key in `width` bytes, or in as many as it needs; empty if the key has none of that name.
std::string number_of(const EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* read = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &read) != 1) return {};
  const NumberPtr number(read);
  std::string bytes(std::max(width, static_cast<std::size_t>(BN_num_bytes(number.get()))), '\0');
  BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return bytes;
}

std::expected<Jwk, std::string> convert(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1)
    return make_rsa_key({number_of(key, OSSL_PKEY_PARAM_RSA_N), number_of(key, OSSL_PKEY_PARAM_RSA_E)}, std::nullopt);
  if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1)
    return std::unexpected("is for EdDSA, which is not offered; use ES256");
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::unexpected("is of a kind that is not offered; RSA and EC are");
  char group[64] = "";
  EVP_PKEY_get_group_name(key, group, sizeof group, nullptr);
  for (const auto& [name, curve] :
       {std::pair{SN_X9_62_prime256v1, KeyKind::p256}, {SN_secp384r1, KeyKind::p384}, {SN_secp521r1, KeyKind::p521}}) {
    if (std::string_view(group) != name) continue;
    const std::size_t width = coordinate_bytes(curve);
    return make_curve_key(
        {curve, number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, width), number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, width)}, std::nullopt);
  }
  return std::unexpected("is on a curve that is not offered; P-256, P-384 and P-521 are");
}

std::expected<Jwk, std::string> read_block(const Block& block) {
  const std::string_view name = block.name.get();
  if (name.ends_with("PRIVATE KEY"))
    return std::unexpected(
        "is a private key, which whoever only verifies must not have; give the public key (openssl pkey -pubout)");
  if (name.ends_with("CERTIFICATE"))
    return std::unexpected("is a certificate; give its public key (openssl x509 -noout -pubkey)");
  if (name != "PUBLIC KEY") return std::unexpected("is no PUBLIC KEY; openssl pkey -pubin writes one");
  const unsigned char* begin = block.bytes.get();
  const KeyPtr key(d2i_PUBKEY(nullptr, &begin, block.size));
  if (!key) return std::unexpected("cannot be read: " + take_error());
  return convert(key.get());
}

}  // namespace

bool is_pem(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] != '{' && text.find("-----BEGIN ") != std::string_view::npos;
}

std::expected<std::vector<Jwk>, std::string> read_pem_keys(std::string_view text) {
  ERR_clear_error();
  if (text.size() > INT_MAX) return std::unexpected("is too long");
  const SourcePtr source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!source) throw std::bad_alloc();
  std::vector<Jwk> keys;
  for (Block block; block.read(source.get());) {
    auto key = read_block(block);
    ERR_clear_error();
    if (!key) return std::unexpected("key " + std::to_string(keys.size() + 1) + " " + key.error());
    keys.push_back(std::move(*key));
  }
  const bool is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_error();
  if (!is_whole) return std::unexpected("key " + std::to_string(keys.size() + 1) + " is broken: " + reason);
  return keys;
}

}  // namespace ringgate::auth
