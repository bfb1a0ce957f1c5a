// Messages that are begun and not finished: their time and their memory.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class Unfinished : public DeviceFixture {
 protected:
  Unfinished() {
    options.settings.limits.ping_interval_ns = 0;
    options.settings.limits.message_timeout_ns = seconds(10);
    handler.opened = [this](Connection& connection) { last_ = connection.ref(); };
  }

  ConnectionRef ref_of_last() const { return last_; }

  DeviceClient begun(std::string_view id, std::string_view payload = "half a mess") {
    DeviceClient client = device(id);
    client.peer().send(DeviceClient::frame(Opcode::text, payload, false));
    gate->settle();
    return client;
  }

  /// Frames of which each is finished a second after it was begun, and in the receive that begins the next: every receive ends inside
  /// a frame, none of which takes long. The last one is not finished.
  void send_across_receives(DeviceClient& client, Opcode opcode, int frames_count) {
    std::string rest;
    for (int i = 0; i < frames_count; ++i) {
      const std::string next = DeviceClient::frame(opcode, std::to_string(i));
      client.peer().send(rest + next.substr(0, 3));
      rest = next.substr(3);
      gate->settle();
      gate->pass(seconds(1));
    }
  }

 private:
  ConnectionRef last_;
};

TEST_F(Unfinished, AMessageHasItsTimeAndNoMore) {
  start();
  DeviceClient client = begun("a");
  gate->pass(milliseconds(9'900));
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
  gate->pass(milliseconds(300));
  client.read();
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_EQ(client.close_reason(), "message not finished in time");
}

TEST_F(Unfinished, NeitherPongsNorMoreOfItGiveAMessageMoreTime) {
  start();
  DeviceClient client = begun("a");
  for (int i = 0; i < 12 && !client.close_code(); ++i) {
    gate->pass(seconds(1));
    client.ping("alive");
    client.peer().send(DeviceClient::frame(Opcode::continuation, "more", false));
    gate->settle();
    client.read();
  }
  EXPECT_EQ(client.close_code(), 1008);
}

TEST_F(Unfinished, AFrameCutInItsHeaderHasItsTimeToo) {
  start();
  DeviceClient client = device("a");
  client.peer().send("\x81");
  gate->settle();
  gate->pass(seconds(11));
  client.read();
  EXPECT_EQ(client.close_code(), 1008);
}

TEST_F(Unfinished, EachMessageBeginsAnew) {
  start();
  DeviceClient client = device("a");
  send_across_receives(client, Opcode::text, 40);
  EXPECT_EQ(client.take(Opcode::text).size(), 39U);
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(Unfinished, FinishedInTimeIsForgotten) {
  start();
  DeviceClient client = begun("a");
  client.peer().send(DeviceClient::frame(Opcode::continuation, "age"));
  gate->settle();
  gate->pass(seconds(30));
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"half a message"});
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(Unfinished, PingsThatAreFinishedAreNoMessageThatIsNot) {
  start();
  DeviceClient client = device("a");
  send_across_receives(client, Opcode::ping, 40);
  EXPECT_EQ(client.take(Opcode::pong).size(), 39U);
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(Unfinished, APausedHandlerCostsAMessageNoTime) {
  Connection* paused = nullptr;
  handler.received = [&](Connection& connection, MessageView) {
    connection.pause();
    paused = &connection;
  };
  ConnectionRef ref;
  handler.opened = [&](Connection& connection) { ref = connection.ref(); };
  start();
  DeviceClient client = device("a");
  client.text("stop here");
  gate->settle();
  ASSERT_NE(paused, nullptr);
  client.peer().send(DeviceClient::frame(Opcode::text, "half", false));
  gate->settle();
  gate->pass(seconds(30));
  client.read();
  EXPECT_FALSE(client.close_code().has_value());
}

TEST_F(Unfinished, TheOldestIsGivenUpWhenMemoryIsShort) {
  options.settings.limits.message_timeout_ns = 0;
  options.settings.limits.message_bytes_max = 1024 * 1024;
  options.settings.limits.reassembly_bytes_max = 1024 * 1024;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(begun("d" + std::to_string(i), std::string(300'000, 'x')));
  std::size_t closed = 0;
  for (DeviceClient& client : clients) {
    client.read();
    if (!client.close_code()) break;
    EXPECT_EQ(client.close_code(), 1013);
    ++closed;
  }
  EXPECT_GT(closed, 0U);
  for (std::size_t i = closed; i < clients.size(); ++i) {
    clients[i].peer().send(DeviceClient::frame(Opcode::continuation, "!"));
    gate->settle();
    EXPECT_EQ(clients[i].take(Opcode::text), std::vector<std::string>{std::string(300'000, 'x') + '!'}) << i;
  }
  EXPECT_EQ(gate->counters().messages_given_up.get(), closed);
}

TEST_F(Unfinished, NoMoreAreGivenUpThanMemoryIsShortOf) {
  options.settings.limits.message_timeout_ns = 0;
  options.settings.limits.message_bytes_max = 1024 * 1024;
  options.settings.limits.reassembly_bytes_max = 1024 * 1024;  // a shard's part is then 2 MiB
  options.slots_count = 4096;
  start();
  std::vector<DeviceClient> clients;
  std::uint64_t before = 0;
  for (int i = 0; i < 2600; ++i) {
    clients.push_back(begun("d" + std::to_string(i), std::string(900, 'x')));
    const std::uint64_t given_up = gate->counters().messages_given_up.get();
    ASSERT_LE(given_up, before + 2) << "one more begun, of the same size";
    before = given_up;
  }
  EXPECT_GT(before, 0U);
}

TEST_F(Unfinished, WhatAClosingDeviceSendsCountsToo) {
  options.settings.limits.message_timeout_ns = 0;
  options.settings.limits.message_bytes_max = 1024 * 1024;
  options.settings.limits.reassembly_bytes_max = 1024 * 1024;
  start();
  DeviceClient honest = begun("honest");
  std::vector<DeviceClient> closing;
  for (int i = 0; i < 6; ++i) {
    closing.push_back(device("bad" + std::to_string(i)));
    gate->with_connection(ref_of_last(), [](Connection& connection) { connection.close(CloseCode{4000}, "leave"); });
    gate->settle();
    closing.back().peer().send(DeviceClient::frame(Opcode::binary, std::string(900'000, 'x'), false));
    gate->settle();
  }
  // The oldest is the honest one; after it those who are closing go, and newcomers are served.
  DeviceClient newcomer = begun("new");
  newcomer.peer().send(DeviceClient::frame(Opcode::continuation, "age"));
  gate->settle();
  EXPECT_EQ(newcomer.take(Opcode::text), std::vector<std::string>{"half a message"});
}

}  // namespace
}  // namespace ringgate::simulated
