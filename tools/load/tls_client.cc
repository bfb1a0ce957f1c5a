#include "load/tls_client.h"

#include <openssl/err.h>

#include "base/assert.h"

namespace ringgate::load {

std::expected<std::unique_ptr<TlsContext>, std::string> TlsContext::open(TlsBuffers buffers) {
  std::unique_ptr<TlsContext> context(new TlsContext());
  ERR_clear_error();
  context->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const c = context->context_.get();
  char groups[] = "X25519";  // OpenSSL's macro drops a const
  const bool is_set = c != nullptr && SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256") == 1 && SSL_CTX_set1_groups_list(c, groups) == 1;
  if (!is_set) return std::unexpected("OpenSSL refuses the settings: " + tls::take_error());
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, nullptr);
  if (buffers == TlsBuffers::released) SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c, TlsClient::keep_session);
  return context;
}

/// OpenSSL takes a session for broken if its connection ends without close_notify, as connections here do.
TlsClient::~TlsClient() {
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

/// SSL_CTX_sess_set_new_cb(3). 1: the session is ours.
int TlsClient::keep_session(SSL* ssl, SSL_SESSION* session) {
  TlsClient& client = *static_cast<TlsClient*>(SSL_get_app_data(ssl));
  if (client.session_ == nullptr) return 0;
  client.session_->reset(session);
  return 1;
}

void TlsClient::start(TlsSession* session, std::string& out) {
  RINGGATE_ASSERT(ssl_ != nullptr);
  session_ = session;
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_connect_state(ssl_.get());
  BIO_up_ref(wire_.bio());
  BIO_up_ref(wire_.bio());
  SSL_set0_rbio(ssl_.get(), wire_.bio());
  SSL_set0_wbio(ssl_.get(), wire_.bio());
  if (session_ != nullptr && *session_ != nullptr) SSL_set_session(ssl_.get(), session_->get());
  wire_.set_input({});
  ERR_clear_error();
  SSL_do_handshake(ssl_.get());
  take_output(out);
}

TlsRead TlsClient::read(MutableBytes room, std::size_t& count, std::string& out) {
  count = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &count);
  if (!is_established_) is_established_ = SSL_is_init_finished(ssl_.get()) == 1;
  take_output(out);
  if (result == 1) return TlsRead::plaintext;
  wire_.set_input({});
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return TlsRead::nothing;
    case SSL_ERROR_ZERO_RETURN: return TlsRead::finished;
    default: return TlsRead::failed;
  }
}

void TlsClient::seal(ByteView plain, std::string& out) {
  if (plain.empty()) return;
  std::size_t written = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written);
  RINGGATE_ASSERT(result == 1 && written == plain.size());  // the wire takes everything
  take_output(out);
}

std::size_t TlsClient::seal(ByteView plain, MutableBytes out) {
  wire_.lend(out);
  std::size_t written = 0;
  ERR_clear_error();
  const int result = plain.empty() ? 1 : SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written);
  const std::size_t used = wire_.end_lending();
  RINGGATE_ASSERT(result == 1 && wire_.output().empty());
  return used;
}

void TlsClient::take_output(std::string& out) {
  if (wire_.output().empty()) return;
  out.append(text_of(wire_.output()));
  wire_.clear_output();
}

}  // namespace ringgate::load
