// One simulated gate and the usual steps, for the tests of what devices see.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringgate/handler.h"
#include "simulated_gate/device_client.h"
#include "simulated_gate/simulated_gate.h"

namespace ringgate::simulated {

constexpr DurationNs milliseconds(std::uint64_t count) { return count * nanoseconds_per_millisecond; }
constexpr DurationNs seconds(std::uint64_t count) { return count * nanoseconds_per_second; }

/// A handler of lambdas, which records how connections ended.
class ScriptedHandler final : public Handler {
 public:
  struct Closed {
    CloseCode code;
    std::string reason;
  };
  std::function<UpgradeVerdict(const UpgradeRequest&)> asked = [](const UpgradeRequest&) { return UpgradeAccept{}; };
  std::function<void(Connection&)> opened = [](Connection&) {};
  std::function<void(Connection&, MessageView)> received = [](Connection& connection, MessageView) { connection.echo(); };
  std::function<void(Connection&)> closing = [](Connection&) {};
  std::vector<Closed> closed;
  int open_count = 0;

  std::function<void(Connection&)> drained = [](Connection&) {};
  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override { return asked(request); }
  void on_drained(Connection& connection) override { drained(connection); }
  void on_open(Connection& connection) override {
    ++open_count;
    opened(connection);
  }
  void on_message(Connection& connection, MessageView message) override { received(connection, message); }
  void on_close(Connection& connection, CloseCode code, std::string_view reason) override {
    closed.push_back({code, std::string(reason)});
    closing(connection);
  }
};

class DeviceFixture : public ::testing::Test {
 protected:
  DeviceFixture() { options.handler = &handler; }

  /// Opens the gate with `options` and `world_options` as they are by now.
  void start() {
    gate.reset();
    world.reset();
    world = std::make_unique<ring::FakeWorld>(20'26, world_options);
    gate = std::make_unique<Gate>(*world, options);
  }

  DeviceClient connect(std::size_t shard = 0) { return DeviceClient(gate->connect(shard)); }

  /// A device with an accepted handshake.
  DeviceClient device(std::string_view id, std::string_view path = "/handler", std::size_t shard = 0) {
    DeviceClient client = connect(shard);
    client.open(id, path);
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
    return client;
  }
  /// The same from another machine.
  DeviceClient distant_device(std::string_view id) {
    DeviceClient client(gate->connect_from_afar());
    client.open(id);
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
    return client;
  }

  bool is_online(std::string_view id) {
    bool online = false;
    gate->on_shard(0, [&](dispatch::PushService& pushes) {
      pushes.describe(
          id, [&online](const dispatch::DescribeResult& result) { online = result.outcome == dispatch::DescribeOutcome::found; });
    });
    gate->settle();
    return online;
  }

  void push(std::string_view id, std::string_view payload, std::size_t shard, PushCallback on_result) {
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.push(id, ws::MessageRef::encode(MessageType::text, bytes_of(payload)), std::move(on_result));
    });
  }
  /// Pushes from `shard`; the result once all shards have come to rest.
  PushResult push(std::string_view id, std::string_view payload, std::size_t shard = 0) {
    PushResult result;
    int calls = 0;
    push(id, payload, shard, [&](const PushResult& outcome) {
      result = outcome;
      ++calls;
    });
    gate->settle();
    EXPECT_EQ(calls, 1);
    return result;
  }

  /// Lets all deadlines of lingering and closing connections pass, and looks for what is left.
  void expect_nothing_left() {
    gate->pass(seconds(30));
    gate->expect_nothing_left();
  }

  ring::FakeOptions world_options;
  GateOptions options;
  ScriptedHandler handler;
  std::unique_ptr<ring::FakeWorld> world;
  std::unique_ptr<Gate> gate;
};

}  // namespace ringgate::simulated
