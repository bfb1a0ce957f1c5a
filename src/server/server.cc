// The gate as a whole: start in an order that can fail cleanly, threads, pushes from outside, drain.
#include "ringgate/server.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "admin/admin_session.h"
#include "base/assert.h"
#include "base/log.h"
#include "dispatch/echo.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"
#include "server/preflight.h"
#include "server/shard.h"
#include "server/version.h"
#include "ws/prepared_message.h"

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
  return features;
}

std::uint64_t descriptors_max() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

void pin_to(const std::vector<std::uint32_t>& cpus, std::size_t shard) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[shard % cpus.size()], &set);
  // An unknown CPU leaves the thread where it is; the gate works all the same.
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
    log::warning("cannot pin shard", {{"shard", shard}, {"cpu", cpus[shard % cpus.size()]}});
}

}  // namespace

struct Server::Parts {
  Config config;
  std::vector<dispatch::DeviceSettings::Mount> mounts;
  dispatch::EchoHandler echo;
  ring::Features features;
  std::uint32_t sockets_per_shard = 0;
  std::optional<std::string> warning;

  std::unique_ptr<dispatch::DeviceSettings> settings;
  admin::AdminSettings admin_settings;
  std::unique_ptr<dispatch::GateState> gate;
  std::deque<ShardCounters> counters;
  std::vector<const ShardCounters*> counters_view;
  std::deque<server::Shard> shards;
  std::vector<std::jthread> threads;
  std::vector<std::string> device_addresses;
  std::string admin_address;

  std::expected<void, StartError> open_shards();
  std::expected<void, StartError> open_listeners();
  std::expected<std::string, StartError> listen_everywhere(std::uint32_t index, const std::string& bind);
  std::expected<void, StartError> start_threads();
  /// A burst the table could not take would be dropped by the kernel: a small table listens with a small backlog.
  std::uint32_t backlog() const {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(config.limits.accept_backlog, std::max(limits::spare_slots_per_shard, sockets_per_shard / 4)));
  }
  void wake_all();
  /// Takes `task` if it returns delivered; else backpressure (the shard's inlet is full) or closing.
  PushOutcome post(std::uint32_t shard, dispatch::Request request, std::unique_ptr<dispatch::OutsideTask>& task);
  void answer_leftovers();
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { stop_now(); }

std::expected<std::unique_ptr<Server>, StartError> Server::create(Config config) {
  // On a thread of its own: a ring that was used by a thread may still interrupt its system calls once while it goes.
  const auto probed = std::async(std::launch::async, ring::probe).get();
  if (!probed) return std::unexpected(to_start_error(probed.error()));
  auto parts = std::make_unique<Parts>();
  parts->features = allowed_features(*probed, config.ring);

  server::LoadedConfig loaded{std::move(config), {}};
  const auto fit = server::preflight(loaded, parts->features.direct_descriptors);
  if (!fit) return std::unexpected(fit.error());
  parts->warning = fit->warning;
  parts->config = std::move(loaded.config);
  // Connections need not spread evenly: a shard may hold more than its share while the total allows it.
  const std::uint64_t wanted =
      parts->config.limits.connections_max + limits::spare_slots_per_shard + limits::admin_slots_per_shard;
  parts->sockets_per_shard = static_cast<std::uint32_t>(
      parts->features.direct_descriptors ? std::min(wanted, descriptors_max()) : descriptors_max());

  for (const RouteConfig& route : parts->config.routes)
    parts->mounts.push_back({route.path, route.handler == "echo" ? &parts->echo : nullptr});
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

void Server::mount(std::string_view path, Handler& handler) {
  RINGGATE_ASSERT(parts_->gate == nullptr);  // before start
  const auto found = std::ranges::find(parts_->mounts, path, &dispatch::DeviceSettings::Mount::path);
  if (found != parts_->mounts.end()) {
    found->handler = &handler;
    return;
  }
  RouteConfig route;
  route.path = path;
  parts_->config.routes.push_back(route);
  parts_->mounts.push_back({std::string(path), &handler});
}

std::expected<void, StartError> Server::start() {
  Parts& p = *parts_;
  for (const auto& mount : p.mounts)
    if (mount.handler == nullptr)
      return std::unexpected(StartError{ExitCode::bad_configuration, "no handler is mounted for the route " + mount.path,
                                        "use handler = \"echo\", or mount one in the embedding program"});
  p.settings = std::make_unique<dispatch::DeviceSettings>(p.config, p.mounts);
  p.admin_settings = {.body_bytes_max = p.config.limits.push_bytes_max,
                      .head_timeout = p.config.limits.handshake_timeout_ns,
                      .send_timeout = p.config.limits.send_timeout_ns,
                      .version = server::version()};
  if (auto opened = p.open_shards(); !opened) return opened;
  if (auto opened = p.open_listeners(); !opened) {
    p.shards.clear();
    return opened;
  }
  if (auto started = p.start_threads(); !started) return started;
  if (p.warning) log::warning(*p.warning);
  p.gate->ready.store(true, std::memory_order_release);
  return {};
}

std::expected<void, StartError> Server::Parts::open_shards() {
  const auto count = static_cast<std::uint32_t>(config.server.shards_count);
  ring::RingOptions options;
  options.allowed = features;
  options.sockets_max = sockets_per_shard;
  options.incremental_buffers_count = static_cast<std::uint32_t>(config.ring.buffers_count);
  options.incremental_buffer_bytes = static_cast<std::uint32_t>(config.ring.buffer_bytes);
  options.busy_poll = config.ring.busy_poll_ns;

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
      gate = std::make_unique<dispatch::GateState>(count, config.limits.connections_max, secret);
    }
    const server::ShardPlan plan{*settings, admin_settings, *gate, counters_view, sockets_per_shard};
    shards.emplace_back(static_cast<std::uint8_t>(index), plan, std::move(*ring), counters[index]);
  }
  return {};
}

std::expected<void, StartError> Server::Parts::open_listeners() {
  std::uint32_t index = 0;
  for (const ListenerConfig& listener : config.listeners) {
    auto bound = listen_everywhere(index++, listener.bind);
    if (!bound) return std::unexpected(bound.error());
    device_addresses.push_back(*bound);
  }
  if (config.admin.bind != "off") {
    auto bound = listen_everywhere(index++, config.admin.bind);
    if (!bound) return std::unexpected(bound.error());
    admin_address = *bound;
  }
  for (server::Shard& shard : shards)
    shard.serve_listeners(static_cast<std::uint32_t>(config.listeners.size()), config.admin.bind == "off" ? 0 : 1, backlog());
  return {};
}

/// Binds the address on every shard; with port 0 the first shard's port is everybody's.
std::expected<std::string, StartError> Server::Parts::listen_everywhere(std::uint32_t index, const std::string& bind) {
  auto address = ring::parse_listen_address(bind);
  if (!address)
    return std::unexpected(StartError{ExitCode::bad_configuration, address.error(), "correct listener.bind or admin.bind"});
  if (const auto is_free = ring::check_address_free(*address); !is_free)
    return std::unexpected(to_start_error(is_free.error()));
  const ring::ListenOptions options{.backlog = static_cast<int>(backlog()),
                                    .user_timeout = config.limits.tcp_user_timeout_ns};
  for (server::Shard& shard : shards) {
    const auto bound = shard.ring().listen(index, *address, options);
    if (!bound) return std::unexpected(to_start_error(bound.error()));
    address = *bound;
  }
  return address->text();
}

std::expected<void, StartError> Server::Parts::start_threads() {
  std::vector<std::future<std::expected<void, ring::SetupError>>> started;
  for (std::size_t index = 0; index < shards.size(); ++index) {
    std::promise<std::expected<void, ring::SetupError>> promise;
    started.push_back(promise.get_future());
    threads.emplace_back([this, index, announce = std::move(promise)]() mutable {
      pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index)).c_str());
      pin_to(config.server.cpus, index);
      const auto result = shards[index].ring().start_on_this_thread();
      announce.set_value(result);
      if (result) shards[index].run();
    });
  }
  std::expected<void, StartError> outcome;
  for (auto& future : started)
    if (const auto result = future.get(); !result) outcome = std::unexpected(to_start_error(result.error()));
  if (!outcome) {
    gate->stopping.store(true, std::memory_order_release);
    wake_all();
    threads.clear();  // joins
    return outcome;
  }
  for (const std::string& address : device_addresses) log::info("listening", {{"listener", "devices"}, {"address", address}});
  if (!admin_address.empty()) log::info("listening", {{"listener", "admin"}, {"address", admin_address}});
  return {};
}

std::vector<std::string> Server::device_addresses() const { return parts_->device_addresses; }
std::string Server::admin_address() const { return parts_->admin_address; }

// -- Pushes

PushOutcome Server::Parts::post(std::uint32_t shard, dispatch::Request request,
                                std::unique_ptr<dispatch::OutsideTask>& task) {
  request.kind = dispatch::RequestKind::outside;
  request.owned = reinterpret_cast<std::uintptr_t>(task.get());
  gate->posters.fetch_add(1);
  PushOutcome outcome = PushOutcome::closing;
  if (!gate->closed.load()) {
    const bool posted = gate->mailboxes.post_from_outside(shard, request);
    outcome = posted ? PushOutcome::delivered : PushOutcome::backpressure;
    if (posted) (void)task.release();
    if (posted && gate->mailboxes.must_ring(shard)) ring::Ring::wake_from_any_thread(gate->doorbells[shard]);
  }
  gate->posters.fetch_sub(1);
  return outcome;
}

void Server::push(std::string_view device_id, MessageView message, PushCallback on_result) {
  if (message.payload.size() > parts_->config.limits.push_bytes_max) {
    on_result({PushOutcome::too_large, {}, 0});
    return;
  }
  auto prepared = ws::MessageRef::encode(message.type, message.payload);
  if (!prepared) {
    on_result({PushOutcome::backpressure, {}, 0});
    return;
  }
  if (dispatch::PushService* here = dispatch::PushService::of_this_thread()) {
    here->push(device_id, std::move(prepared), std::move(on_result));
    return;
  }
  dispatch::GateState& gate = *parts_->gate;
  const device::IdKey key = gate.hash(device_id);
  std::optional<device::ConnectionRef> owner;
  {
    const device::DeviceMap::ForeignReader reader(gate.map);
    owner = gate.map.find(key);
  }
  if (!owner) {
    on_result({PushOutcome::unknown_device, {}, 0});
    return;
  }
  auto task = std::make_unique<dispatch::OutsideTask>();
  task->on_pushed = std::move(on_result);
  task->message = reinterpret_cast<std::uintptr_t>(prepared.detach());
  const PushOutcome posted = parts_->post(owner->shard, {.target = *owner, .key = key}, task);
  if (posted == PushOutcome::delivered) return;
  (void)ws::MessageRef::attach(reinterpret_cast<const ws::PreparedMessage*>(task->message));
  task->on_pushed({posted, dispatch::to_public(*owner), 0});
}

PushResult Server::push_and_wait(std::string_view device_id, MessageView message) {
  RINGGATE_ASSERT(dispatch::PushService::of_this_thread() == nullptr);
  std::promise<PushResult> promise;
  auto result = promise.get_future();
  push(device_id, message, [&promise](const PushResult& outcome) { promise.set_value(outcome); });
  return result.get();
}

void Server::broadcast(MessageView message, BroadcastCallback on_result) {
  auto prepared = ws::MessageRef::encode(message.type, message.payload);
  if (dispatch::PushService* here = dispatch::PushService::of_this_thread(); here != nullptr && prepared) {
    here->broadcast(std::move(prepared), std::move(on_result));
    return;
  }
  if (!prepared) {
    on_result({});
    return;
  }
  auto task = std::make_unique<dispatch::OutsideTask>();
  task->kind = dispatch::OutsideTask::Kind::broadcast;
  task->on_broadcast = std::move(on_result);
  task->message = reinterpret_cast<std::uintptr_t>(prepared.detach());
  // Any shard can start it; the first with room does.
  for (std::uint32_t shard = 0; shard < parts_->gate->shards_count; ++shard)
    if (parts_->post(shard, {}, task) == PushOutcome::delivered) return;
  (void)ws::MessageRef::attach(reinterpret_cast<const ws::PreparedMessage*>(task->message));
  task->on_broadcast({});
}

bool Server::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  const auto target = device::ConnectionRef::unpack(connection.word);
  if (connection.word == 0 || target.shard >= parts_->gate->shards_count) return false;
  auto outside = std::make_unique<dispatch::OutsideTask>();
  outside->kind = dispatch::OutsideTask::Kind::with_connection;
  outside->with_connection = std::move(task);
  return parts_->post(target.shard, {.target = target}, outside) == PushOutcome::delivered;
}

// -- The end

void Server::Parts::wake_all() {
  for (const ring::Ring::Doorbell& doorbell : gate->doorbells) ring::Ring::wake_from_any_thread(doorbell);
}

void Server::drain(Grace grace) {
  if (parts_->gate == nullptr || parts_->threads.empty()) return;
  parts_->gate->ready.store(false, std::memory_order_release);
  const TimeNs now = parts_->shards.front().ring().now();
  const DurationNs wait = grace == Grace::respected ? parts_->config.drain.grace_ns : 0;
  parts_->gate->drain_at.store(now + wait, std::memory_order_release);
  log::info("draining", {{"grace_ms", wait / nanoseconds_per_millisecond}});
  parts_->wake_all();
}

void Server::wait() {
  for (std::jthread& thread : parts_->threads)
    if (thread.joinable()) thread.join();
  parts_->threads.clear();
  if (parts_->gate != nullptr) parts_->answer_leftovers();
}

/// No shard runs any more: whoever still waits for a result gets `closing`, now or when it posts.
void Server::Parts::answer_leftovers() {
  gate->closed.store(true);
  while (gate->posters.load() > 0) std::this_thread::yield();
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
  if (parts_->gate == nullptr || parts_->threads.empty()) return;
  parts_->gate->stopping.store(true, std::memory_order_release);
  parts_->wake_all();
  wait();
}

}  // namespace ringgate
