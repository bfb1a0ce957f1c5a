#include "dispatch/device_settings.h"

#include <algorithm>

#include "dispatch/echo.h"
#include "dispatch/upstream.h"

namespace ringgate::dispatch {
namespace {

/// The route's own sources, else the gate's. An id in the path is always read.
std::vector<admission::IdSource> id_sources_of(const RouteConfig& route, const DeviceConfig& device) {
  std::vector<admission::IdSource> sources;
  if (admission::PathPattern(std::string_view{route.path}).has_id()) sources.push_back({admission::IdSource::Kind::path});
  for (const std::string& text : route.id_from.empty() ? device.id_from : route.id_from) {
    const auto source = admission::parse_id_source(text);
    if (source && source->kind != admission::IdSource::Kind::path) sources.push_back(*source);
  }
  return sources;
}

/// Empty if everybody may connect: then no credential is looked for.
std::vector<auth::Kind> credentials_of(const RouteConfig& route) {
  std::vector<auth::Kind> kinds;
  for (const std::string& word : route.auth)
    if (const auto kind = auth::parse_kind(word)) kinds.push_back(*kind);
  if (kinds == std::vector{auth::Kind::none}) kinds.clear();
  return kinds;
}

/// RFC 7617 section 2, RFC 6750 section 3. A signed URL, a client certificate and what a handler asks for have no scheme; RFC 9110 section
/// 15.5.2 wants one.
std::string challenges_of(const std::vector<auth::Kind>& kinds) {
  const auto takes = [&](auth::Kind kind) { return std::ranges::find(kinds, kind) != kinds.end(); };
  std::string fields;
  if (takes(auth::Kind::basic)) fields += "WWW-Authenticate: Basic realm=\"ringgate\"\r\n";
  if (takes(auth::Kind::token) || takes(auth::Kind::jwt)) fields += "WWW-Authenticate: Bearer realm=\"ringgate\"\r\n";
  if (fields.empty() && takes(auth::Kind::hmac)) fields = "WWW-Authenticate: Signed-URL realm=\"ringgate\"\r\n";
  if (fields.empty() && takes(auth::Kind::mtls)) fields = "WWW-Authenticate: Client-Certificate realm=\"ringgate\"\r\n";
  if (fields.empty()) fields = "WWW-Authenticate: Application realm=\"ringgate\"\r\n";
  return fields;
}

/// A message that does not compress gets larger: at most by zlib's bound for its smallest memory (deflateBound).
std::uint64_t compressed_bytes_max(std::uint64_t message_bytes_max) {
  return message_bytes_max + message_bytes_max / 8 + message_bytes_max / 64 + 64;
}

DeviceSettings::RouteLimits limits_of(const RouteConfig& config, const Config& settings, const Handler* handler) {
  const RouteLimitsConfig& route = config.limits;
  const LimitsConfig& gate = settings.limits;
  const auto pick = [](std::uint64_t own, std::uint64_t of_gate) { return own == inherited ? of_gate : own; };
  const ws::ReaderRules rules{.message_bytes_max = pick(route.message_bytes_max, gate.message_bytes_max),
                              .fragments_max = static_cast<std::uint32_t>(gate.fragments_max)};
  return {.rules = rules,
          .compressing_rules = {.message_bytes_max = rules.message_bytes_max,
                                .fragments_max = rules.fragments_max,
                                .compression = true,
                                .compressed_bytes_max = compressed_bytes_max(rules.message_bytes_max)},
          .send_queue_bytes_max = pick(route.send_queue_bytes_max, gate.send_queue_bytes_max),
          .idle_timeout = pick(route.idle_timeout_ns, gate.idle_timeout_ns),
          .message_timeout = pick(route.message_timeout_ns, gate.message_timeout_ns),
          .ping_interval = pick(route.ping_interval_ns, gate.ping_interval_ns),
          .pong_timeout = pick(route.pong_timeout_ns, gate.pong_timeout_ns),
          .lifetime = config.lifetime_ns,
          .sinks = sinks_of(config, settings.webhooks),
          .waits_for_sinks = config.on_overflow == OverflowPolicy::pause,
          .slow_policy = route.slow_policy == RouteSlowPolicy::inherit
                             ? gate.slow_policy
                             : static_cast<SlowPolicy>(static_cast<int>(route.slow_policy) - 1),
          .is_echo = config.upstream.empty() && dynamic_cast<const EchoHandler*>(handler) != nullptr};
}

}  // namespace

bool takes_long_to_check(std::span<const auth::Kind> credentials) {
  return std::ranges::any_of(credentials, [](auth::Kind kind) { return kind == auth::Kind::basic || kind == auth::Kind::jwt; });
}

DeviceSettings::DeviceSettings(const Config& settings, std::vector<Mount> handlers, std::shared_ptr<const auth::Verifiers> keys)
    : config(settings),
      head_rules{.head_bytes_max = static_cast<std::uint16_t>(settings.limits.head_bytes_max),
                 .fields_max = static_cast<std::uint16_t>(settings.limits.fields_max),
                 .query = http::QueryRule::as_browsers_send,
                 .methods = http::methods_mask({http::Method::get})},
      limit_rules(settings.limits),
      verifiers(std::move(keys)),
      mounts(std::move(handlers)) {
  for (const RouteConfig& route : config.routes) {
    correlations.push_back(CorrelationPointer::parse(route.correlation));
    limits.push_back(limits_of(route, config, mounts[limits.size()].handler));
    const auto& origins = lists.emplace_back(route.allowed_origins.begin(), route.allowed_origins.end());
    const auto& subprotocols = lists.emplace_back(route.subprotocols.begin(), route.subprotocols.end());
    const auto& kinds = credentials.emplace_back(credentials_of(route));
    lets_in = lets_in || !route.enforce;
    asks_for_credentials = asks_for_credentials || !kinds.empty();
    verifies = verifies || takes_long_to_check(kinds);
    routes.push_back({.path = std::string_view{route.path},
                      .id_sources = id_sources.emplace_back(id_sources_of(route, config.device)),
                      .id_characters = route.id_characters,
                      .credentials = kinds,
                      .enforces_credentials = route.enforce,
                      .challenges = challenges.emplace_back(challenges_of(kinds)),
                      .origin = {route.origin, origins},
                      .subprotocols = subprotocols,
                      .deflate = {.enabled = route.deflate.enabled,
                                  .context_takeover = route.deflate.context_takeover,
                                  .window_bits = static_cast<std::uint8_t>(route.deflate.window_bits)}});
  }
}

}  // namespace ringgate::dispatch
