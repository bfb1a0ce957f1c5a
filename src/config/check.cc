#include "config/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "admission/presented.h"
#include "base/time.h"
#include "config/event_room.h"
#include "config/table.h"
#include "ring/ring.h"

namespace ringgate::config {
namespace {

StartError fault(const std::string& where, const Complaint& complaint) {
  return {ExitCode::bad_configuration, where + ": " + complaint.cause, complaint.remedy};
}

/// Compares values with one another and collects the faults.
class Relations {
 public:
  Relations(const Config& config, const Origins& origins) : config_(config), origins_(origins) {}

  ConfigFaults check() {
    if (config_.limits.reassembly_bytes_max < config_.limits.message_bytes_max) {
      add("limits.reassembly_memory", {"a message of limits.max_message does not fit", "give at least limits.max_message"});
    }
    for (std::size_t i = 0; i < config_.routes.size(); ++i) check_route(i);
    for (std::size_t i = 0; i < config_.webhooks.size(); ++i) check_webhook(i);
    check_cluster();
    check_exposure();
    check_byte_rate("limits.byte_rate", config_.limits.bytes_per_second);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) check_listener(i);
    if (std::ranges::find(config_.listeners, config_.admin.bind, &ListenerConfig::bind) != config_.listeners.end() &&
        names_one_place(config_.admin.bind)) {
      add("admin.bind",
          {fmt::format("{} is a listener's, too", config_.admin.bind), "bind the admin port elsewhere, or \"off\""});
    }
    check_tls("admin", config_.admin.tls);
    check_proxy("admin", config_.admin.proxy);
    check_admin_access();
    if (config_.admin.dual_stack && !config_.admin.bind.starts_with('[')) add("admin.dual_stack", not_ipv6(config_.admin.bind));
    return std::move(faults_);
  }

 private:
  void check_route(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    const auto end = config_.routes.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::ranges::find(config_.routes.begin(), end, route.path, &RouteConfig::path) != end) {
      add(fmt::format("route.{}.path", i),
          {fmt::format("{} is the path of another route", printable(route.path)), "give each route its own path"});
    }
    if (std::ranges::find(route.id_from, "path") != route.id_from.end() && !route.path.contains("{id}")) {
      add(fmt::format("route.{}.id_from", i), {"the path has no {id}", "write {id} in route.path, or leave \"path\" out"});
    }
    check_upstream(i);
    check_credentials(i);
    check_hooks(i);
    check_route_limit(i, "max_message", route.limits.message_bytes_max, config_.limits.message_bytes_max);
    check_route_limit(i, "send_queue", route.limits.send_queue_bytes_max, config_.limits.send_queue_bytes_max);
    check_byte_rate(fmt::format("route.{}.byte_rate", i), route.bytes_per_second);
    if (route.origin == OriginPolicy::list && route.allowed_origins.empty()) {
      add(fmt::format("route.{}.origin", i), {"\"list\" without allowed_origins accepts no origin", "give allowed_origins"});
    }
    if (route.origin != OriginPolicy::list && !route.allowed_origins.empty()) {
      add(fmt::format("route.{}.allowed_origins", i), {"the list is not used", "set origin = \"list\""});
    }
  }

  /// The largest message of a route with sinks must find room in an empty ring.
  void check_upstream(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    if (route.upstream.empty()) return;
    if (2 * event_bytes_max(config_, route) <= config_.events.ring_bytes) return;
    add(fmt::format("route.{}.upstream", i), {"events.ring is less than twice the largest message of this route, and 64 KiB",
                                              fmt::format("raise events.ring, or lower route.{}.limits.max_message", i)});
  }

  /// Each kind of credential needs what it is checked against, and each proven id its kind.
  void check_credentials(std::size_t i) {
    struct Need {
      std::string_view kind;
      bool is_met;
      std::string_view remedy;
    };
    const AuthConfig& auth = config_.auth;
    const bool sees_certificates = std::ranges::any_of(
        config_.listeners, [](const ListenerConfig& listener) { return listener.tls.client != ClientCertificates::off; });
    const std::array<Need, 5> needs{{{"mtls", sees_certificates, "set listener.tls.client"},
                                     {"token", !auth.token_file.empty(), "set auth.token.tokens"},
                                     {"basic", !auth.password_file.empty(), "set auth.basic.users"},
                                     {"hmac", !auth.url_key_file.empty(), "set auth.hmac.keys"},
                                     {"jwt", !auth.jwt.key_files.empty(), "set auth.jwt.keys"}}};
    const RouteConfig& route = config_.routes[i];
    const auto takes = [&](std::string_view kind) { return std::ranges::find(route.auth, kind) != route.auth.end(); };
    for (const Need& need : needs)
      if (takes(need.kind) && !need.is_met)
        add(fmt::format("route.{}.auth", i),
            {fmt::format("\"{}\" has nothing to be checked against", need.kind), std::string(need.remedy)});
    for (const std::string& source : route.id_from) {
      const std::string kind = source.starts_with("tls:") ? "mtls" : source.substr(0, source.find(':'));
      if ((kind == "basic" || kind == "jwt" || kind == "mtls") && !takes(kind))
        add(fmt::format("route.{}.id_from", i),
            {fmt::format("\"{}\" needs the credential \"{}\"", source, kind), fmt::format("add \"{}\" to route.auth", kind)});
    }
    for (const std::string& subprotocol : route.subprotocols)
      if (subprotocol.starts_with(admission::token_subprotocol_prefix))
        add(fmt::format("route.{}.subprotocols", i),
            {fmt::format("\"{}\" would be taken for a credential", subprotocol), "give the subprotocol another name"});
  }

  /// Webhooks that a route names must be there.
  void check_hooks(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    const auto is_there = [&](std::string_view name) {
      return std::ranges::find(config_.webhooks, name, &WebhookConfig::name) != config_.webhooks.end();
    };
    constexpr std::string_view prefix = "webhook:";
    for (const std::string& sink : route.upstream)
      if (sink.starts_with(prefix) && !is_there(std::string_view(sink).substr(prefix.size())))
        add(fmt::format("route.{}.upstream", i),
            {fmt::format("there is no webhook for \"{}\"", sink), "add a [[webhook]] of that name"});
    if (!route.connect_hook.empty() && !is_there(route.connect_hook))
      add(fmt::format("route.{}.connect_hook", i),
          {fmt::format("there is no webhook \"{}\"", route.connect_hook), "add a [[webhook]] of that name"});
  }

  void check_cluster() {
    const ClusterConfig& cluster = config_.cluster;
    if (cluster.user.empty() != cluster.password_file.empty())
      add(cluster.user.empty() ? "cluster.password_file" : "cluster.user",
          {"user and password_file go together", "give both, or neither"});
    if (cluster.certificate_file.empty() != cluster.key_file.empty())
      add(cluster.key_file.empty() ? "cluster.cert" : "cluster.key", {"cert and key go together", "give both, or neither"});
  }

  void check_webhook(std::size_t i) {
    const WebhookConfig& webhook = config_.webhooks[i];
    const auto end = config_.webhooks.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::ranges::find(config_.webhooks.begin(), end, webhook.name, &WebhookConfig::name) != end)
      add(fmt::format("webhook.{}.name", i),
          {fmt::format("{} is the name of another webhook", webhook.name), "give each webhook its own name"});
    if (webhook.url.empty()) add(fmt::format("webhook.{}.url", i), {"there is nobody to send to", "give url"});
    if (webhook.retry_min_ns > webhook.retry_max_ns)
      add(fmt::format("webhook.{}.retry_min", i), {"it is above retry_max", "lower it, or raise retry_max"});
  }

  /// Off loopback, somebody must have said that everybody may connect.
  void check_exposure() {
    const auto exposed = std::ranges::find_if(config_.listeners, [](const ListenerConfig& listener) {
      const auto address = ring::parse_listen_address(listener.bind);
      return address && !address->is_loopback();
    });
    if (exposed == config_.listeners.end()) return;
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      if (!config_.routes[i].auth.empty()) continue;
      add(fmt::format("route.{}.auth", i),
          {fmt::format("whoever reaches {} could connect to {} as any device", exposed->bind, config_.routes[i].path),
           fmt::format(
               "name the credentials that devices have, or set auth = [\"none\"] (--set route.{}.auth=none) if that is meant",
               i)});
    }
  }

  /// With port 0 the kernel gives each listener another one.
  static bool names_one_place(const std::string& bind) { return !bind.ends_with(":0") || bind.starts_with("unix:"); }

  /// Memory is reckoned by the gate's limits.
  void check_route_limit(std::size_t i, std::string_view name, std::uint64_t bytes, std::uint64_t of_gate) {
    if (bytes == inherited || bytes <= of_gate) return;
    add(fmt::format("route.{}.limits.{}", i, name),
        {fmt::format("it is above limits.{}", name), fmt::format("raise limits.{}, or give at most as much here", name)});
  }

  /// A device that is closed beyond its rate must be able to send the largest message at once.
  void check_byte_rate(const std::string& path, std::uint64_t bytes_per_second) {
    const LimitsConfig& limits = config_.limits;
    if (limits.rate_policy == RatePolicy::pause || bytes_per_second == 0 || bytes_per_second == inherited) return;
    // Both in bytes per second and in milliseconds, so that the product has 64 bits.
    const std::uint64_t burst = bytes_per_second * (limits.rate_burst_ns / nanoseconds_per_millisecond) / 1000;
    if (burst >= limits.message_bytes_max) return;
    add(path, {"a device that sends one message of limits.max_message would be closed for it",
               "raise it or limits.rate_burst, lower limits.max_message, or set limits.rate_policy = \"pause\""});
  }

  void check_listener(std::size_t i) {
    const ListenerConfig& listener = config_.listeners[i];
    const auto end = config_.listeners.begin() + static_cast<std::ptrdiff_t>(i);
    const bool is_shared = std::ranges::find(config_.listeners.begin(), end, listener.bind, &ListenerConfig::bind) != end;
    if (is_shared && names_one_place(listener.bind)) {
      add(fmt::format("listener.{}.bind", i),
          {fmt::format("{} is the address of another listener", listener.bind), "give each listener its own address"});
    }
    check_tls(fmt::format("listener.{}", i), listener.tls);
    check_proxy(fmt::format("listener.{}", i), listener.proxy);
    if (listener.dual_stack && !listener.bind.starts_with('['))
      add(fmt::format("listener.{}.dual_stack", i), not_ipv6(listener.bind));
    if (std::ranges::find(config_.routes, listener.health_path, &RouteConfig::path) != config_.routes.end()) {
      add(fmt::format("listener.{}.health_path", i),
          {fmt::format("{} is the path of a route", listener.health_path), "give another path, or \"off\""});
    }
  }

  void check_tls(const std::string& section, const TlsConfig& tls) {
    const std::size_t certificates = tls.certificate_files.size();
    if (certificates != tls.key_files.size()) {
      add(section + (certificates > tls.key_files.size() ? ".tls.cert" : ".tls.key"),
          {fmt::format("{} certificate{} and {} key{}", certificates, certificates == 1 ? "" : "s", tls.key_files.size(),
                       tls.key_files.size() == 1 ? "" : "s"),
           "give one key for each certificate"});
    }
    check_client_certificates(section, tls);
  }

  void check_client_certificates(const std::string& section, const TlsConfig& tls) {
    const bool is_asked = tls.client != ClientCertificates::off;
    const auto unused = [&](const std::string& key) {
      add(section + key, {"the files are not used while tls.client is \"off\"", "set tls.client, or leave them out"});
    };
    if (is_asked && tls.certificate_files.empty())
      add(section + ".tls.client",
          {"without TLS no client shows a certificate", "give tls.cert and tls.key, or leave it \"off\""});
    if (is_asked && tls.client_authority_files.empty())
      add(section + ".tls.client_ca", {"nobody is trusted to issue certificates of clients", "give tls.client_ca"});
    if (!is_asked && !tls.client_authority_files.empty()) unused(".tls.client_ca");
    if (!is_asked && !tls.client_revocation_files.empty()) unused(".tls.crl");
  }

  void check_proxy(const std::string& section, const ProxyConfig& proxy) {
    if (proxy.protocol != ProxyProtocol::off && proxy.trusted.empty())
      add(section + ".proxy_protocol", {"without trusted_proxies every connection is refused", "give trusted_proxies"});
    if (proxy.forwarded != ForwardedField::automatic && proxy.forwarded != ForwardedField::off && proxy.trusted.empty())
      add(section + ".forwarded", {"without trusted_proxies nobody is believed", "give trusted_proxies"});
  }

  /// Off loopback something must tell callers apart from strangers.
  void check_admin_access() {
    const AdminConfig& admin = config_.admin;
    if (admin.bind == "off" || admin.bind.starts_with("unix:") || !admin.token_files.empty()) return;
    if (admin.tls.client == ClientCertificates::required) return;
    const auto address = ring::parse_listen_address(admin.bind);
    if (!address || address->is_loopback()) return;
    add("admin.bind", {fmt::format("{} is not a loopback address, and nothing keeps strangers from the admin port", admin.bind),
                       "give admin.tokens or admin.tls.client = \"required\", or bind a loopback address"});
  }

  static Complaint not_ipv6(const std::string& bind) {
    return {fmt::format("{} is not an IPv6 address", bind), "bind \"[::]:PORT\", or leave dual_stack out"};
  }

  /// Adds a fault of the key `path`, with the source of its value.
  void add(const std::string& path, const Complaint& complaint) {
    const auto origin = origins_.find(path);
    faults_.push_back(fault(origin == origins_.end() ? path : origin->second + ": " + path, complaint));
  }

  const Config& config_;
  const Origins& origins_;
  ConfigFaults faults_;
};

/// Checks the number of entries of a section. There may be no route: a program can mount its own. Webhooks are optional.
void check_count(const RepeatedSection& section, const Config& config, ConfigFaults& faults) {
  const std::size_t count = section.count(config);
  const std::size_t least = section.name == "listener" ? 1 : 0;
  if (count >= least && count <= section.entries_max) return;
  faults.push_back(fault(std::string(section.name), {fmt::format("{} entries are out of range", count),
                                                     fmt::format("give {} to {}", least, section.entries_max)}));
}

void check_values(const Config& config, ConfigFaults& faults) {
  for (const RepeatedSection& section : repeated_sections()) check_count(section, config, faults);
  for (const Key& key : keys()) {
    const RepeatedSection* const section = find_repeated(key.section());
    const std::size_t entries = section == nullptr ? 1 : std::min(section->count(config), section->entries_max);
    for (std::size_t i = 0; i < entries; ++i) {
      if (const auto checked = key.check(key, config, i); !checked) faults.push_back(fault(path_of({&key, i}), checked.error()));
    }
  }
}

}  // namespace

ConfigFaults check_relations(const Config& config, const Origins& origins) { return Relations(config, origins).check(); }

ConfigFaults check_config(const Config& config) {
  ConfigFaults faults;
  check_values(config, faults);
  return faults.empty() ? check_relations(config, {}) : faults;
}

}  // namespace ringgate::config
