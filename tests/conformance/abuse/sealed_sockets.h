// TLS for the list over loopback: the certificate that the gate is started with, and clients that speak TLS 1.2 and 1.3 in turn.
//
// Any thread may ask for a context; they are shared and do not change.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "support/tls/certificate_maker.h"

namespace ringgate::abuse {

class SealedSockets {
 public:
  SealedSockets();
  SealedSockets(const SealedSockets&) = delete;
  SealedSockets& operator=(const SealedSockets&) = delete;

  /// The settings that give both ports of the gate TLS.
  std::vector<std::string> settings() const;
  /// For the next connection. Lives as long as this.
  SSL_CTX* next_context() { return contexts_[next_.fetch_add(1, std::memory_order_relaxed) % contexts_.size()].get(); }

 private:
  test::CertificateMaker maker_;
  test::CertificateMaker::Files files_;
  std::array<tls::SslContextPtr, 2> contexts_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace ringgate::abuse
