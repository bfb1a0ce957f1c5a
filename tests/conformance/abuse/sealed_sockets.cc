#include "sealed_sockets.h"

#include "support/tls/memory_client.h"

namespace ringgate::abuse {

SealedSockets::SealedSockets() : files_(maker_.make("gate.test")) {
  constexpr std::array versions{TLS1_3_VERSION, TLS1_2_VERSION};
  for (std::size_t i = 0; i < versions.size(); ++i)
    contexts_[i] =
        test::MemoryClient::new_context({.version_min = versions[i], .version_max = versions[i], .root = maker_.root()});
}

std::vector<std::string> SealedSockets::settings() const {
  return {"listener.0.tls.cert=" + files_.certificate, "listener.0.tls.key=" + files_.key, "admin.tls.cert=" + files_.certificate,
          "admin.tls.key=" + files_.key};
}

}  // namespace ringgate::abuse
