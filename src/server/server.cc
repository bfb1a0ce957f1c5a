// The gate as a whole: start, threads, drain, end. Pushes from outside are in server_push.cc.
#include "ringgate/server.h"

#include <pthread.h>
#include <ctime>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "config/check.h"
#include "config/event_room.h"
#include "dispatch/upstream.h"
#include "server/credential_files.h"
#include "server/exposure.h"
#include "server/idle_settings.h"
#include "server/preflight.h"
#include "server/server_parts.h"
#include "server/version.h"

namespace ringgate {

namespace {

StartError to_start_error(const ring::SetupError& error) {
  return {static_cast<ExitCode>(error.exit_code), error.cause, error.remedy};
}

ring::Features allowed_features(const ring::Features& probed, const RingConfig& config) {
  ring::Features features = probed;
  const auto mask = [](bool& feature, FeatureUse use) { feature = feature && use == FeatureUse::automatic; };
  mask(features.multishot_receive, config.multishot_receive);
  mask(features.direct_descriptors, config.direct_descriptors);
  mask(features.silent_sends, config.silent_sends);
  mask(features.incremental_buffers, config.incremental_buffers);
  mask(features.message_ring, config.message_ring);
  mask(features.unacked_command, config.unacked_command);
  mask(features.zero_copy_sends, config.zero_copy_sends);
  return features;
}

/// Names of the features that the kernel lacks, the self-test did not prove or the settings mask.
std::string missing_features(const ring::Features& features) {
  std::string names;
  for (const ring::NamedFeature& feature : ring::list(features))
    if (!feature.available) names.append(names.empty() ? "" : ",").append(feature.name);
  return names;
}

void pin_to(const std::vector<std::uint32_t>& cpus, std::size_t shard) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[shard % cpus.size()], &set);
  // If the CPU is unknown, the thread stays unpinned and the gate works nevertheless.
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
    log::warning("cannot pin shard", {{"shard", shard}, {"cpu", cpus[shard % cpus.size()]}});
}

void warn_of(const server::Exposure& exposure) {
  std::vector<log::Field> fields{{"address", exposure.address}};
  if (!exposure.path.empty()) fields.emplace_back("path", exposure.path);
  log::write(log::Level::warning, exposure.cause, fields);
}

}  // namespace

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
  stop_now();
  if (parts_->events != nullptr) parts_->events->stop();
}

std::expected<std::unique_ptr<Server>, StartError> Server::create(Config config) {
  if (auto faults = config::check_config(config); !faults.empty()) return std::unexpected(std::move(faults.front()));
  // On a thread of its own: a ring may, while it is torn down, still interrupt a system call of the thread that used it.
  const auto probed = std::async(std::launch::async, ring::probe).get();
  if (!probed) return std::unexpected(to_start_error(probed.error()));
  auto parts = std::make_unique<Parts>();
  parts->features = allowed_features(*probed, config.ring);

  parts->config_given = config;
  config::LoadedConfig loaded{std::move(config), {}};
  // A number other than the default was set by the program. If it does not fit, it is refused, not lowered.
  if (loaded.config.limits.connections_max != LimitsConfig{}.connections_max)
    loaded.origins["limits.max_connections"] = "the program";
  const auto fit = server::preflight(loaded, parts->features.direct_descriptors);
  if (!fit) return std::unexpected(fit.error());
  parts->warning = fit->warning;
  parts->config = std::move(loaded.config);
  parts->sockets_per_shard = static_cast<std::uint32_t>(fit->sockets_per_shard);
  parts->log.emplace(parts->config.log.level, parts->config.log.format);

  for (const RouteConfig& route : parts->config.routes)
    parts->mounts.push_back({route.path, parts->built_in_handler(route.handler)});
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

void Server::mount(std::string_view path, Handler& handler) {
  RINGGATE_ASSERT(!parts_->start_tried);
  const auto found = std::ranges::find(parts_->mounts, path, &dispatch::DeviceSettings::Mount::path);
  if (found != parts_->mounts.end()) {
    found->handler = &handler;
    return;
  }
  parts_->serve_route({.path = std::string(path)}, &handler);
}

void Server::mount(const RouteConfig& route, Handler& handler) {
  mount(route.path, handler);
  RouteConfig& settings = *std::ranges::find(parts_->config.routes, route.path, &RouteConfig::path);
  settings = route;
  settings.handler = RouteConfig{}.handler;
}

void Server::Parts::serve_route(const RouteConfig& route, Handler* handler) {
  config.routes.push_back(route);
  mounts.push_back({route.path, handler});
}

std::expected<void, StartError> Server::start() {
  Parts& p = *parts_;
  if (std::exchange(p.start_tried, true))
    return std::unexpected(StartError{ExitCode::fault, "this server was started before", "create another server"});
  if (p.mounts.empty()) p.serve_route({}, &p.echo);
  // Again, because `mount` may have added routes.
  if (auto faults = config::check_config(p.config); !faults.empty()) return std::unexpected(std::move(faults.front()));
  for (const auto& mount : p.mounts)
    if (mount.handler == nullptr)
      return std::unexpected(StartError{ExitCode::bad_configuration, "no handler is mounted for the route " + mount.path,
                                        "set handler = \"echo\" or \"drop\", or mount a handler in the embedding program"});
  auto loaded = server::load_certificates(p.config, std::time(nullptr));
  if (!loaded.faults.empty()) return std::unexpected(std::move(loaded.faults.front()));
  p.certificates = std::move(loaded.certificates);
  p.file_marks = server::mark_secret_files(p.config);
  auto verifiers = server::load_verifiers(p.config.auth);
  if (!verifiers) return std::unexpected(std::move(verifiers.error()));
  p.admin_settings = admin::settings_of(p.config, server::version());
  if (p.config.cluster.engine != ClusterEngine::none) p.admin_settings.cluster = &p.cluster_counters;
  if (auto made = p.make_webhooks(); !made) return made;
  p.settings = std::make_unique<dispatch::DeviceSettings>(p.config, p.mounts, *verifiers);
  p.admin_settings.started_at = static_cast<TimeNs>(std::chrono::steady_clock::now().time_since_epoch().count());
  auto tokens = server::load_admin_tokens(p.config.admin);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  p.use_admin_tokens(std::move(*tokens));
  if (auto opened = p.open_shards(); !opened) return opened;
  if (auto made = p.make_cluster(); !made) {
    p.shards.clear();
    return made;
  }
  p.use_companions_if_wanted(p.config);
  p.want_events(p.config);
  if (p.hook_thread != nullptr) p.feed_webhooks();
  p.show_certificates();
  p.warn_of(**verifiers);
  p.register_reloadable_parts();
  if (auto opened = p.open_listeners(); !opened) {
    p.shards.clear();
    return opened;
  }
  if (auto started = p.start_threads(); !started) return started;
  if (p.hook_thread != nullptr) p.hook_thread->start();
  if (p.bridge != nullptr) p.bridge->start();
  if (p.warning) log::warning(*p.warning);
  for (const server::Exposure& each : server::exposures_of(p.config)) warn_of(each);
  p.warn_of_idle_settings();
  p.warn_of_certificates();
  p.gate->ready.store(true, std::memory_order_release);
  p.started.store(true, std::memory_order_release);
  // After that, so that whoever waits for these lines may reload.
  for (const std::string& address : p.device_addresses) log::info("listening", {{"listener", "devices"}, {"address", address}});
  if (!p.admin_address.empty()) log::info("listening", {{"listener", "admin"}, {"address", p.admin_address}});
  return {};
}

std::expected<void, StartError> Server::Parts::open_shards() {
  const auto count = static_cast<std::uint32_t>(config.server.shards_count);
  ring::RingOptions options;
  options.allowed = features;
  options.sockets_max = sockets_per_shard;
  options.incremental_buffers_count = static_cast<std::uint32_t>(config.ring.buffers_count);
  options.incremental_buffer_bytes = static_cast<std::uint32_t>(config.ring.buffer_bytes);
  options.classic_buffers_count = static_cast<std::uint32_t>(config.ring.whole_buffers_count);
  options.classic_buffer_bytes = static_cast<std::uint32_t>(config.ring.whole_buffer_bytes);
  options.busy_poll = config.ring.busy_poll_ns;

  off_shard.emplace(count, [this](std::uint8_t shard) { ring::Ring::wake_from_any_thread(gate->doorbells[shard]); });
  open_events(count);
  for (std::uint32_t index = 0; index < count; ++index) {
    counters_view.push_back(&counters.emplace_back());
  }
  for (std::uint32_t index = 0; index < count; ++index) {
    auto ring = ring::Ring::open(options);
    if (!ring) {
      shards.clear();
      return std::unexpected(to_start_error(ring.error()));
    }
    if (index == 0) {
      device::KeyedHash::Secret secret;
      (*ring)->random(secret);
      gate = std::make_unique<dispatch::GateState>(count, config.limits, secret);
    }
    const server::ShardPlan plan{*settings,
                                 admin_settings,
                                 *gate,
                                 counters_view,
                                 sockets_per_shard,
                                 {.access = &access,
                                  .reload = &reload_gate,
                                  .off_shard = &*off_shard,
                                  .events = events.get(),
                                  .shard = static_cast<std::uint8_t>(index)},
                                 events.get()};
    shards.emplace_back(static_cast<std::uint8_t>(index), plan, std::move(*ring), counters[index]);
  }
  return {};
}

void Server::Parts::open_events(std::uint32_t shards_count) {
  std::vector<std::string> paths;
  for (const auto& mount : mounts) paths.push_back(mount.path);
  events = std::make_unique<events::EventHub>(events::EventHub::Options{
      .shards_count = shards_count,
      .ring_bytes = config.events.ring_bytes,
      .log_bytes = config.events.log_bytes,
      .boot = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()),
      .routes = std::move(paths),
      .wake =
          [this](std::uint8_t shard) {
            if (gate->mailboxes.must_ring(shard)) ring::Ring::wake_from_any_thread(gate->doorbells[shard]);
          },
      .clock = [] { return static_cast<TimeNs>(std::chrono::steady_clock::now().time_since_epoch().count()); },
      .readers_max = config.events.readers_max,
      .heartbeat = config.events.heartbeat_ns,
      .stall_max = config.limits.send_timeout_ns});
}

/// Routes with sinks and webhooks with types want events from the start; else the first reader does.
void Server::Parts::want_events(const Config& fresh) {
  std::uint64_t patient_sinks = 0;
  std::uint64_t record_bytes = 0;
  for (const RouteConfig& route : fresh.routes) {
    if (route.on_overflow != OverflowPolicy::pause) continue;
    patient_sinks |= dispatch::sinks_of(route, fresh.webhooks);
    record_bytes = std::max(record_bytes, config::event_bytes_max(fresh, route));
  }
  events->set_patience(patient_sinks, record_bytes);
  if (std::ranges::any_of(fresh.routes, [](const RouteConfig& route) { return !route.upstream.empty(); }) ||
      std::ranges::any_of(fresh.webhooks, [](const WebhookConfig& webhook) { return !webhook.events.empty(); }))
    events->want();
}

std::expected<void, StartError> Server::Parts::open_listeners() {
  std::uint32_t index = 0;
  for (const ListenerConfig& listener : config.listeners) {
    auto bound = listen_everywhere(index++, listener.bind, listener.dual_stack);
    if (!bound) return std::unexpected(bound.error());
    device_addresses.push_back(*bound);
  }
  if (config.admin.bind != "off") {
    auto bound = listen_everywhere(index++, config.admin.bind, config.admin.dual_stack);
    if (!bound) return std::unexpected(bound.error());
    admin_address = *bound;
  }
  for (server::Shard& shard : shards) {
    auto tls = server::make_contexts(certificates);
    if (!tls) return std::unexpected(std::move(tls.error()));
    shard.serve_listeners(static_cast<std::uint32_t>(config.listeners.size()), config.admin.bind == "off" ? 0 : 1, backlog(),
                          std::move(*tls));
  }
  return {};
}

/// Binds the address on every shard. With port 0, all shards use the port that the first one got. A Unix socket they share.
std::expected<std::string, StartError> Server::Parts::listen_everywhere(std::uint32_t index, const std::string& bind,
                                                                        bool dual_stack) {
  auto address = ring::parse_listen_address(bind);
  if (!address)
    return std::unexpected(StartError{ExitCode::bad_configuration, address.error(), "correct listener.bind or admin.bind"});
  address->dual_stack = dual_stack;
  if (const auto is_free = ring::check_address_free(*address); !is_free) return std::unexpected(to_start_error(is_free.error()));
  const ring::ListenOptions options{.backlog = static_cast<int>(backlog()), .user_timeout = config.limits.tcp_user_timeout_ns};
  for (server::Shard& shard : shards) {
    if (address->is_unix() && &shard != &shards.front()) {
      const auto shared = shard.ring().share_listener(index, shards.front().ring());
      if (!shared) return std::unexpected(to_start_error(shared.error()));
      continue;
    }
    const auto bound = shard.ring().listen(index, *address, options);
    if (!bound) return std::unexpected(to_start_error(bound.error()));
    address = *bound;
    if (address->is_unix()) socket_files.emplace_back(*address);
  }
  return address->text();
}

std::expected<void, StartError> Server::Parts::start_threads() {
  std::vector<std::future<std::expected<void, ring::SetupError>>> bound;
  ended.reset(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    std::promise<std::expected<void, ring::SetupError>> promise;
    bound.push_back(promise.get_future());
    threads.emplace_back([this, index, announce = std::move(promise)]() mutable {
      pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index)).c_str());
      pin_to(config.server.cpus, index);
      const auto result = shards[index].ring().start_on_this_thread();
      announce.set_value(result);
      if (result) shards[index].run();
      ended.note_end(index);
    });
  }
  std::expected<void, StartError> outcome;
  for (auto& future : bound)
    if (const auto result = future.get(); !result) outcome = std::unexpected(to_start_error(result.error()));
  if (!outcome) {
    gate->stopping.store(true, std::memory_order_release);
    wake_all();
    threads.clear();  // joins
    return outcome;
  }
  const std::string missing = missing_features(features);
  log::info("ring features", {{"shards", shards.size()}, {"without", missing.empty() ? "none" : missing}});
  return {};
}

void Server::Parts::use_companions_if_wanted(const Config& fresh) {
  const bool wanted =
      std::ranges::any_of(fresh.routes, [](const RouteConfig& route) { return route.duplicate == DuplicatePolicy::allow; });
  if (wanted) gate->companions.use();
}

void Server::Parts::warn_of(const auth::Verifiers& verifiers) {
  for (const std::string& text : verifiers.warnings) log::warning(text);
}

void Server::Parts::show_certificates() {
  auto facts = server::facts_of(certificates);
  if (!facts.empty()) gate->certificates.store(std::make_shared<const std::vector<tls::CertificateFacts>>(std::move(facts)));
}

void Server::Parts::warn_of_idle_settings() const {
  for (const server::IdleSetting& each : server::idle_settings_of(config_in_force))
    log::warning("setting does nothing", {{"key", each.key}, {"cause", each.cause}, {"remedy", each.remedy}});
}

void Server::Parts::warn_of_certificates() const {
  const std::int64_t now = std::time(nullptr);
  for (const auto& each : server::ending_soon(server::facts_of(certificates), now))
    log::warning("a certificate expires soon",
                 {{"listener", each.listener}, {"file", each.file}, {"days_left", (each.expires - now) / 86'400}});
}

std::vector<std::string> Server::device_addresses() const { return parts_->device_addresses; }
std::string Server::admin_address() const { return parts_->admin_address; }

// -- The end

void Server::Parts::wake_all() {
  for (const ring::Ring::Doorbell& doorbell : gate->doorbells) ring::Ring::wake_from_any_thread(doorbell);
}

Server::Time Server::drain(Grace grace) {
  Parts& p = *parts_;
  if (!p.started.load(std::memory_order_acquire) || p.threads.empty()) return std::chrono::steady_clock::now();
  const DurationNs wait = grace == Grace::respected ? p.config.drain.grace_ns : 0;
  const TimeNs wanted = p.shards.front().ring().now() + wait;
  // A later call can only make the drain earlier.
  TimeNs drain_at = p.gate->drain_at.load(std::memory_order_acquire);
  if (drain_at == 0 || wanted < drain_at) {
    p.gate->ready.store(false, std::memory_order_release);
    p.gate->drain_at.store(drain_at = wanted, std::memory_order_release);
    log::info("draining", {{"grace_ms", wait / nanoseconds_per_millisecond}});
    p.wake_all();
  }
  // The ring's clock is the steady clock.
  return Time(std::chrono::nanoseconds(drain_at + server::ShardDrain::bound(p.config)));
}

void Server::wait() { (void)wait(Time::max()); }

Server::Waited Server::wait(Time deadline) {
  Parts& p = *parts_;
  std::vector<std::uint32_t> running = p.ended.wait(deadline);
  if (!running.empty()) return {.running = std::move(running)};
  p.threads.clear();  // joins
  // Before leftovers are answered: their answers make pushes.
  if (p.hook_thread != nullptr && !p.end_webhooks(deadline)) return {};
  if (p.gate != nullptr) p.answer_leftovers();
  return {.has_ended = true};
}

/// No shard runs any more. All who still wait for a result get `closing`; later posts are refused with it.
void Server::Parts::answer_leftovers() {
  gate->closed.store(true);
  while (gate->posters.load() > 0) std::this_thread::yield();
  if (bridge != nullptr) bridge->stop();
  bool more = true;
  while (more) {
    more = false;
    for (server::Shard& shard : shards) more = shard.close_down() || more;
  }
}

void Server::stop() {
  drain(Grace::skipped);
  wait();
}

void Server::stop_now() {
  // Webhooks may still be sent what is queued when no shard runs any more.
  if (parts_->threads.empty() && (parts_->hook_thread == nullptr || !parts_->hook_thread->is_running())) return;
  parts_->gate->stopping.store(true, std::memory_order_release);
  parts_->wake_all();
  wait();
}

}  // namespace ringgate
