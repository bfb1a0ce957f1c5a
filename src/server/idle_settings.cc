#include "server/idle_settings.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>

#include "hooks/receiver_address.h"
#include "http/host_name.h"
#include "http/uri.h"

namespace ringgate::server {
namespace {

bool lists(const std::vector<std::string>& list, std::string_view text) { return std::ranges::find(list, text) != list.end(); }

/// The host of a URL that is valid as a setting; an IPv6 address without its brackets.
std::string host_of_url(std::string_view url) {
  const std::string_view rest = url.substr(std::min(http::scheme_of(url).size() + 3, url.size()));
  std::string host(http::host_of(rest.substr(0, rest.find_first_of("/?"))));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

/// Whether a receiver's address is known to be local without DNS. `127.1` is an address too.
bool is_local_host(const std::string& host) {
  if (http::is_loopback_name(host)) return true;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (host.empty() || getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  const bool is_local = hooks::is_local(*found->ai_addr);
  freeaddrinfo(found);
  return is_local;
}

class IdleSettings {
 public:
  explicit IdleSettings(const Config& config) : config_(config) {}

  std::vector<IdleSetting> find() {
    for (std::size_t i = 0; i < config_.webhooks.size(); ++i) look_at_webhook(i);
    for (std::size_t i = 0; i < config_.routes.size(); ++i) look_at_route(i);
    if (!has_admin_port()) look_at_events();
    look_at_cluster();
    return std::move(found_);
  }

 private:
  void look_at_webhook(std::size_t i) {
    const WebhookConfig& webhook = config_.webhooks[i];
    if (!webhook.local_allowed && is_local_host(host_of_url(webhook.url)))
      add(fmt::format("webhook.{}.url", i), "the address is loopback or link-local, so each request to it is refused",
          fmt::format("set webhook.{}.allow_local = true, if that is meant", i));
    if (webhook.events.empty() && !is_named(webhook.name))
      add(fmt::format("webhook.{}.events", i), "the webhook has none, and no route names it, so nothing is sent to it",
          fmt::format("give webhook.{}.events, or name it in route.N.upstream (\"webhook:{}\") or route.N.connect_hook", i,
                      webhook.name));
    if (!webhook.authority_file.empty() && http::scheme_of(webhook.url) == "http")
      add(fmt::format("webhook.{}.ca", i), "the URL is http, so no certificate is checked",
          "write https in the URL, or leave ca out");
  }

  void look_at_cluster() {
    const ClusterConfig& cluster = config_.cluster;
    if (cluster.engine == ClusterEngine::none && cluster != ClusterConfig{})
      add("cluster.engine", "it is none, so nothing else of cluster is used",
          "set cluster.engine = \"nats\", or leave the others out");
  }

  void look_at_route(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    const auto key = [i](std::string_view name) { return fmt::format("route.{}.{}", i, name); };
    if (lists(route.upstream, "events") && !has_admin_port())
      add(key("upstream"), "the admin port is off, so nobody can read the events", R"(set admin.bind, or leave "events" out)");
    if (route.on_overflow != OverflowPolicy::drop && route.upstream.empty())
      add(key("on_overflow"), "the route has no upstream that could overflow", "give upstream, or leave on_overflow out");
    if (route.duplicate != DuplicatePolicy::allow && route.connections_max != RouteConfig{}.connections_max)
      add(key("max_per_device"), "a device of the route has one connection",
          R"(set duplicate = "allow", or leave max_per_device out)");
    if (!route.correlation.empty() && !has_admin_port())
      add(key("correlation"), "the admin port is off, so no backend makes requests", "set admin.bind, or leave correlation out");
    if (!route.connect_hook.empty()) return;
    if (route.connect_hook_failure != ConnectHookFailure::refuse)
      add(key("connect_hook_failure"), no_hook, "give connect_hook, or leave connect_hook_failure out");
    if (!route.connect_hook_fields.empty())
      add(key("connect_hook_fields"), no_hook, "give connect_hook, or leave connect_hook_fields out");
  }

  void look_at_events() {
    constexpr std::string_view cause = "the admin port is off, so nobody can read the events";
    if (config_.events.readers_max != EventsConfig{}.readers_max) add("events.readers", cause, "set admin.bind, or leave it out");
    if (config_.events.heartbeat_ns != EventsConfig{}.heartbeat_ns)
      add("events.heartbeat", cause, "set admin.bind, or leave it out");
  }

  bool has_admin_port() const { return config_.admin.bind != "off"; }
  bool is_named(const std::string& webhook) const {
    return std::ranges::any_of(config_.routes, [&](const RouteConfig& route) {
      return route.connect_hook == webhook || lists(route.upstream, "webhook:" + webhook);
    });
  }
  void add(std::string key, std::string_view cause, std::string remedy) {
    found_.push_back({std::move(key), cause, std::move(remedy)});
  }

  static constexpr std::string_view no_hook = "the route has no connect hook";
  const Config& config_;
  std::vector<IdleSetting> found_;
};

}  // namespace

std::vector<IdleSetting> idle_settings_of(const Config& config) { return IdleSettings(config).find(); }

}  // namespace ringgate::server
