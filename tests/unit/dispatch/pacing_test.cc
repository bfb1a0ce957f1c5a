// What a device may send per second: paused or closed beyond it, by messages and by bytes, and the maximum lifetime of connections.
#include <algorithm>

#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class DevicePacing : public DeviceFixture {
 protected:
  static std::string messages(std::size_t count, std::string_view payload = "m") {
    std::string frames;
    for (std::size_t i = 0; i < count; ++i) frames += DeviceClient::frame(Opcode::text, payload);
    return frames;
  }
  /// As a credential does.
  void set_rates(std::string_view id, const dispatch::SendRates& rates) {
    gate->on_shard(0, [&](dispatch::PushService& pushes) {
      pushes.describe(id, [&](const dispatch::DescribeResult& result) {
        ASSERT_NE(result.device, nullptr);
        dispatch::DeviceSession& devices = gate->devices(0);
        conn::Connection* const connection = devices.find(device::ConnectionRef::unpack(result.device->connection.word));
        ASSERT_NE(connection, nullptr);
        devices.set_rates(*connection, rates);
      });
    });
    gate->settle();
  }
  std::size_t echoed(DeviceClient& client) { return client.take(Opcode::text).size(); }
};

/// Both ways to read messages: runs of the echo, and one by one through a handler.
class DevicePacingOn : public DevicePacing, public ::testing::WithParamInterface<const char*> {};

TEST_P(DevicePacingOn, ReadsNoMoreMessagesThanTheRateAllows) {
  options.settings.limits.messages_per_second = 10;
  start();
  DeviceClient client = device("a", GetParam());
  client.peer().send(messages(45));
  gate->settle();
  EXPECT_EQ(echoed(client), 10U) << "what it saved up";
  EXPECT_EQ(gate->counters().rate_pauses.get(), 1U);
  gate->pass(seconds(1));
  EXPECT_NEAR(static_cast<double>(echoed(client)), 10, 1);
  gate->pass(seconds(10));
  EXPECT_NEAR(static_cast<double>(echoed(client)), 25, 1) << "all the rest, none lost";
  client.peer().send(messages(10));
  gate->settle();
  EXPECT_EQ(echoed(client), 10U) << "it has saved up again";
  client.close(1000);
  gate->pass(seconds(1));
  client.read();
  EXPECT_EQ(client.close_code(), 1000);
  client.peer().close();
  expect_nothing_left();
}

TEST_P(DevicePacingOn, ClosesADeviceBeyondItsRateIfSetTo) {
  options.settings.limits.messages_per_second = 10;
  options.settings.limits.rate_policy = RatePolicy::close;
  start();
  DeviceClient client = device("a", GetParam());
  client.peer().send(messages(10));
  gate->settle();
  EXPECT_EQ(echoed(client), 10U);
  gate->pass(milliseconds(500));
  client.peer().send(messages(6));
  gate->settle();
  EXPECT_EQ(echoed(client), 5U) << "the one beyond the rate is not answered";
  EXPECT_EQ(client.close_code(), 4429);
  EXPECT_EQ(client.close_reason(), "too many messages");
  EXPECT_EQ(gate->counters().rate_closes.get(), 1U);
  EXPECT_FALSE(is_online("a"));
  client.peer().close();
  expect_nothing_left();
}

TEST_P(DevicePacingOn, CountsMessagesAlikeHoweverTheyAreCut) {
  options.settings.limits.messages_per_second = 7;
  start();
  for (const std::size_t piece : {1UL, 3UL, 8UL, 64UL, 4096UL}) {
    DeviceClient client = device("piece-" + std::to_string(piece), GetParam());
    const std::string bytes = messages(20, "four");
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      client.peer().send(bytes.substr(at, piece));
      gate->settle();
    }
    EXPECT_EQ(echoed(client), 7U) << "in pieces of " << piece;
    gate->pass(seconds(2));
    EXPECT_EQ(echoed(client), 13U);
    client.peer().reset();
    gate->settle();
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, DevicePacingOn, ::testing::Values("/ws", "/handler"));

TEST_F(DevicePacing, LimitsEachDeviceOnItsOwn) {
  options.settings.limits.messages_per_second = 5;
  start();
  DeviceClient a = device("a"), b = device("b");
  a.peer().send(messages(100));
  b.peer().send(messages(4));
  gate->settle();
  EXPECT_EQ(echoed(a), 5U);
  EXPECT_EQ(echoed(b), 4U);
}

TEST_F(DevicePacing, LimitsBytesAsTheyArrive) {
  options.settings.limits.bytes_per_second = 1000;
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().send(messages(1, std::string(2000, 'x')));
  gate->settle();
  EXPECT_EQ(echoed(client), 1U) << "it may owe what one receive brings";
  client.text("later");
  gate->settle();
  EXPECT_EQ(echoed(client), 0U);
  gate->pass(milliseconds(900));
  EXPECT_EQ(echoed(client), 0U) << "2008 bytes, of which 1000 were saved up, take a second";
  gate->pass(milliseconds(200));
  EXPECT_EQ(echoed(client), 1U);
}

TEST_F(DevicePacing, CountsControlFramesAndHalfMessagesAsBytes) {
  options.settings.limits.bytes_per_second = 1000;
  options.settings.limits.rate_policy = RatePolicy::close;
  options.settings.limits.message_bytes_max = 900;
  start();
  DeviceClient client = device("a", "/ws");
  for (int i = 0; i < 9 && !client.close_code(); ++i) {
    client.ping(std::string(120, 'p'));
    gate->settle();
    client.read();
  }
  EXPECT_EQ(client.close_code(), 4429);
  EXPECT_EQ(client.close_reason(), "too many bytes");
  EXPECT_EQ(client.take(Opcode::pong).size(), 7U);
}

TEST_F(DevicePacing, LetsARouteHaveRatesOfItsOwn) {
  options.settings.limits.messages_per_second = 3;
  options.settings.routes[1].messages_per_second = 0;
  options.settings.routes.push_back({.path = "/own", .messages_per_second = 6});
  start();
  DeviceClient inherits = device("a", "/ws"), off = device("b", "/handler"), own = device("c", "/own");
  for (DeviceClient* const client : {&inherits, &off, &own}) client->peer().send(messages(20));
  gate->settle();
  EXPECT_EQ(echoed(inherits), 3U);
  EXPECT_EQ(echoed(off), 20U);
  EXPECT_EQ(echoed(own), 6U);
}

TEST_F(DevicePacing, EndsNoDeviceForTheTimeItIsPaused) {
  options.settings.limits.messages_per_second = 1;
  options.settings.limits.ping_interval_ns = seconds(2);
  options.settings.limits.pong_timeout_ns = seconds(2);
  options.settings.limits.idle_timeout_ns = seconds(5);
  options.settings.limits.message_timeout_ns = seconds(3);
  start();
  DeviceClient client = device("a");
  client.peer().send(messages(20) + DeviceClient::frame(Opcode::text, "half", false));
  gate->pass(seconds(18));
  client.read();
  EXPECT_FALSE(client.close_code()) << client.close_reason();
  EXPECT_NEAR(static_cast<double>(echoed(client)), 19, 1);
  gate->pass(seconds(12));
  client.read();
  EXPECT_TRUE(client.close_code()) << "all is read, so its deadlines count again";
}

TEST_F(DevicePacing, ServesPingAndCloseInTheirTurn) {
  options.settings.limits.messages_per_second = 2;
  start();
  DeviceClient client = device("a");
  client.peer().send(messages(4) + DeviceClient::frame(Opcode::ping, "p") + DeviceClient::close_frame(1000));
  gate->settle();
  EXPECT_EQ(client.take(Opcode::pong).size(), 0U);
  gate->pass(seconds(2));
  EXPECT_EQ(client.take(Opcode::pong).size(), 1U);
  EXPECT_EQ(client.close_code(), 1000);
}

TEST_F(DevicePacing, EndsAPausedDeviceThatIsGone) {
  options.settings.limits.messages_per_second = 1;
  start();
  DeviceClient reset = device("a"), finished = device("b"), closed = device("c");
  for (DeviceClient* const client : {&reset, &finished, &closed}) client->peer().send(messages(3));
  gate->settle();
  reset.peer().reset();
  finished.peer().half_close();
  gate->pass(seconds(5));
  EXPECT_FALSE(is_online("a"));
  EXPECT_FALSE(is_online("b"));
  EXPECT_TRUE(is_online("c"));
  closed.peer().reset();
  expect_nothing_left();
}

TEST_F(DevicePacing, KeepsAHandlersPauseApartFromItsOwn) {
  options.settings.limits.messages_per_second = 2;
  handler.received = [](Connection& connection, MessageView) {
    connection.echo();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.peer().send(messages(6));
  gate->pass(seconds(10));
  EXPECT_EQ(echoed(client), 1U) << "the handler pauses, whatever the rate";
}

TEST_F(DevicePacing, TakesRatesOfACredential) {
  start();
  DeviceClient client = device("a");
  client.peer().send(messages(10));
  gate->settle();
  EXPECT_EQ(echoed(client), 10U);
  set_rates("a", {.messages = 2});
  client.peer().send(messages(10));
  gate->settle();
  EXPECT_EQ(echoed(client), 2U);
  set_rates("a", {});
  gate->pass(milliseconds(100));
  EXPECT_EQ(echoed(client), 8U) << "without a limit the pause ends";
}

TEST_F(DevicePacing, HoldsBackManyDevicesAtOnceWithinTheirMemory) {
  options.settings.limits.messages_per_second = 1;
  options.slots_count = 128;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(device(std::to_string(i), i % 2 == 0 ? "/ws" : "/handler"));
  for (DeviceClient& client : clients) client.peer().send(messages(1000, "some more text"));
  gate->pass(seconds(3));
  EXPECT_GT(gate->counters().held_bytes.get(), 0U);
  for (DeviceClient& client : clients) {
    EXPECT_NEAR(static_cast<double>(echoed(client)), 4, 1);
    client.peer().reset();
  }
  expect_nothing_left();
  EXPECT_EQ(gate->counters().held_bytes.get(), 0U);
}

// -- Maximum lifetime

TEST_F(DevicePacing, ClosesAConnectionAfterTheLifetimeOfItsRoute) {
  options.settings.routes[1].lifetime_ns = seconds(100);
  options.settings.limits.ping_interval_ns = seconds(30);
  options.settings.limits.pong_timeout_ns = 0;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(device("mortal-" + std::to_string(i)));
  DeviceClient other = device("immortal", "/ws");
  gate->pass(seconds(89));
  EXPECT_EQ(gate->counters().lifetimes_ended.get(), 0U);
  gate->pass(seconds(11));
  const std::uint64_t half = gate->counters().lifetimes_ended.get();
  EXPECT_GT(half, 0U) << "spread around its length";
  EXPECT_LT(half, clients.size());
  gate->pass(seconds(11));
  EXPECT_EQ(gate->counters().lifetimes_ended.get(), clients.size());
  for (DeviceClient& client : clients) {
    client.read();
    EXPECT_EQ(client.close_code(), 4440);
    EXPECT_EQ(client.close_reason(), "maximum lifetime");
  }
  EXPECT_TRUE(is_online("immortal"));
}

}  // namespace
}  // namespace ringgate::simulated
