#include "admin/admin_settings.h"

#include <algorithm>

#include "ring/ring.h"

namespace ringgate::admin {
namespace {

/// On loopback the Host is always judged, because callers need no credential there. Elsewhere it is judged if names are listed; on a
/// Unix socket too, which no web page can reach.
bool judges_host(const AdminConfig& config) {
  const auto address = ring::parse_listen_address(config.bind);
  return !config.allowed_hosts.empty() || (address && address->is_loopback() && !address->is_unix());
}

IdCharacters widest_id_characters(const Config& config) {
  auto widest = IdCharacters::strict;
  for (const RouteConfig& route : config.routes) widest = std::max(widest, route.id_characters);
  return widest;
}

}  // namespace

AdminSettings settings_of(const Config& config, std::string version) {
  AdminSettings settings{.judges_host = judges_host(config.admin),
                         .allowed_hosts = config.admin.allowed_hosts,
                         .connections_max = config.admin.connections_max,
                         .body_bytes_max = config.limits.push_bytes_max,
                         .id_characters = widest_id_characters(config),
                         .head_rules = {.head_bytes_max = static_cast<std::uint16_t>(config.limits.head_bytes_max),
                                        .fields_max = static_cast<std::uint16_t>(config.limits.fields_max)},
                         .head_timeout = config.limits.handshake_timeout_ns,
                         .send_timeout = config.limits.send_timeout_ns,
                         .port_name = config.admin.bind.starts_with("unix:") ? "unix" : "loopback",
                         .version = std::move(version),
                         .authenticating_max = config.limits.authenticating_max};
  for (const ListenerConfig& listener : config.listeners) settings.listener_binds.push_back(listener.bind);
  for (const RouteConfig& route : config.routes) settings.route_paths.push_back(route.path);
  return settings;
}

}  // namespace ringgate::admin
