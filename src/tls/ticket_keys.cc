#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "tls/openssl.h"

namespace ringgate::tls {
namespace {

using FilePtr = std::unique_ptr<std::FILE, Freed<std::fclose>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;
using KdfPtr = std::unique_ptr<EVP_KDF, Freed<EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, Freed<EVP_KDF_CTX_free>>;

constexpr std::size_t secret_file_bytes_max = 64 * 1024;

/// HKDF with SHA-256 (RFC 5869). False without memory; then `out` is no key.
bool derive(ByteView secret, std::string_view info, MutableBytes out) {
  static const KdfPtr kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContextPtr context(EVP_KDF_CTX_new(kdf.get()));
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(secret.data()), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()), info.size()),
      OSSL_PARAM_construct_end()};
  return context != nullptr && EVP_KDF_derive(context.get(), out.data(), out.size(), parameters) == 1;
}

const EVP_CIPHER* cipher_of_tickets() {
  static const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return cipher.get();
}

bool use_mac_key(EVP_MAC_CTX* mac, const TicketKeys::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<std::uint8_t*>(key.mac_key.data()), key.mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

std::expected<TicketSecret, std::string> load_ticket_secret(const std::string& file) {
  // A pipe without a writer would hold up whoever opens it, and with it a reload for ever.
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return std::unexpected(file + " is no regular file");
  const FilePtr opened(std::fopen(file.c_str(), "rb"));
  if (!opened) return std::unexpected(file + " cannot be read: " + std::strerror(errno));
  std::vector<std::uint8_t> bytes(secret_file_bytes_max + 1);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), opened.get()));
  if (std::ferror(opened.get()) != 0) return std::unexpected(file + " cannot be read");
  if (bytes.size() > secret_file_bytes_max) return std::unexpected(file + " is longer than 64 KiB");
  TicketSecret secret;
  if (bytes.size() < secret.size()) return std::unexpected(file + " holds fewer than 32 bytes of secret");
  RINGGATE_ASSERT(derive(bytes, "ringgate ticket secret", secret));  // at start, or off the shards
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return secret;
}

TicketSecret new_ticket_secret() {
  TicketSecret secret;
  RINGGATE_ASSERT(RAND_priv_bytes(secret.data(), static_cast<int>(secret.size())) == 1);
  return secret;
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(keys_.data(), sizeof keys_);
}

std::int64_t TicketKeys::unix_time() { return std::time(nullptr); }

void TicketKeys::serve(SSL_CTX* context) {
  // What is fetched once is fetched now: a handshake without memory must not leave a null for those that follow.
  (void)current();
  (void)cipher_of_tickets();
  SSL_CTX_set_timeout(context, static_cast<long>(old_keys * seconds_per_key));
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

const TicketKeys::Key* TicketKeys::of(std::int64_t hour) {
  Key& key = keys_[static_cast<std::size_t>(hour) % keys_.size()];
  if (key.hour == hour) return &key;
  std::array<std::uint8_t, sizeof key.name + sizeof key.cipher_key + sizeof key.mac_key> derived;
  std::array<char, 48> info{"ringgate ticket key "};
  const std::size_t prefix = std::strlen(info.data());
  const char* const end = std::to_chars(info.data() + prefix, info.data() + info.size(), hour).ptr;
  if (!derive(secret_, {info.data(), static_cast<std::size_t>(end - info.data())}, derived)) return nullptr;
  auto from = derived.begin();
  const auto take = [&from](auto& part) {
    std::copy_n(from, part.size(), part.begin());
    from += static_cast<std::ptrdiff_t>(part.size());
  };
  take(key.name);
  take(key.cipher_key);
  take(key.mac_key);
  OPENSSL_cleanse(derived.data(), derived.size());
  key.hour = hour;
  return &key;
}

const TicketKeys::Key* TicketKeys::current() { return of(clock_() / seconds_per_key); }

const TicketKeys::Key* TicketKeys::find(ByteView name) {
  const std::int64_t now = clock_() / seconds_per_key;
  for (std::int64_t hour = now + 1; hour >= now - old_keys; --hour)
    if (const Key* const key = of(hour); key != nullptr && std::ranges::equal(name, key->name)) return key;
  return nullptr;
}

/// SSL_CTX_set_tlsext_ticket_key_cb(3). 0: the ticket is unknown, so the handshake is a full one. 2: it is good, and a new one follows.
int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int encrypts) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (encrypts != 0) {
    const Key* const key = keys.current();
    if (key == nullptr) return -1;
    std::ranges::copy(key->name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_of_tickets())) != 1) return -1;
    const bool is_ready =
        EVP_EncryptInit_ex2(cipher, cipher_of_tickets(), key->cipher_key.data(), iv, nullptr) == 1 && use_mac_key(mac, *key);
    return is_ready ? 1 : -1;
  }
  const Key* const key = keys.find({name, std::tuple_size_v<decltype(Key::name)>});
  if (key == nullptr) return 0;
  const bool is_ready =
      EVP_DecryptInit_ex2(cipher, cipher_of_tickets(), key->cipher_key.data(), iv, nullptr) == 1 && use_mac_key(mac, *key);
  if (!is_ready) return -1;
  // RFC 8446 appendix C.4: clients of TLS 1.3 use a ticket once, so without a new one every second handshake would be a full one.
  const bool is_renewed = SSL_version(ssl) == TLS1_3_VERSION || key->hour != keys.clock_() / seconds_per_key;
  return is_renewed ? 2 : 1;
}

}  // namespace ringgate::tls
