#include "server/exposure.h"

#include <algorithm>

#include "ring/ring.h"

namespace ringgate::server {
namespace {

bool is_exposed(const std::string& bind) {
  const auto address = ring::parse_listen_address(bind);
  return address && !address->is_loopback();
}

bool is_readable_by_others(const std::string& bind, const TlsConfig& tls, const ProxyConfig& proxy) {
  const bool has_proxies = proxy.protocol != ProxyProtocol::off || !proxy.trusted.empty();
  return is_exposed(bind) && tls.certificate_files.empty() && !has_proxies;
}

bool takes(const RouteConfig& route, std::string_view kind) { return std::ranges::find(route.auth, kind) != route.auth.end(); }

/// Whether it takes a credential that whoever reads it may use too.
bool takes_secrets(const RouteConfig& route) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"token", "basic", "hmac", "jwt"},
                             [&route](std::string_view kind) { return takes(route, kind); });
}

}  // namespace

std::vector<Exposure> exposures_of(const Config& config) {
  std::vector<Exposure> all;
  const auto exposed = std::ranges::find_if(config.listeners, is_exposed, &ListenerConfig::bind);
  if (exposed != config.listeners.end())
    for (const RouteConfig& route : config.routes)
      if (!route.enforce || takes(route, "none"))
        all.push_back({"whoever reaches this route may connect as any device", route.path, exposed->bind});
  const bool has_secrets = std::ranges::any_of(config.routes, takes_secrets);
  for (const ListenerConfig& listener : config.listeners)
    if (has_secrets && is_readable_by_others(listener.bind, listener.tls, listener.proxy))
      all.push_back({"credentials of devices travel without encryption", {}, listener.bind});
  const AdminConfig& admin = config.admin;
  if (admin.bind != "off" && !admin.token_files.empty() && is_readable_by_others(admin.bind, admin.tls, admin.proxy))
    all.push_back({"tokens of backends travel without encryption", {}, admin.bind});
  return all;
}

}  // namespace ringgate::server
