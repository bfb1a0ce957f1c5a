#include "simulated_gate/simulated_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "fake_ring/fake_backend.h"

namespace ringgate::simulated {

namespace {

device::KeyedHash::Secret secret_of(std::uint64_t seed) {
  device::KeyedHash::Secret secret;
  ring::FakeRandom random(seed);
  for (std::uint8_t& byte : secret) byte = static_cast<std::uint8_t>(random.next());
  return secret;
}

}  // namespace

Config GateOptions::config() {
  Config config;
  config.admin.bind = "off";
  config.limits.flap_connects = 0;  // time stands still while tests connect one device again and again
  config.routes = {RouteConfig{}, {.path = "/handler"}};
  return config;
}

namespace {
/// The handler of the options at "/handler" and below, echo everywhere else.
std::vector<dispatch::DeviceSettings::Mount> mounts_of(const GateOptions& options, Handler& echo) {
  std::vector<dispatch::DeviceSettings::Mount> mounts;
  for (const RouteConfig& route : options.settings.routes) {
    const bool is_handlers = route.path.starts_with("/handler") && options.handler != nullptr;
    mounts.push_back({.path = route.path, .handler = is_handlers ? options.handler : &echo});
  }
  return mounts;
}
}  // namespace

Gate::Gate(ring::FakeWorld& world, const GateOptions& options)
    : world_(world),
      settings_(options.settings, mounts_of(options, echo_), options.verifiers),
      admin_settings_(admin::settings_of(options.settings, "simulated")),
      state_(options.shards_count, options.settings.limits, secret_of(world.seed())),
      done_(options.shards_count, false),
      entered_again_(options.shards_count, false),
      tunnel_(options.tunnel) {
  for (std::uint32_t i = 0; i < options.shards_count; ++i) counters_view_.push_back(&counters_.emplace_back());
  ring::RingOptions ring_options = options.ring;
  ring_options.sockets_max = options.slots_count;
  const server::ShardPlan plan{settings_,      admin_settings_,     state_,
                               counters_view_, options.slots_count, {.access = options.access}};
  ring::ListenAddress address{"127.0.0.1", 0};
  admin_address_ = address;
  const bool has_admin = options.settings.admin.bind != "off";
  for (std::uint32_t i = 0; i < options.shards_count; ++i) {
    auto ring = *ring::Ring::open(ring_options);
    address = *ring->listen(0, address, {});
    shards_.emplace_back(static_cast<std::uint8_t>(i), plan, std::move(ring), counters_[i]);
    if (has_admin) admin_address_ = *shards_.back().ring().listen(1, admin_address_, {});
    shards_.back().serve_listeners(1, has_admin ? 1 : 0, 16, server::TlsOfListeners(2, options.tls));
  }
  address_ = address;
  settle();
}

void Gate::renew(const Config& settings, std::shared_ptr<const auth::Verifiers> verifiers) {
  const auto config = std::make_shared<const Config>(settings);
  for (server::Shard& shard : shards_) {
    shard.renew({.config = config, .verifiers = verifiers, .tls = {}});
    ring::Ring::wake_from_any_thread(shard.ring().doorbell());
  }
}

ring::FakePeer& Gate::connect(std::size_t shard) { return tunnelled(world_.connect(address_, {.ring_index = shard})); }
ring::FakePeer& Gate::connect_from_afar(std::size_t shard) {
  return tunnelled(world_.connect(address_, {.ring_index = shard, .from = ring::somebody_afar()}));
}
ring::FakePeer& Gate::connect_admin(std::size_t shard) {
  return tunnelled(world_.connect(admin_address_, {.ring_index = shard}));
}

ring::FakePeer& Gate::tunnelled(ring::FakePeer& peer) {
  if (!tunnel_) return peer;
  peer.go_through(tunnel_());
  tunnelled_.push_back(&peer);
  peer.pump();
  settle();  // its handshake is over before the test says anything
  return peer;
}

/// True if something was sent. Forgets who is gone.
bool Gate::pump_tunnels() {
  bool any = false;
  for (ring::FakePeer* peer : tunnelled_) any = peer->pump() || any;
  std::erase_if(tunnelled_, [](const ring::FakePeer* peer) { return peer->is_through(); });
  return any;
}

void Gate::post(device::ConnectionRef target, device::IdKey key, std::unique_ptr<dispatch::OutsideTask> task) {
  const dispatch::Request request{.kind = dispatch::RequestKind::outside,
                                  .target = target,
                                  .key = key,
                                  .owned = reinterpret_cast<std::uintptr_t>(task.release())};
  ASSERT_TRUE(state_.mailboxes.post_from_outside(target.shard, request));
}

void Gate::on_shard(std::size_t shard, std::move_only_function<void(dispatch::PushService&)> task) {
  bool ran = false;
  ++tasks_count_;
  // The answer to a push for nobody comes at once, and in the turn.
  push_from_outside("", {.shard = static_cast<std::uint8_t>(shard), .generation = 1}, "", [&](const PushResult&) {
    ran = true;
    task(shards_[shard].push_service());
  });
  while (!ran) turn(shard);
}

void Gate::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  auto outside = std::make_unique<dispatch::OutsideTask>();
  outside->kind = dispatch::OutsideTask::Kind::with_connection;
  outside->with_connection = std::move(task);
  post(device::ConnectionRef::unpack(connection.word), {}, std::move(outside));
}

void Gate::decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result) {
  auto outside = std::make_unique<dispatch::OutsideTask>();
  outside->kind = dispatch::OutsideTask::Kind::decide;
  outside->decision = std::make_unique<UpgradeDecision>(std::move(decision));
  outside->on_decided = std::move(on_result);
  post(device::ConnectionRef::unpack(connection.word), {}, std::move(outside));
}

void Gate::push_from_outside(std::string_view id, device::ConnectionRef owner, std::string_view payload, PushCallback on_result) {
  auto outside = std::make_unique<dispatch::OutsideTask>();
  outside->on_pushed = std::move(on_result);
  outside->message = reinterpret_cast<std::uintptr_t>(ws::MessageRef::encode(MessageType::text, bytes_of(payload)).detach());
  post(owner, state_.hash(id), std::move(outside));
}

bool Gate::has_event(std::size_t shard) {
  const ring::Ring::Backend& ring = *world_.ring_at(shard);
  if (!ring.asleep || ring.work_waits()) return true;
  if (ring.asleep_until != 0 && ring.asleep_until <= world_.now()) return true;
  return !state_.mailboxes.of(static_cast<std::uint32_t>(shard)).empty();  // somebody has rung the doorbell, or is about to
}

bool Gate::is_awake(std::size_t shard) { return !done_[shard] && (has_event(shard) || !entered_again_[shard]); }

void Gate::turn(std::size_t shard) {
  entered_again_[shard] = !has_event(shard);
  done_[shard] = !shards_[shard].turn();
  if (done_[shard]) world_.ring_at(shard)->asleep = false;  // its thread has ended: no timeout is due any more
}

void Gate::settle() {
  constexpr int rounds_max = 20'000;
  for (int round = 0; round < rounds_max; ++round) {
    bool any = false;
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      if (!is_awake(shard)) continue;
      turn(shard);
      any = true;
    }
    if (!any && !pump_tunnels()) return;
  }
  ADD_FAILURE() << "seed " << world_.seed() << ": the shards find no rest";
}

void Gate::pass(DurationNs duration) {
  const TimeNs until = world_.now() + duration;
  settle();
  while (!::testing::Test::HasFatalFailure()) {
    const auto next = world_.next_event();
    if (!next || *next > until) break;
    if (*next > world_.now()) world_.advance(*next - world_.now());
    settle();
  }
  if (world_.now() < until) world_.advance(until - world_.now());
  settle();
}

void Gate::start_draining() {
  state_.drain_at.store(world_.now(), std::memory_order_release);
  for (const auto& doorbell : state_.doorbells) ring::Ring::wake_from_any_thread(doorbell);
}

void Gate::close_down() {
  state_.closed.store(true);
  for (bool more = true; more;) {
    more = false;
    for (server::Shard& shard : shards_) more = shard.close_down() || more;
  }
}

bool Gate::is_drained() const {
  return std::all_of(done_.begin(), done_.end(), [](bool done) { return done; });
}

void Gate::expect_nothing_left() {
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    SCOPED_TRACE("shard " + std::to_string(shard));
    const ShardCounters& counted = counters_[shard];
    EXPECT_EQ(counted.slots_used.get(), 0U);
    EXPECT_EQ(counted.operations_in_flight.get(), 0U);
    EXPECT_EQ(shards_[shard].ring().buffers_lent(), 0U);
    EXPECT_EQ(counted.devices_connected.get(), 0U);
    EXPECT_EQ(counted.send_queue_bytes.get(), 0U);
    EXPECT_EQ(counted.handshakes_waiting.get(), 0U);
    EXPECT_EQ(counted.heads_bytes.get(), 0U);
    EXPECT_EQ(counted.held_bytes.get(), 0U);
    EXPECT_EQ(counted.stale_completions.get(), 0U);
    EXPECT_EQ(outstanding(shard), 0U);
    EXPECT_TRUE(state_.mailboxes.of(static_cast<std::uint32_t>(shard)).empty());
    EXPECT_EQ(world_.ring_at(shard)->ledger.in_flight_count(), 0U);
  }
  EXPECT_EQ(state_.connections.load(), 0U);
  EXPECT_EQ(state_.authenticating.load(), 0U);
  EXPECT_EQ(state_.map.count(), 0U);
}

}  // namespace ringgate::simulated
