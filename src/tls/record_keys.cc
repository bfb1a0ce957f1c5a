#include "tls/record_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.h"

namespace ringgate::tls {
namespace {

constexpr std::string_view label_prefix = "tls13 ";

/// Null if OpenSSL does not have it.
CipherContextPtr new_cipher(const char* name, bool seals) {
  const std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>> cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
  if (cipher == nullptr) return nullptr;
  CipherContextPtr context(EVP_CIPHER_CTX_new());
  const int is_ready =
      context == nullptr ? 0 : EVP_CipherInit_ex2(context.get(), cipher.get(), nullptr, nullptr, seals ? 1 : 0, nullptr);
  if (is_ready != 1) throw std::bad_alloc();  // start-up only
  return context;
}

/// The same.
MacContextPtr new_mac(const char* digest) {
  const std::unique_ptr<EVP_MAC, Freed<EVP_MAC_free>> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  if (mac == nullptr) return nullptr;
  MacContextPtr context(EVP_MAC_CTX_new(mac.get()));
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
                                   OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_CTX_set_params(context.get(), parameters) != 1) throw std::bad_alloc();  // start-up only
  return context;
}

}  // namespace

Suite::Suite(std::uint32_t code_, const char* cipher, const char* digest, std::size_t key_bytes_, std::size_t secret_bytes_,
             std::uint64_t records_max_)
    : code(code_),
      key_bytes(key_bytes_),
      secret_bytes(secret_bytes_),
      records_max(records_max_),
      sealing(new_cipher(cipher, true)),
      opening(new_cipher(cipher, false)),
      mac(new_mac(digest)) {
  ERR_clear_error();
}

RecordKeys::~RecordKeys() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(key_.data(), key_.size());
  OPENSSL_cleanse(iv_.data(), iv_.size());
}

bool RecordKeys::start(const Suite& suite, ByteView secret) {
  RINGGATE_ASSERT(secret.size() == suite.secret_bytes && secret.size() <= secret_.size());
  std::ranges::copy(secret, secret_.begin());
  return derive(suite);
}

bool RecordKeys::update(const Suite& suite) {
  std::array<std::uint8_t, 48> next{};
  if (!expand(suite, "traffic upd", MutableBytes(next).first(suite.secret_bytes))) return false;
  secret_ = next;
  OPENSSL_cleanse(next.data(), next.size());
  return derive(suite);
}

bool RecordKeys::derive(const Suite& suite) {
  sequence_ = 0;
  return expand(suite, "key", MutableBytes(key_).first(suite.key_bytes)) && expand(suite, "iv", iv_);
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1), for no more than the digest's length: one block of HKDF-Expand.
bool RecordKeys::expand(const Suite& suite, std::string_view label, MutableBytes out) const {
  RINGGATE_ASSERT(out.size() <= suite.secret_bytes);
  // The length of the output, the label behind its length, no context, and the number of the block.
  std::array<std::uint8_t, 32> info{};
  const std::size_t label_bytes = label_prefix.size() + label.size();
  RINGGATE_ASSERT(3 + label_bytes + 2 <= info.size());
  info[1] = static_cast<std::uint8_t>(out.size());
  info[2] = static_cast<std::uint8_t>(label_bytes);
  std::memcpy(info.data() + 3, label_prefix.data(), label_prefix.size());
  std::memcpy(info.data() + 3 + label_prefix.size(), label.data(), label.size());
  info[3 + label_bytes + 1] = 1;
  std::array<std::uint8_t, 48> block;
  std::size_t bytes = 0;
  const bool is_made = EVP_MAC_init(suite.mac.get(), secret_.data(), suite.secret_bytes, nullptr) == 1 &&
                       EVP_MAC_update(suite.mac.get(), info.data(), 3 + label_bytes + 2) == 1 &&
                       EVP_MAC_final(suite.mac.get(), block.data(), &bytes, block.size()) == 1;
  if (is_made) std::copy_n(block.begin(), out.size(), out.begin());
  OPENSSL_cleanse(block.data(), block.size());
  return is_made;
}

std::array<std::uint8_t, nonce_bytes> RecordKeys::next_nonce() {
  std::array<std::uint8_t, nonce_bytes> nonce = iv_;
  for (std::size_t i = 0; i < sizeof sequence_; ++i)
    nonce[nonce_bytes - 1 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
  ++sequence_;
  RINGGATE_ASSERT(sequence_ != 0);  // half a million years at a million records a second
  return nonce;
}

}  // namespace ringgate::tls
