// TLS for the list: the gate's certificate, and peers that speak TLS 1.2 and 1.3 in turn.
//
// Peers resume a session, which costs a tenth of a handshake: what is tried is what follows it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "fake_ring/peer_tunnel.h"
#include "tls/context.h"
#include "tls/openssl.h"

namespace ringgate::abuse {

class SealedPeers {
 public:
  SealedPeers();
  ~SealedPeers();
  SealedPeers(const SealedPeers&) = delete;
  SealedPeers& operator=(const SealedPeers&) = delete;

  const std::shared_ptr<const tls::Context>& gate() const { return gate_; }
  std::unique_ptr<ring::PeerTunnel> connect();

  /// Cuts the records of the peers that connect from now on before this byte, counted from the end of the handshake. 0: not.
  void cut_records_at(std::size_t offset) { cut_at_ = offset; }
  /// What the peer that connected last has sent since its handshake.
  std::size_t sealed_bytes() const { return sealed_bytes_; }

 private:
  struct Kind {
    tls::SslContextPtr context;
    SSL_SESSION* session = nullptr;  // of the first that connected; owned
  };
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  std::shared_ptr<const tls::Context> gate_;
  std::array<Kind, 2> kinds_;
  std::size_t next_ = 0;
  std::size_t cut_at_ = 0;
  std::size_t sealed_bytes_ = 0;
};

}  // namespace ringgate::abuse
