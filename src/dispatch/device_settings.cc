#include "dispatch/device_settings.h"

#include "dispatch/echo.h"

namespace ringgate::dispatch {

DeviceSettings::DeviceSettings(const Config& settings, std::vector<Mount> handlers)
    : config(settings),
      head_rules{.head_bytes_max = static_cast<std::uint16_t>(settings.limits.head_bytes_max),
                 .fields_max = static_cast<std::uint16_t>(settings.limits.fields_max),
                 .query = http::QueryRule::as_browsers_send,
                 .methods = http::methods_mask({http::Method::get})},
      mounts(std::move(handlers)) {
  for (Mount& mount : mounts) mount.is_echo = dynamic_cast<const EchoHandler*>(mount.handler) != nullptr;
  for (const RouteConfig& route : config.routes) {
    const auto& origins = lists.emplace_back(route.allowed_origins.begin(), route.allowed_origins.end());
    const auto& subprotocols = lists.emplace_back(route.subprotocols.begin(), route.subprotocols.end());
    routes.push_back({.path = route.path,
                      .origin = {route.origin, origins},
                      .subprotocols = subprotocols,
                      .deflate = {.enabled = route.deflate.enabled,
                                  .context_takeover = route.deflate.context_takeover,
                                  .window_bits = static_cast<std::uint8_t>(route.deflate.window_bits)}});
  }
  for (const std::string& text : config.device.id_from)
    if (const auto source = admission::parse_id_source(text)) id_sources.push_back(*source);
}

}  // namespace ringgate::dispatch
