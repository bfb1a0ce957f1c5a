// Limits on sources, on the gate's rate of handshakes and on ids that connect too often, as devices see them.
#include <map>
#include <random>

#include "admission/refusal.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using admission::Rejection;

class DeviceSources : public DeviceFixture {
 protected:
  /// The answer to a request from here, which ends its connection if it is a refusal.
  DeviceClient ask(std::string_view id, std::size_t shard = 0) {
    DeviceClient client = connect(shard);
    client.open(id);
    gate->settle();
    client.read();
    return client;
  }
  static std::string retry_after(const DeviceClient& client) {
    const std::string name = "\r\nRetry-After: ";
    const std::size_t at = client.head().find(name);
    if (at == std::string::npos) return "none";
    return client.head().substr(at + name.size(), client.head().find("\r\n", at + 2) - at - name.size());
  }
  static void expect_refused(const DeviceClient& client, int status, const std::string& seconds) {
    EXPECT_EQ(client.status(), status);
    EXPECT_EQ(retry_after(client), seconds);
    EXPECT_TRUE(client.saw_end());
  }
  std::uint64_t refused(admission::Refusal refusal) const {
    std::uint64_t sum = 0;
    for (std::size_t shard = 0; shard < gate->shards_count(); ++shard)
      sum += gate->counters(shard).handshakes_refused_by[refusal.index()].get();
    return sum;
  }
  void bring_and_take(std::string_view id, std::size_t shard = 0) {
    DeviceClient client = ask(id, shard);
    EXPECT_EQ(client.status(), 101);
    client.peer().reset();
    gate->settle();
  }
};

// -- Connections of a source

TEST_F(DeviceSources, GivesASourceNoMoreConnectionsThanItMayHave) {
  options.settings.limits.connections_per_prefix = 2;
  options.shards_count = 2;
  start();
  DeviceClient a = ask("a", 0);
  DeviceClient b = ask("b", 1);
  expect_refused(ask("c", 0), 429, "5");
  expect_refused(ask("d", 1), 429, "5");
  EXPECT_EQ(refused(Rejection::source_limit), 2U);
  DeviceClient afar(gate->connect_from_afar());
  afar.open("e");
  gate->settle();
  afar.read();
  EXPECT_EQ(afar.status(), 101);
  a.peer().reset();
  gate->settle();
  DeviceClient c = ask("c", 1);
  EXPECT_EQ(c.status(), 101);
  EXPECT_EQ(gate->state().limiter.sources_count(), 2U);
  for (DeviceClient* const client : {&b, &c, &afar}) client->peer().reset();
  expect_nothing_left();
  EXPECT_EQ(gate->state().limiter.sources_count(), 0U);
}

TEST_F(DeviceSources, GivesBackThePlaceOfARefusedHandshakeAtOnce) {
  options.settings.limits.connections_per_prefix = 1;
  start();
  for (int i = 0; i < 5; ++i) expect_refused(ask(""), 400, "none");
  EXPECT_EQ(gate->state().limiter.sources_count(), 0U);
  EXPECT_EQ(ask("a").status(), 101);
  EXPECT_EQ(gate->state().limiter.sources_count(), 1U);
}

TEST_F(DeviceSources, CountsATakeoverWhileBothAreThere) {
  options.settings.limits.connections_per_prefix = 2;
  start();
  DeviceClient first = ask("a");
  DeviceClient second = ask("a");
  EXPECT_EQ(second.status(), 101);
  first.peer().close();
  gate->pass(seconds(6));
  EXPECT_EQ(ask("b").status(), 101);
}

TEST_F(DeviceSources, StaysExactWhileManySourcesComeAndGo) {
  constexpr std::size_t most = 3;
  options.settings.limits.connections_per_prefix = most;
  options.shards_count = 2;
  start();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::map<std::uint8_t, std::vector<DeviceClient>> online;  // by the last byte of the address
  for (int step = 0; step < 400; ++step) {
    const auto source = static_cast<std::uint8_t>(1 + random() % 20);
    std::vector<DeviceClient>& there = online[source];
    if (random() % 3 == 0 && !there.empty()) {
      there.back().peer().reset();
      there.pop_back();
      gate->settle();
      continue;
    }
    ring::PeerAddress from = ring::somebody_afar();
    from.address.back() = source;
    from.port = static_cast<std::uint16_t>(1024 + step);
    DeviceClient client(world->connect(gate->address(), {.ring_index = random() % 2, .from = from}));
    client.open("step-" + std::to_string(step));
    gate->settle();
    client.read();
    ASSERT_EQ(client.status(), there.size() < most ? 101 : 429) << "step " << step;
    if (there.size() < most) there.push_back(client);
  }
  std::size_t sources = 0;
  for (const auto& [source, clients] : online) sources += clients.empty() ? 0 : 1;
  EXPECT_EQ(gate->state().limiter.sources_count(), sources);
  for (auto& [source, clients] : online)
    for (DeviceClient& client : clients) client.peer().reset();
  expect_nothing_left();
  EXPECT_EQ(gate->state().limiter.sources_count(), 0U);
}

// -- Handshakes

TEST_F(DeviceSources, LimitsHandshakesOfASourceWhateverTheirAnswer) {
  options.settings.limits.handshakes_per_prefix = 6;
  start();
  for (int i = 0; i < 3; ++i) bring_and_take("a");
  for (int i = 0; i < 3; ++i) expect_refused(ask(""), 400, "none");
  expect_refused(ask("a"), 429, "10");
  EXPECT_EQ(refused(Rejection::source_rate), 1U);
  EXPECT_EQ(distant_device("b").status(), 101);
  gate->pass(seconds(9));
  expect_refused(ask("a"), 429, "1");
  gate->pass(seconds(1));
  EXPECT_EQ(ask("a").status(), 101);
}

TEST_F(DeviceSources, LimitsTheRateOfAllHandshakes) {
  options.settings.limits.accepts_per_second = 2;
  options.shards_count = 2;
  start();
  DeviceClient a = ask("a", 0), b = ask("b", 1);
  expect_refused(ask("c", 0), 503, "1");
  expect_refused(ask("d", 1), 503, "1");
  EXPECT_EQ(refused(Rejection::accept_rate), 2U);
  gate->pass(milliseconds(500));
  EXPECT_EQ(ask("c", 1).status(), 101);
}

TEST_F(DeviceSources, LeavesHealthChecksAlone) {
  options.settings.limits.handshakes_per_prefix = options.settings.limits.connections_per_prefix = 1;
  options.settings.limits.accepts_per_second = 1;
  start();
  for (int i = 0; i < 5; ++i) {
    DeviceClient check = connect();
    check.peer().send("GET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n");
    gate->settle();
    check.read();
    EXPECT_EQ(check.status(), 503) << "not ready, but asked";
  }
  EXPECT_EQ(ask("a").status(), 101);
}

TEST_F(DeviceSources, JudgesASourceBeforeMethodAndPath) {
  options.settings.limits.handshakes_per_prefix = 1;
  start();
  bring_and_take("a");
  DeviceClient elsewhere = connect();
  elsewhere.open("a", "/nowhere");
  gate->settle();
  elsewhere.read();
  expect_refused(elsewhere, 429, "60");
  DeviceClient broken = connect();
  broken.peer().send("GET /ws?deviceId=a HTTP/1.0\r\nHost: gate\r\n\r\n");
  gate->settle();
  broken.read();
  expect_refused(broken, 400, "none");
}

// -- Flapping

TEST_F(DeviceSources, BansADeviceThatConnectsTooOften) {
  options.settings.limits.flap_connects = 15;
  options.shards_count = 2;
  start();
  for (int i = 0; i < 15; ++i) bring_and_take("a", static_cast<std::size_t>(i % 2));
  expect_refused(ask("a"), 429, "300");
  EXPECT_EQ(refused(Rejection::flapping), 1U);
  EXPECT_EQ(gate->counters(0).flap_bans.get(), 1U);
  bring_and_take("b");
  gate->pass(seconds(100));
  expect_refused(ask("a", 1), 429, "200");
  EXPECT_EQ(gate->counters(0).flap_bans.get() + gate->counters(1).flap_bans.get(), 1U) << "one ban, not one per attempt";
  gate->pass(seconds(200));
  EXPECT_EQ(ask("a").status(), 101);
}

TEST_F(DeviceSources, LeavesTheOwnerOfABannedIdAlone) {
  options.settings.limits.flap_connects = 3;
  start();
  DeviceClient first = ask("a");
  DeviceClient second = ask("a");
  DeviceClient third = ask("a");
  expect_refused(ask("a"), 429, "300");
  third.text("still here");
  gate->settle();
  EXPECT_EQ(third.take(ws::Opcode::text), std::vector<std::string>{"still here"});
  EXPECT_EQ(gate->counters().takeovers.get(), 2U);
}

TEST_F(DeviceSources, CountsOnlyConnectionsThatPassedAllChecks) {
  options.settings.limits.flap_connects = 1;
  start();
  for (int i = 0; i < 5; ++i) {
    DeviceClient stranger = connect();
    stranger.peer().send(DeviceClient::request("a", "/ws", "Origin: https://elsewhere\r\n"));
    gate->settle();
    stranger.read();
    EXPECT_EQ(stranger.status(), 403) << "who may not connect bans nobody";
  }
  EXPECT_EQ(ask("a").status(), 101);
}

TEST_F(DeviceSources, NeverBansAnonymousDevices) {
  options.settings.limits.flap_connects = 1;
  options.settings.device.required = false;
  start();
  for (int i = 0; i < 5; ++i) {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request(""));
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
  }
}

TEST_F(DeviceSources, BansASourceIfAsked) {
  options.settings.limits.flap_connects_per_prefix = 3;
  start();
  for (const char* id : {"a", "b", "c"}) bring_and_take(id);
  expect_refused(ask("d"), 429, "300");
  EXPECT_EQ(refused(Rejection::source_flapping), 1U);
  EXPECT_EQ(distant_device("d").status(), 101);
}

}  // namespace
}  // namespace ringgate::simulated
