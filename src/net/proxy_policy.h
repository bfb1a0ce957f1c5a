// What a listener believes of the proxies in front of it: the settings, read once. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>

#include "net/cidr.h"
#include "net/proxy_protocol.h"
#include "ringgate/config.h"

namespace ringgate::net {

struct ProxyPolicy {
  std::optional<ProxyVersions> header;  // each connection begins with a PROXY header of these versions
  CidrSet trusted;
  ForwardedField forwarded = ForwardedField::automatic;
};

/// Null if the listener has no proxies: then peers are clients. `config` is sound (config/check.h, asserted).
std::shared_ptr<const ProxyPolicy> policy_of(const ProxyConfig& config);

}  // namespace ringgate::net
