// route.on_overflow = "pause": a device is not read from while a sink of its route has no room, and nothing is lost meanwhile.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class Sink final : public dispatch::Observer {
 public:
  bool hears_messages() const override { return true; }
  bool has_room(std::uint64_t sinks) override { return (sinks & full) == 0; }
  void on_message(const dispatch::DeviceView&, const dispatch::UpstreamMessage& message) override {
    texts.emplace_back(text_of(message.payload));
    if (fills_up_at != 0 && texts.size() == fills_up_at) full = 1;
  }

  std::uint64_t full = 0;
  std::size_t fills_up_at = 0;
  std::vector<std::string> texts;
};

class Overflow : public DeviceFixture {
 protected:
  void start_with(OverflowPolicy policy) {
    options.settings.routes.push_back({.path = "/handler/up", .upstream = {"events"}, .on_overflow = policy});
    start();
    gate->devices(0).add_observer(sink);
  }
  static void say(DeviceClient& client, int count) {
    for (int i = 0; i < count; ++i) client.text(std::to_string(i));
  }
  static std::vector<std::string> numbers(int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(std::to_string(i));
    return all;
  }

  Sink sink;
};

TEST_F(Overflow, APausedDeviceIsReadOnWhenThereIsRoom) {
  start_with(OverflowPolicy::pause);
  DeviceClient client = device("a", "/handler/up");
  sink.fills_up_at = 3;
  say(client, 10);
  gate->settle();
  EXPECT_EQ(sink.texts, numbers(3)) << "no message behind the one that filled the sink";
  gate->pass(seconds(5));
  EXPECT_EQ(sink.texts, numbers(3));
  EXPECT_EQ(client.take_messages(), numbers(3));
  sink.full = 0;
  sink.fills_up_at = 0;
  gate->pass(milliseconds(10));
  EXPECT_EQ(sink.texts, numbers(10));
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{"3", "4", "5", "6", "7", "8", "9"}));
}

TEST_F(Overflow, OtherDevicesAndOtherSinksGoOn) {
  start_with(OverflowPolicy::pause);
  DeviceClient paused = device("a", "/handler/up"), free = device("b");
  sink.full = 1;
  say(paused, 2);
  say(free, 2);
  gate->settle();
  EXPECT_TRUE(sink.texts.empty()) << "each message waits for room, the first of a receive too";
  EXPECT_EQ(free.take_messages(), numbers(2));
  sink.full = 2;  // another sink
  gate->pass(milliseconds(10));
  EXPECT_EQ(sink.texts, numbers(2));
}

TEST_F(Overflow, WithoutThePolicyNobodyWaits) {
  start_with(OverflowPolicy::drop);
  DeviceClient client = device("a", "/handler/up");
  sink.full = 1;
  say(client, 10);
  gate->settle();
  EXPECT_EQ(sink.texts, numbers(10));
}

TEST_F(Overflow, APausedDeviceCanBeClosedAndCanLeave) {
  start_with(OverflowPolicy::pause);
  DeviceClient closed = device("a", "/handler/up"), leaving = device("b", "/handler/up");
  sink.full = 1;
  say(closed, 2);
  say(leaving, 2);
  gate->settle();
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.close_device("a", CloseCode::normal, "enough", [](const dispatch::CloseResult&) {});
  });
  leaving.peer().reset();
  gate->pass(seconds(30));
  closed.read();
  EXPECT_EQ(closed.close_code(), 1000);
  EXPECT_FALSE(is_online("b"));
  expect_nothing_left();
}

}  // namespace
}  // namespace ringgate::simulated
