// How devices' connections end: the closing handshake both ways, without one, by takeover.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class DeviceClosing : public DeviceFixture {
 protected:
  /// Starts a closing handshake by the gate, as the admin API does.
  void close_by_gate(std::string_view id, std::uint16_t code, std::string_view reason = "over") {
    auto outcome = dispatch::CloseOutcome::unknown_device;
    gate->on_shard(0, [&](dispatch::PushService& pushes) {
      pushes.close_device(id, static_cast<CloseCode>(code), std::string(reason),
                          [&outcome](dispatch::CloseOutcome result) { outcome = result; });
    });
    gate->settle();
    EXPECT_EQ(outcome, dispatch::CloseOutcome::closed);
  }
};

TEST_F(DeviceClosing, AnswersThePeersCloseWithItsCodeAndClosesTcpFirst) {  // J15, J21
  start();
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999}) {
    DeviceClient client = device("a");
    client.close(static_cast<std::uint16_t>(code));
    gate->settle();
    client.read();
    EXPECT_EQ(client.close_code(), code);
    EXPECT_TRUE(client.saw_end()) << "FIN comes from the gate";
    EXPECT_FALSE(is_online("a"));
    gate->pass(seconds(2));
    EXPECT_EQ(gate->counters().slots_used.get(), 0U) << "whatever the peer does";
    EXPECT_EQ(handler.closed.back().code, static_cast<CloseCode>(code));
  }
  expect_nothing_left();
}

TEST_F(DeviceClosing, AnswersAnEmptyCloseWithAnEmptyOne) {  // J01
  start();
  DeviceClient client = device("a");
  client.peer().send(DeviceClient::frame(Opcode::close, ""));
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1005);
  EXPECT_EQ(handler.closed.size(), 0U);
  gate->pass(seconds(2));
  ASSERT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(handler.closed[0].code, CloseCode::no_status);
}

TEST_F(DeviceClosing, IgnoresWhatFollowsAClose) {  // J19
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().send(DeviceClient::close_frame(1000) + DeviceClient::frame(Opcode::text, "late") +
                     DeviceClient::frame(Opcode::ping, "late") + DeviceClient::close_frame(1001));
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_TRUE(client.frames().empty());
  expect_nothing_left();
}

TEST_F(DeviceClosing, GatesCloseWaitsForThePeersAnswer) {
  start();
  DeviceClient client = device("a", "/ws");
  close_by_gate("a", 4001, "go");
  client.read();
  EXPECT_EQ(client.close_code(), 4001);
  EXPECT_EQ(client.close_reason(), "go");
  EXPECT_FALSE(client.saw_end());
  client.text("still under way");
  client.ping("too");
  gate->settle();
  client.read();
  EXPECT_TRUE(client.frames().empty()) << "nothing follows a Close";
  client.close(4001);
  gate->settle();
  client.read();
  EXPECT_TRUE(client.saw_end());
  EXPECT_FALSE(client.saw_reset());
  expect_nothing_left();
}

TEST_F(DeviceClosing, GatesCloseGivesUpAfterTheCloseTimeout) {  // J20
  start();
  DeviceClient client = device("a", "/ws");
  close_by_gate("a", 4001);
  for (int i = 0; i < 9; ++i) {
    client.text("keeps sending");
    gate->pass(milliseconds(500));
  }
  EXPECT_FALSE(client.saw_end());
  EXPECT_FALSE(is_online("a"));
  gate->pass(seconds(1));
  EXPECT_TRUE(client.saw_end() || client.saw_reset());
  EXPECT_EQ(gate->counters().slots_used.get(), 0U);
  expect_nothing_left();
}

TEST_F(DeviceClosing, SendsACodeThatMayNotTravelAs1011) {
  start();
  handler.received = [](Connection& connection, MessageView) { connection.close(CloseCode::abnormal, "never on the wire"); };
  DeviceClient client = device("a");
  client.text("x");
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1011);
}

TEST_F(DeviceClosing, CutsALongReasonBetweenCharacters) {
  start();
  DeviceClient client = device("a");
  std::string reason;
  for (int i = 0; i < 62; ++i) reason += "\xC3\xA9";
  close_by_gate("a", 4001, reason);
  client.read();
  EXPECT_EQ(client.close_reason(), reason.substr(0, 122));
}

TEST_F(DeviceClosing, FinWithoutCloseIs1006AndFreesTheIdAtOnce) {  // J22
  start();
  DeviceClient client = device("a");
  client.peer().half_close();
  gate->settle();
  EXPECT_FALSE(is_online("a"));
  EXPECT_EQ(push("a", "x").outcome, PushOutcome::unknown_device);
  EXPECT_TRUE(client.saw_end());
  ASSERT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(handler.closed[0].code, CloseCode::abnormal);
  gate->expect_nothing_left();
}

TEST_F(DeviceClosing, ResetIsFreedInEveryState) {  // J23
  const auto opened = [this](std::string_view id) { return device(id, "/ws"); };
  start();
  DeviceClient in_frame = opened("frame");
  in_frame.peer().send(DeviceClient::frame(Opcode::text, "cut in the middle").substr(0, 9));
  DeviceClient in_message = opened("message");
  in_message.peer().send(DeviceClient::frame(Opcode::text, "a fragment", false));
  DeviceClient sending = opened("sending");
  sending.peer().stop_reading();
  sending.text("cannot be echoed");
  DeviceClient closing = opened("closing");
  close_by_gate("closing", 4001);
  gate->settle();
  for (DeviceClient* client : {&in_frame, &in_message, &sending, &closing}) client->peer().reset();
  gate->settle();
  gate->expect_nothing_left();
}

TEST_F(DeviceClosing, ResetOfOneTakesNothingFromAnotherThatWritesNext) {
  start();
  DeviceClient lost = device("lost", "/ws");
  DeviceClient first = device("first", "/ws");
  DeviceClient second = device("second", "/ws");
  lost.peer().reset();
  // Written to and found reset in one turn: its output is withdrawn.
  push("lost", "into the reset", 0, [](const PushResult&) {});
  for (int round = 0; round < 4; ++round) {
    first.text("one");
    gate->turn(0);
    second.text("two");
    gate->turn(0);
  }
  gate->settle();
  EXPECT_EQ(first.take(Opcode::text), std::vector<std::string>(4, "one"));
  EXPECT_EQ(second.take(Opcode::text), std::vector<std::string>(4, "two"));
}

// -- Takeover

TEST_F(DeviceClosing, NewestHandshakeOwnsTheIdOnTheSameShardAndOnAnother) {  // L10, 4409
  for (const std::size_t other : {0U, 1U}) {
    SCOPED_TRACE(other);
    options.shards_count = 2;
    start();
    DeviceClient older = device("a", "/handler", 0);
    DeviceClient newer = device("a", "/handler", other);
    older.read();
    EXPECT_EQ(older.close_code(), 4409);
    EXPECT_EQ(older.close_reason(), "replaced");
    EXPECT_EQ(push("a", "to the newer one", 0).outcome, PushOutcome::delivered);
    EXPECT_EQ(push("a", "from the other side", 1).outcome, PushOutcome::delivered);
    EXPECT_EQ(newer.take(Opcode::text), (std::vector<std::string>{"to the newer one", "from the other side"}));
    older.read();
    EXPECT_TRUE(older.frames().empty());
    older.close(4409);
    gate->settle();
    EXPECT_TRUE(older.saw_end());
    EXPECT_TRUE(is_online("a")) << "the end of the older one leaves the newer one's entry alone";
    EXPECT_EQ(gate->counters(other).takeovers.get(), 1U);
    newer.close(1000);
    expect_nothing_left();
  }
}

TEST_F(DeviceClosing, RefusedNewcomerLeavesTheOwnerUntouched) {  // L13
  start();
  DeviceClient owner = device("a");
  DeviceClient refused = connect();
  refused.peer().send(DeviceClient::request("a", "/handler", "Origin: http://elsewhere\r\n"));
  gate->settle();
  refused.read();
  EXPECT_EQ(refused.status(), 403);
  owner.read();
  EXPECT_FALSE(owner.close_code().has_value());
  EXPECT_TRUE(is_online("a"));
}

// -- Drain

TEST_F(DeviceClosing, DrainSends1001AndEndsWhenAllAreGone) {  // J26
  options.shards_count = 2;
  options.settings.drain.duration_ns = seconds(2);
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(device("d" + std::to_string(i), "/ws", static_cast<std::size_t>(i % 2)));
  DeviceClient half_made = connect();
  half_made.peer().send("GET /ws?de");
  gate->settle();
  gate->start_draining();
  for (int i = 0; i < 40 && !gate->is_drained(); ++i) {
    gate->pass(milliseconds(100));
    for (DeviceClient& client : clients) {
      client.read();
      if (client.close_code() && !client.saw_end()) client.close(*client.close_code());
    }
  }
  EXPECT_TRUE(gate->is_drained());
  for (DeviceClient& client : clients) {
    client.read();
    EXPECT_EQ(client.close_code(), 1001);
    EXPECT_TRUE(client.close_reason().starts_with("restart; retry_after_ms="));
  }
  gate->expect_nothing_left();
}

TEST_F(DeviceClosing, DrainSendsTheAdminAnswersThatAreOwed) {
  options.shards_count = 2;
  options.settings.admin.bind = "127.0.0.1:0";
  start();
  ring::FakePeer& asking = gate->connect_admin(0);
  ring::FakePeer& idle = gate->connect_admin(0);
  gate->settle();
  gate->start_draining();
  while (gate->is_awake(1)) gate->turn(1);
  // The other shard has no device left and waits for this one, which begins a broadcast in the very turn that ends its drain.
  asking.send(
      "POST /v1/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  gate->pass(seconds(5));
  EXPECT_TRUE(gate->is_drained());
  const std::string answer(asking.received_text());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 ")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a request that was not begun is not served";
  EXPECT_TRUE(asking.saw_end());
  EXPECT_TRUE(idle.saw_end());
  EXPECT_EQ(idle.received_text(), "");
  gate->expect_nothing_left();
}

TEST_F(DeviceClosing, DrainTellsAnAdminConnectionThatIsAcceptedAtItsEndWhy) {
  options.settings.admin.bind = "127.0.0.1:0";
  start();
  gate->start_draining();
  ring::FakePeer* late = nullptr;
  // In the turn that stops listening, which the kernel is told only after it has accepted the connection.
  gate->on_shard(0, [&](dispatch::PushService&) { late = &gate->connect_admin(); });
  late->send("GET /v1/devices HTTP/1.1\r\nHost: localhost\r\n\r\n");
  gate->pass(seconds(5));
  EXPECT_TRUE(gate->is_drained());
  const std::string answer(late->received_text());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"stopping\""), std::string::npos) << answer;
  EXPECT_TRUE(late->saw_end());
  gate->expect_nothing_left();
}

TEST_F(DeviceClosing, DrainDoesNotWaitForPeersThatNeverAnswer) {
  start();
  DeviceClient mute = device("mute", "/ws");
  DeviceClient stuck = device("stuck", "/ws");
  stuck.peer().stop_reading();
  stuck.text("cannot be echoed");
  gate->settle();
  gate->start_draining();
  gate->pass(seconds(15));
  EXPECT_TRUE(gate->is_drained());
  gate->expect_nothing_left();
}

}  // namespace
}  // namespace ringgate::simulated
