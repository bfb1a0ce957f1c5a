#include "sealed_peers.h"

#include <ctime>
#include <stdexcept>
#include <utility>

#include "support/tls/certificate_maker.h"
#include "support/tls/tunnel.h"

namespace ringgate::abuse {

SealedPeers::SealedPeers() {
  test::CertificateMaker maker;
  const auto files = maker.make("gate.test");
  auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
  if (!identity) throw std::runtime_error(identity.error());
  auto context = tls::Context::create({.identities = {std::make_shared<const tls::Identity>(std::move(*identity))}});
  if (!context) throw std::runtime_error(context.error());
  gate_ = std::move(*context);
  const std::array versions{TLS1_3_VERSION, TLS1_2_VERSION};
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    Kind& kind = kinds_[i];
    kind.context = test::MemoryClient::new_context({.version_min = versions[i], .version_max = versions[i]});
    SSL_CTX_set_app_data(kind.context.get(), &kind);
    SSL_CTX_set_session_cache_mode(kind.context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(kind.context.get(), keep_session);
  }
}

SealedPeers::~SealedPeers() {
  for (const Kind& kind : kinds_) SSL_SESSION_free(kind.session);
}

/// SSL_CTX_sess_set_get_cb(3): 1 keeps it.
int SealedPeers::keep_session(SSL* ssl, SSL_SESSION* session) {
  Kind& kind = *static_cast<Kind*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (kind.session != nullptr) return 0;
  kind.session = session;
  return 1;
}

std::unique_ptr<ring::PeerTunnel> SealedPeers::connect() {
  const Kind& kind = kinds_[next_++ % kinds_.size()];
  SSL_SESSION* const own = kind.session == nullptr ? nullptr : SSL_SESSION_dup(kind.session);
  auto tunnel = std::make_unique<test::TlsTunnel>(test::ClientOptions{.session = own, .context = kind.context.get()}, cut_at_,
                                                  sealed_bytes_);
  SSL_SESSION_free(own);
  return tunnel;
}

}  // namespace ringgate::abuse
