// Records of TLS 1.3 made by hand, for what no client library sends: with the client's keys, but any content (RFC 8446 section 5.2).
#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ringgate/bytes.h"
#include "tls/openssl.h"

namespace ringgate::test {

/// For TLS_AES_128_GCM_SHA256 only. Begins at the first record after the handshake.
class RecordForge {
 public:
  /// `secret`: client_application_traffic_secret_0.
  explicit RecordForge(ByteView secret) : secret_(secret.begin(), secret.end()) { derive(); }

  /// Goes on with the next keys, as a KeyUpdate that was sealed before announces.
  void update_keys() {
    std::vector<std::uint8_t> next(secret_.size());
    expand(secret_, "traffic upd", next);
    secret_ = next;
    derive();
  }

  std::string seal(std::string_view content, std::uint8_t type) {
    std::string plain(content);
    plain += static_cast<char>(type);
    const std::size_t sealed_bytes = plain.size() + tag_bytes;
    std::string record{'\x17', '\x03', '\x03', static_cast<char>(sealed_bytes >> 8U), static_cast<char>(sealed_bytes & 0xFFU)};
    std::array<std::uint8_t, 12> nonce = iv_;
    for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
    ++sequence_;
    record.resize(header_bytes + sealed_bytes);
    auto* const bytes = reinterpret_cast<unsigned char*>(record.data());
    int written = 0;
    const std::unique_ptr<EVP_CIPHER_CTX, tls::Freed<EVP_CIPHER_CTX_free>> cipher(EVP_CIPHER_CTX_new());
    must(EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, key_.data(), nonce.data()));
    must(EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes, header_bytes));
    must(EVP_EncryptUpdate(cipher.get(), bytes + header_bytes, &written, bytes_of(plain).data(), static_cast<int>(plain.size())));
    must(EVP_EncryptFinal_ex(cipher.get(), bytes + header_bytes + written, &written));
    must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, bytes + header_bytes + plain.size()));
    return record;
  }

 private:
  static constexpr int header_bytes = 5;
  static constexpr int tag_bytes = 16;

  void derive() {
    expand(secret_, "key", key_);
    expand(secret_, "iv", iv_);
    sequence_ = 0;
  }
  static void must(int result) {
    if (result != 1) std::abort();
  }
  /// HKDF-Expand-Label (RFC 8446 section 7.1) without a context.
  static void expand(ByteView secret, std::string_view label, MutableBytes out) {
    std::string info{'\0', static_cast<char>(out.size()), static_cast<char>(6 + label.size())};
    info += "tls13 ";
    info += label;
    info += '\0';
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    char digest[] = "SHA256";
    const std::unique_ptr<EVP_KDF, tls::Freed<EVP_KDF_free>> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const std::unique_ptr<EVP_KDF_CTX, tls::Freed<EVP_KDF_CTX_free>> context(EVP_KDF_CTX_new(kdf.get()));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode), OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(secret.data()), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
    must(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters));
  }

  std::vector<std::uint8_t> secret_;
  std::array<std::uint8_t, 16> key_{};
  std::array<std::uint8_t, 12> iv_{};
  std::uint64_t sequence_ = 0;
};

}  // namespace ringgate::test
