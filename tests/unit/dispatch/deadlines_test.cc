// What a device has to do in time, on the simulated clock.
#include <deque>

#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class DeviceDeadlines : public DeviceFixture {
 protected:
  DeviceDeadlines() {
    options.settings.limits.ping_interval_ns = 0;
    options.settings.limits.pong_timeout_ns = seconds(10);
  }
  LimitsConfig& limits() { return options.settings.limits; }

  /// Lets `duration` pass in steps; the client answers pings meanwhile.
  void pass_answering(DeviceClient& client, DurationNs duration) {
    for (DurationNs gone = 0; gone < duration; gone += milliseconds(100)) {
      gate->pass(milliseconds(100));
      for (const std::string& payload : client.take(Opcode::ping)) {
        ++pings_count;
        client.peer().send(DeviceClient::frame(Opcode::pong, payload));
      }
    }
    gate->settle();
  }
  int pings_count = 0;
};

// -- Pings

TEST_F(DeviceDeadlines, PingsAtItsIntervalAndMeasuresTheRoundTrip) {
  limits().ping_interval_ns = seconds(5);
  start();
  DeviceClient client = device("a");
  pass_answering(client, seconds(22));
  EXPECT_EQ(pings_count, 4);
  EXPECT_FALSE(client.close_code().has_value());
  std::uint32_t rtt_ms = 0;
  gate->on_shard(0, [&rtt_ms](dispatch::PushService& pushes) {
    pushes.describe("a", [&rtt_ms](dispatch::DescribeResult result) { rtt_ms = result.device->rtt_ms; });
  });
  EXPECT_GT(rtt_ms, 0U);
  EXPECT_LE(rtt_ms, 101U);
}

TEST_F(DeviceDeadlines, MissedPongIs4408) {  // L08
  limits().ping_interval_ns = seconds(25);
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(34));
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
  gate->pass(seconds(2));
  client.read();
  EXPECT_EQ(client.close_code(), 4408);
  EXPECT_EQ(client.close_reason(), "no pong");
  EXPECT_EQ(gate->counters().pong_timeouts.get(), 1U);
  EXPECT_FALSE(is_online("a"));
  expect_nothing_left();
}

TEST_F(DeviceDeadlines, MissedPongIs4408AlsoIfPingsComeFasterThanItsTimeout) {
  limits().ping_interval_ns = seconds(2);
  limits().pong_timeout_ns = seconds(10);
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(13));
  client.read();
  EXPECT_EQ(client.close_code(), 4408);
}

TEST_F(DeviceDeadlines, SlowPongInTimeIsEnoughAlsoIfPingsComeFaster) {
  limits().ping_interval_ns = seconds(2);
  limits().pong_timeout_ns = seconds(10);
  start();
  DeviceClient client = device("a");
  for (int i = 0; i < 5; ++i) {
    gate->pass(seconds(7));
    for (const std::string& payload : client.take(Opcode::ping)) client.peer().send(DeviceClient::frame(Opcode::pong, payload));
    gate->settle();
  }
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(DeviceDeadlines, OnlyTheAnswerToOurPingMeasuresTheRoundTrip) {
  limits().ping_interval_ns = seconds(25);
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(26));
  client.peer().send(DeviceClient::frame(Opcode::pong, "made up"));
  client.text("a message is a sign of life as well");
  gate->pass(seconds(10));
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.describe("a", [](const dispatch::DescribeResult& result) { EXPECT_EQ(result.device->rtt_ms, 0U); });
  });
}

TEST_F(DeviceDeadlines, SilentPingsGoOnWithoutAPongTimeout) {
  limits().ping_interval_ns = seconds(5);
  limits().pong_timeout_ns = 0;
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(26));
  EXPECT_EQ(client.take(Opcode::ping).size(), 5U);
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(DeviceDeadlines, AnyByteIsASignOfLife) {
  limits().ping_interval_ns = seconds(5);
  limits().pong_timeout_ns = seconds(2);
  start();
  DeviceClient talking = device("talking");
  DeviceClient uploading = device("uploading");
  const std::string frame = DeviceClient::frame(Opcode::binary, std::string(200, 'x'));
  for (std::size_t i = 0; i < 30; ++i) {
    talking.text("no pong from me");
    uploading.peer().send(std::string_view(frame).substr(i, 1));
    gate->pass(seconds(1));
  }
  EXPECT_EQ(talking.take(Opcode::ping).size(), 0U) << "pings go to those who are silent";
  EXPECT_EQ(uploading.take(Opcode::ping).size(), 0U);
  EXPECT_FALSE(talking.close_code().has_value());
  EXPECT_FALSE(uploading.close_code().has_value());

  gate->pass(seconds(5));
  EXPECT_EQ(talking.take(Opcode::ping).size(), 1U);
  talking.text("no pong, but alive");
  gate->pass(seconds(4));
  talking.read();
  EXPECT_FALSE(talking.close_code().has_value());
  gate->pass(seconds(4));
  talking.read();
  EXPECT_EQ(talking.close_code(), 4408) << "silent for longer than both together";
}

/// Else nothing would ever be sent to it, and its host could be gone for good.
TEST_F(DeviceDeadlines, PausedDeviceIsPingedAndOwesNoPong) {
  limits().ping_interval_ns = seconds(5);
  limits().pong_timeout_ns = seconds(2);
  handler.received = [](Connection& connection, MessageView) { connection.pause(); };
  start();
  DeviceClient client = device("a");
  client.text("pause");
  gate->pass(seconds(31));
  EXPECT_EQ(client.take(Opcode::ping).size(), 6U);
  EXPECT_FALSE(client.close_code().has_value());
}

// -- A gate that was stopped, and the devices that answered meanwhile

class StalledGate : public DeviceDeadlines {
 protected:
  static constexpr int devices_count = 160;  // an enter brings 20
  StalledGate() {
    limits().ping_interval_ns = seconds(25);
    options.settings.ring.cold_after_ns = 0;
  }
};

TEST_F(StalledGate, KeepsEveryDeviceWhosePongLiesInItsSocket) {
  for (const DurationNs cold_after : {DurationNs{0}, seconds(5)}) {
    options.settings.ring.cold_after_ns = cold_after;
    start();
    std::deque<DeviceClient> clients;
    for (int i = 0; i < devices_count; ++i) clients.push_back(device("d" + std::to_string(i)));
    gate->pass(milliseconds(25'100));
    for (DeviceClient& client : clients)
      for (const std::string& payload : client.take(Opcode::ping)) client.peer().send(DeviceClient::frame(Opcode::pong, payload));
    world->advance(seconds(20));
    gate->settle();
    EXPECT_EQ(gate->counters().pong_timeouts.get(), 0U);
    EXPECT_EQ(gate->counters().devices_connected.get(), std::uint64_t{devices_count});
    gate->pass(seconds(1));
    EXPECT_EQ(gate->counters().devices_connected.get(), std::uint64_t{devices_count});
  }
}

TEST_F(StalledGate, ReadsTheOtherHalfOfHeadsAndMessages) {
  limits().ping_interval_ns = 0;
  start();
  std::deque<DeviceClient> halves;
  std::deque<DeviceClient> heads;
  const std::string frame = DeviceClient::frame(Opcode::text, "whole");
  for (int i = 0; i < devices_count / 2; ++i) {
    const std::string number = std::to_string(i);
    halves.push_back(device("half" + number));
    halves.back().peer().send(std::string_view(frame).substr(0, 8));
    heads.push_back(connect());
    heads.back().peer().send(std::string_view(DeviceClient::request("head" + number)).substr(0, 20));
  }
  gate->settle();
  for (int i = 0; i < devices_count / 2; ++i) {
    const std::string number = std::to_string(i);
    halves[static_cast<std::size_t>(i)].peer().send(std::string_view(frame).substr(8));
    heads[static_cast<std::size_t>(i)].peer().send(std::string_view(DeviceClient::request("head" + number)).substr(20));
  }
  world->advance(seconds(60));
  gate->settle();
  EXPECT_EQ(gate->counters().message_timeouts.get(), 0U);
  EXPECT_EQ(gate->counters().devices_connected.get(), std::uint64_t{devices_count});
  for (DeviceClient& client : halves) EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"whole"});
  for (DeviceClient& client : heads) {
    client.read();
    EXPECT_EQ(client.status(), 101);
  }
}

/// A handler that takes long makes every turn as late as a stall does, and as long as devices talk more always waits.
TEST_F(StalledGate, JudgesDevicesInTheEndThoughEveryTurnIsLate) {
  limits().ping_interval_ns = 0;
  limits().handshake_timeout_ns = seconds(5);
  std::deque<DeviceClient> talkers;
  handler.received = [&](Connection&, MessageView message) {
    world->advance(milliseconds(40));
    talkers[static_cast<std::size_t>(std::stoi(std::string(text_of(message.payload))))].text(text_of(message.payload));
  };
  start();
  for (int i = 0; i < devices_count; ++i) talkers.push_back(device("d" + std::to_string(i)));
  DeviceClient mute = connect();
  gate->settle();
  for (int i = 0; i < devices_count; ++i) talkers[static_cast<std::size_t>(i)].text(std::to_string(i));
  const TimeNs until = world->now() + seconds(60);
  while (world->now() < until && !mute.saw_end()) gate->turn(0);
  EXPECT_TRUE(mute.saw_end());
  EXPECT_EQ(gate->counters().devices_connected.get(), std::uint64_t{devices_count});
}

TEST_F(DeviceDeadlines, DeviceWhoseHandlerPausesIsNotBlamedForItsUnreadPong) {
  limits().ping_interval_ns = seconds(5);
  limits().pong_timeout_ns = seconds(2);
  ConnectionRef ref;
  handler.received = [&ref](Connection& connection, MessageView) {
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  gate->pass(milliseconds(5100));
  client.text("pause");
  gate->settle();
  pass_answering(client, seconds(30));
  EXPECT_FALSE(client.close_code().has_value());
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  pass_answering(client, seconds(30));
  EXPECT_FALSE(client.close_code().has_value());
  EXPECT_GE(pings_count, 5);
}

TEST_F(DeviceDeadlines, SlowButSteadyReaderIsNotBlamedForItsUnreadPong) {
  limits().ping_interval_ns = seconds(5);
  limits().pong_timeout_ns = seconds(2);
  limits().send_queue_bytes_max = 20'000;
  start();
  DeviceClient client = device("a", "/ws");
  gate->pass(milliseconds(4900));
  gate->pass(milliseconds(200));
  const auto pings = client.take(Opcode::ping);
  ASSERT_EQ(pings.size(), 1U);
  client.peer().stop_reading();
  for (int i = 0; i < 20; ++i) {
    client.text(std::string(2000, 'x'));
    gate->settle();
  }
  client.peer().send(DeviceClient::frame(Opcode::pong, pings[0]));  // unread, since so much waits for the peer
  for (int i = 0; i < 40; ++i) {
    client.peer().stop_reading(100);
    gate->pass(milliseconds(500));
  }
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
  client.peer().resume_reading();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text).size(), 20U);
}

// -- Idle

TEST_F(DeviceDeadlines, IdleCountsMessagesAloneAndCloses4408) {
  limits().ping_interval_ns = seconds(5);
  limits().idle_timeout_ns = seconds(20);
  start();
  DeviceClient client = device("a", "/ws");
  pass_answering(client, seconds(15));
  client.text("not idle");
  pass_answering(client, seconds(19));
  client.ping("this is no message");
  EXPECT_FALSE(client.close_code().has_value());
  pass_answering(client, seconds(2));
  EXPECT_EQ(client.close_code(), 4408);
  EXPECT_EQ(client.close_reason(), "idle");
}

TEST_F(DeviceDeadlines, DeviceWhoseHandlerPausesIsNotIdle) {
  limits().idle_timeout_ns = seconds(20);
  ConnectionRef ref;
  std::size_t messages_count = 0;
  handler.received = [&](Connection& connection, MessageView) {
    ref = connection.ref();
    if (++messages_count == 1) connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.text("pause");
  gate->settle();
  for (int i = 0; i < 5; ++i) {
    client.text("unread");
    gate->pass(seconds(10));
  }
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(messages_count, 6U);
  gate->pass(seconds(21));
  client.read();
  EXPECT_EQ(client.close_code(), 4408) << "from here on it is";
}

// -- Slow consumers

TEST_F(DeviceDeadlines, PeerThatTakesNothingIs4430AndReset) {  // L01, L03
  start();
  DeviceClient client = device("a");
  client.peer().stop_reading(100);
  client.text(std::string(5000, 'x'));
  gate->pass(seconds(9));
  EXPECT_TRUE(is_online("a"));
  gate->pass(seconds(2));
  EXPECT_FALSE(is_online("a"));
  EXPECT_TRUE(client.saw_reset());
  EXPECT_EQ(gate->counters().slow_consumers.get(), 1U);
  ASSERT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(handler.closed[0].code, CloseCode::slow_consumer);
  gate->expect_nothing_left();
}

TEST_F(DeviceDeadlines, AnyByteTakenGivesTheSlowConsumerTimeAgain) {
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().stop_reading(100);
  client.text(std::string(5000, 'x'));
  for (int i = 0; i < 6; ++i) {
    gate->pass(seconds(8));
    client.peer().stop_reading(1);
    gate->settle();
  }
  EXPECT_TRUE(is_online("a"));
  gate->pass(seconds(11));
  EXPECT_FALSE(is_online("a"));
}

TEST_F(DeviceDeadlines, SendTimeoutHoldsWithEveryKindOfSend) {
  world_options.features.silent_sends = false;
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().stop_reading();
  EXPECT_EQ(push("a", "waits").outcome, PushOutcome::delivered);
  gate->pass(seconds(11));
  EXPECT_FALSE(is_online("a"));
  EXPECT_EQ(gate->counters().slow_consumers.get(), 1U);
  expect_nothing_left();
}

// -- Cold connections

class ColdDevices : public DeviceDeadlines {
 protected:
  ColdDevices() { options.settings.ring.cold_after_ns = seconds(5); }
  std::uint64_t cold_count() { return gate->counters().connections_cold.get(); }
};

TEST_F(ColdDevices, AreThoseThatWereSilentForSoLong) {
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(4));
  EXPECT_EQ(cold_count(), 0U);
  gate->pass(seconds(2));
  EXPECT_EQ(cold_count(), 1U);
  EXPECT_EQ(gate->counters().operations_in_flight.get(), 1U);
  EXPECT_TRUE(is_online("a"));
}

TEST_F(ColdDevices, AreServedLikeOthersAndGetColdAgain) {
  start();
  DeviceClient client = device("a");
  for (int i = 0; i < 3; ++i) {
    gate->pass(seconds(6));
    ASSERT_EQ(cold_count(), 1U);
    client.text("hello");
    gate->settle();
    EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"hello"});
    EXPECT_EQ(cold_count(), 0U);
    EXPECT_EQ(push("a", "pushed").outcome, PushOutcome::delivered);
    client.take(Opcode::text);
  }
}

TEST_F(ColdDevices, GetPushesAndPingsWithoutGettingWarm) {
  limits().ping_interval_ns = seconds(7);
  start();
  DeviceClient client = device("a");
  gate->pass(seconds(6));
  EXPECT_EQ(push("a", "pushed").outcome, PushOutcome::delivered);
  gate->pass(seconds(2));
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"pushed"});
  EXPECT_EQ(client.take(Opcode::ping).size(), 1U);
  EXPECT_EQ(cold_count(), 1U);
}

TEST_F(ColdDevices, StayWarmWhileTheySend) {
  start();
  DeviceClient client = device("a");
  for (int i = 0; i < 20; ++i) {
    gate->pass(seconds(1));
    client.text("hello");
    gate->settle();
    ASSERT_EQ(cold_count(), 0U);
  }
}

TEST_F(ColdDevices, EndAsOthersDo) {
  start();
  DeviceClient finishing = device("a");
  DeviceClient closed = device("b");
  DeviceClient replaced = device("c");
  gate->pass(seconds(6));
  ASSERT_EQ(cold_count(), 3U);
  finishing.peer().half_close();
  gate->on_shard(
      0, [](dispatch::PushService& pushes) { pushes.close_device("b", CloseCode{4000}, "", [](dispatch::CloseOutcome) {}); });
  DeviceClient newest = device("c");
  gate->settle();
  EXPECT_FALSE(is_online("a"));
  EXPECT_FALSE(is_online("b"));
  closed.read();
  replaced.read();
  EXPECT_EQ(closed.close_code(), 4000);
  EXPECT_EQ(replaced.close_code(), 4409);
  EXPECT_TRUE(is_online("c"));
  gate->pass(seconds(10));
  EXPECT_EQ(cold_count(), 1U) << "the newest";
  newest.peer().close();
  expect_nothing_left();
  EXPECT_EQ(cold_count(), 0U);
}

}  // namespace
}  // namespace ringgate::simulated
