#include "net/proxy_policy.h"

#include "base/assert.h"

namespace ringgate::net {
namespace {

std::optional<ProxyVersions> versions_of(ProxyProtocol protocol) {
  switch (protocol) {
    case ProxyProtocol::off: return std::nullopt;
    case ProxyProtocol::v1: return ProxyVersions::v1;
    case ProxyProtocol::v2: return ProxyVersions::v2;
    case ProxyProtocol::automatic: break;
  }
  return ProxyVersions::either;
}

}  // namespace

std::shared_ptr<const ProxyPolicy> policy_of(const ProxyConfig& config) {
  if (config.protocol == ProxyProtocol::off && config.trusted.empty()) return nullptr;
  auto trusted = CidrSet::parse(config.trusted);
  RINGGATE_ASSERT(trusted.has_value());
  return std::make_shared<const ProxyPolicy>(ProxyPolicy{versions_of(config.protocol), std::move(*trusted), config.forwarded});
}

}  // namespace ringgate::net
