// A TLS client in memory, by OpenSSL's own BIOs: what it sends and receives are strings.
#pragma once

#include <openssl/err.h>

#include <string>
#include <vector>

#include "ringgate/bytes.h"
#include "tls/openssl.h"

namespace ringgate::test {

struct ClientOptions {
  std::string host = "gate.test";
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string ciphers;             // of TLS 1.2; empty: OpenSSL's default
  std::string protocols;           // ALPN, in its wire format
  X509* root = nullptr;            // trusted; null: nothing is verified
  SSL_SESSION* session = nullptr;  // to resume
  SSL_CTX* context = nullptr;      // from new_context, for many clients; null: one of its own
  X509* certificate = nullptr;     // that it shows; null: none
  EVP_PKEY* key = nullptr;         // of the certificate
  std::vector<X509*> chain;        // sent behind the certificate
};

class MemoryClient {
 public:
  explicit MemoryClient(const ClientOptions& options);
  /// What clients with these versions, ciphers and root can share: making it takes longer than a resumed handshake.
  static tls::SslContextPtr new_context(const ClientOptions& options);
  ~MemoryClient() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }  // else its session is spoilt

  /// Gives the client bytes of the server.
  void receive(ByteView bytes) { BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())); }
  /// Takes a step: handshake or reading. False if the connection has failed; `error` says why.
  bool step();
  void write(std::string_view text);
  /// Bytes for the server.
  std::string take_output();

  bool is_open() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  bool saw_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string received;  // plaintext
  std::string error;
  SSL* ssl() { return ssl_.get(); }
  /// Its secret for what it sends after a handshake of TLS 1.3; empty before.
  const std::vector<std::uint8_t>& traffic_secret() const { return traffic_secret_; }

 private:
  tls::SslContextPtr context_;  // null if it was given one
  tls::SslPtr ssl_;
  static void on_secret(const SSL* ssl, const char* line);

  std::vector<std::uint8_t> traffic_secret_;
  BIO* in_;   // owned by ssl_
  BIO* out_;  // owned by ssl_
};

inline tls::SslContextPtr MemoryClient::new_context(const ClientOptions& options) {
  tls::SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), options.version_min);
  SSL_CTX_set_max_proto_version(context.get(), options.version_max);
  SSL_CTX_set_security_level(context.get(), 0);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context.get(), options.ciphers.c_str());
  if (options.root != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), options.root);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (options.certificate != nullptr) {
    SSL_CTX_use_certificate(context.get(), options.certificate);
    SSL_CTX_use_PrivateKey(context.get(), options.key);
    for (X509* const issuer : options.chain) SSL_CTX_add1_chain_cert(context.get(), issuer);
  }
  SSL_CTX_set_keylog_callback(context.get(), on_secret);
  return context;
}

inline MemoryClient::MemoryClient(const ClientOptions& options) {
  if (options.context == nullptr) context_ = new_context(options);
  ssl_.reset(SSL_new(options.context != nullptr ? options.context : context_.get()));
  SSL_set_app_data(ssl_.get(), this);
  if (!options.host.empty()) {
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(options.host.c_str()));
    if (options.root != nullptr) SSL_set1_host(ssl_.get(), options.host.c_str());
  }
  if (!options.protocols.empty())
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned int>(options.protocols.size()));
  if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
}

/// A line "CLIENT_TRAFFIC_SECRET_0 RANDOM SECRET", in hexadecimal.
inline void MemoryClient::on_secret(const SSL* ssl, const char* line) {
  const std::string_view text(line);
  if (!text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) return;
  auto& secret = static_cast<MemoryClient*>(SSL_get_app_data(ssl))->traffic_secret_;
  secret.clear();
  for (std::size_t at = text.rfind(' ') + 1; at + 1 < text.size(); at += 2)
    secret.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16)));
}

inline bool MemoryClient::step() {
  ERR_clear_error();
  char bytes[4096];
  int count = 0;
  while ((count = SSL_read(ssl_.get(), bytes, sizeof bytes)) > 0) received.append(bytes, static_cast<std::size_t>(count));
  const int why = SSL_get_error(ssl_.get(), count);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN) return true;
  error = tls::take_error();
  return false;
}

inline void MemoryClient::write(std::string_view text) {
  ERR_clear_error();
  if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) != static_cast<int>(text.size()))
    error = tls::take_error();
}

inline std::string MemoryClient::take_output() {
  std::string bytes(BIO_ctrl_pending(out_), '\0');
  if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

}  // namespace ringgate::test
