// A handler that decides later: when the decision counts, and what happens to everybody who waits for it.
#include <optional>
#include <vector>

#include "base/limits.h"
#include "dispatch/entry.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class Deciding : public DeviceFixture {
 protected:
  Deciding() {
    handler.asked = [this](const UpgradeRequest& request) -> UpgradeVerdict {
      waiting.push_back(request.ref());
      return UpgradeLater{};
    };
  }
  /// A device whose decision is awaited.
  DeviceClient waiter(std::string_view id, std::string_view more = "") {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request(id, "/handler") + std::string(more));
    gate->settle();
    client.read();
    EXPECT_FALSE(client.status().has_value());
    return client;
  }
  DecideOutcome decide(ConnectionRef ref, UpgradeDecision decision) {
    std::optional<DecideOutcome> outcome;
    gate->decide(ref, std::move(decision), [&](DecideOutcome result) {
      EXPECT_FALSE(outcome.has_value());
      outcome = result;
    });
    gate->settle();
    EXPECT_TRUE(outcome.has_value());
    return outcome.value_or(DecideOutcome::unavailable);
  }
  std::uint64_t waiting_count() { return gate->counters().handshakes_waiting.get(); }

  std::vector<ConnectionRef> waiting;
};

TEST_F(Deciding, OpensWhenTheDecisionComes) {
  start();
  DeviceClient client = waiter("d", DeviceClient::frame(Opcode::text, "early"));
  EXPECT_EQ(waiting_count(), 1U);
  EXPECT_EQ(gate->state().connections.load(), 0U) << "who waits is no connection yet";
  EXPECT_FALSE(is_online("d"));
  client.text("later");
  gate->settle();
  std::vector<std::string> calls;
  handler.opened = [&](Connection& connection) { calls.push_back("open " + std::string(connection.device_id())); };
  handler.received = [&](Connection& connection, MessageView message) {
    calls.emplace_back(text_of(message.payload));
    connection.echo();
  };
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{.fields = {{"Set-Cookie", "a=b"}}}), DecideOutcome::opened);
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"early", "later"}));
  EXPECT_EQ(client.status(), 101);
  EXPECT_TRUE(client.head().contains("Set-Cookie: a=b\r\n"));
  EXPECT_TRUE(client.head().contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_EQ(calls, (std::vector<std::string>{"open d", "early", "later"}));
  EXPECT_EQ(waiting_count(), 0U);
  EXPECT_TRUE(is_online("d"));
  EXPECT_EQ(decide(waiting.at(0), UpgradeRefusal{}), DecideOutcome::gone) << "one decision counts";
  client.text("on");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"on"});
  client.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, ADecisionThatFindsNoRoomIsGivenBackAndCanBeBroughtAgain) {
  start();
  DeviceClient client = waiter("d");
  dispatch::Entry entry(gate->state(), 10);
  for (std::size_t i = 0; i < limits::inlet_parcels_max; ++i) (void)entry.with_connection({.word = 1}, [](Connection&) {});
  UpgradeDecision decision = UpgradeAccept{.fields = {{"Set-Cookie", "a=b"}}};
  EXPECT_FALSE(entry.try_decide(waiting.at(0), decision));
  gate->settle();
  EXPECT_EQ(waiting_count(), 1U);
  EXPECT_TRUE(entry.try_decide(waiting.at(0), decision));
  gate->settle();
  client.read();
  EXPECT_EQ(client.status(), 101);
  EXPECT_TRUE(client.head().contains("Set-Cookie: a=b\r\n"));
  UpgradeDecision late = UpgradeRefusal{};
  EXPECT_TRUE(entry.try_decide(waiting.at(0), late)) << "nobody waits for it, and nobody need try again";
  EXPECT_TRUE(entry.try_decide({}, late));
  client.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, TakesHeadAndFramesCutAnywhere) {
  start();
  const std::string input =
      DeviceClient::request("cut", "/handler") + DeviceClient::frame(Opcode::text, "x") + DeviceClient::frame(Opcode::text, "y");
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    DeviceClient client = connect();
    client.peer().send(input.substr(0, cut));
    gate->settle();
    client.peer().send(input.substr(cut));
    gate->settle();
    ASSERT_EQ(decide(waiting.back(), UpgradeAccept{}), DecideOutcome::opened) << "cut at " << cut;
    ASSERT_EQ(client.take(Opcode::text), (std::vector<std::string>{"x", "y"})) << "cut at " << cut;
    client.peer().reset();
    gate->settle();
  }
  expect_nothing_left();
}

TEST_F(Deciding, TakesFramesCutByTheDecision) {
  start();
  const std::string frames = DeviceClient::frame(Opcode::text, "x") + DeviceClient::frame(Opcode::text, "y");
  for (std::size_t cut = 0; cut <= frames.size(); ++cut) {
    DeviceClient client = waiter("cut", frames.substr(0, cut));
    ASSERT_EQ(decide(waiting.back(), UpgradeAccept{}), DecideOutcome::opened);
    client.peer().send(frames.substr(cut));
    gate->settle();
    ASSERT_EQ(client.take(Opcode::text), (std::vector<std::string>{"x", "y"})) << "cut at " << cut;
    client.peer().reset();
    gate->settle();
  }
  expect_nothing_left();
}

TEST_F(Deciding, RefusesWhenTheDecisionSaysSo) {
  start();
  DeviceClient owner = connect();
  DeviceClient client = waiter("d", DeviceClient::frame(Opcode::text, "early"));
  EXPECT_EQ(decide(waiting.at(0), UpgradeRefusal{.status = 401, .reason = "who_are_you"}), DecideOutcome::refused);
  client.read();
  EXPECT_EQ(client.status(), 401);
  EXPECT_TRUE(client.saw_end());
  EXPECT_EQ(handler.open_count, 0);
  EXPECT_EQ(waiting_count(), 0U);
  EXPECT_EQ(gate->counters().handshakes_refused.get(), 1U);
  client = waiter("d");
  EXPECT_EQ(decide(waiting.at(1), UpgradeAccept{.device_id = "not valid"}), DecideOutcome::refused);
  client.read();
  EXPECT_EQ(client.status(), 500);
  owner.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, WaitsForOneDecisionBehindAnother) {
  start();
  DeviceClient first = waiter("same");
  DeviceClient second = waiter("same");
  EXPECT_EQ(decide(waiting.at(1), UpgradeAccept{}), DecideOutcome::opened);
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::opened);
  second.read();
  EXPECT_EQ(second.close_code(), 4409) << "the one that was let in last has the id";
  first.read();
  EXPECT_FALSE(first.close_code().has_value());
}

TEST_F(Deciding, AnswersWhoWaitsTooLongWith504) {
  options.settings.limits.authentication_timeout_ns = seconds(3);
  start();
  DeviceClient client = waiter("d");
  gate->pass(milliseconds(2900));
  client.read();
  EXPECT_FALSE(client.status().has_value());
  gate->pass(milliseconds(200));
  client.read();
  EXPECT_EQ(client.status(), 504);
  EXPECT_TRUE(client.saw_end());
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::gone);
  EXPECT_EQ(handler.open_count, 0);
  expect_nothing_left();
}

TEST_F(Deciding, ForgetsWhoFinishesOrResetsMeanwhile) {
  start();
  DeviceClient finished = waiter("a", DeviceClient::frame(Opcode::text, "early"));
  DeviceClient reset = waiter("b");
  DeviceClient closed = waiter("c");
  finished.peer().half_close();
  reset.peer().reset();
  closed.peer().close();
  gate->settle();
  EXPECT_EQ(waiting_count(), 0U);
  EXPECT_EQ(gate->counters().slots_used.get(), 0U);
  EXPECT_EQ(gate->counters().handshakes_abandoned.get(), 3U);
  for (const ConnectionRef ref : waiting) EXPECT_EQ(decide(ref, UpgradeAccept{}), DecideOutcome::gone);
  EXPECT_EQ(handler.open_count, 0);
  expect_nothing_left();
}

TEST_F(Deciding, OpensNothingBetweenTheNoticeOfAFinAndTheFin) {
  start();
  for (int turns = 0; turns < 8; ++turns) {
    DeviceClient client = waiter("d", DeviceClient::frame(Opcode::text, "early"));
    client.text("later");
    client.peer().half_close();
    for (int i = 0; i < turns && gate->is_awake(0); ++i) gate->turn(0);
    EXPECT_EQ(decide(waiting.back(), UpgradeAccept{}), DecideOutcome::gone) << "after " << turns << " turns";
    client.read();
    EXPECT_FALSE(client.status().has_value()) << "what it sent is dropped already";
  }
  EXPECT_EQ(handler.open_count, 0);
  expect_nothing_left();
}

TEST_F(Deciding, ForgetsWhoSendsItsFinWithItsHead) {
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("d", "/handler"));
  client.peer().half_close();
  gate->settle();
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::gone);
  expect_nothing_left();
}

TEST_F(Deciding, AnswersWhoWaitsWith503WhenTheGateDrains) {
  start();
  DeviceClient client = waiter("d");
  gate->start_draining();
  gate->settle();
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::gone);
  client.read();
  EXPECT_EQ(client.status(), 503);
  gate->pass(seconds(30));
  EXPECT_TRUE(gate->is_drained());
  EXPECT_EQ(handler.open_count, 0);
}

TEST_F(Deciding, HasACeilingOfItsOwnAndReservesWhenItOpens) {
  options.settings.limits.authenticating_max = 3;
  options.settings.limits.connections_max = 2;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(waiter("d" + std::to_string(i)));
  DeviceClient fourth = connect();
  fourth.open("d3", "/handler");
  gate->settle();
  fourth.read();
  EXPECT_EQ(fourth.status(), 503);
  EXPECT_TRUE(fourth.head().contains("Retry-After: "));
  EXPECT_EQ(decide(waiting.at(3), UpgradeAccept{}), DecideOutcome::gone);
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::opened);
  EXPECT_EQ(decide(waiting.at(1), UpgradeAccept{}), DecideOutcome::opened);
  EXPECT_EQ(decide(waiting.at(2), UpgradeAccept{}), DecideOutcome::refused);
  clients[2].read();
  EXPECT_EQ(clients[2].status(), 503);
  for (DeviceClient& client : clients) client.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, BoundsTheMemoryOfThoseWhoWait) {
  options.settings.limits.heads_bytes_max = 1;  // the shard's floor: 512 KiB
  start();
  const std::string fields = "X: " + std::string(14'000, 'x') + "\r\n";
  int refused = 0;
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(connect());
    clients.back().peer().send(DeviceClient::request("d" + std::to_string(i), "/handler", fields));
    gate->settle();
    clients.back().read();
    refused += clients.back().status() == 503 ? 1 : 0;
    EXPECT_LE(gate->counters().heads_bytes.get(), gate->counters().heads_bytes_max.get());
  }
  EXPECT_GT(refused, 10);
  EXPECT_LT(refused, 50);
  for (DeviceClient& client : clients) client.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, DoesNotReadFromWhoWaits) {
  start();
  DeviceClient client = waiter("d");
  const std::uint64_t before = gate->counters().wire_bytes_in.get();
  for (int i = 0; i < 100; ++i) {
    client.peer().send(std::string(1000, 'x'));
    gate->settle();
  }
  EXPECT_LE(gate->counters().wire_bytes_in.get() - before, 10'000U);
  client.peer().reset();
  expect_nothing_left();
}

TEST_F(Deciding, RunsNoTaskForWhoWaits) {
  start();
  DeviceClient client = waiter("d");
  bool ran = false;
  gate->with_connection(waiting.at(0), [&](Connection&) { ran = true; });
  gate->settle();
  EXPECT_FALSE(ran);
  client.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, LetsOnOpenPauseResumeAndClose) {
  start();
  std::vector<std::string> calls;
  handler.received = [&](Connection&, MessageView message) { calls.emplace_back(text_of(message.payload)); };
  handler.opened = [&](Connection& connection) {
    connection.pause();
    connection.resume();
    calls.emplace_back("open");
  };
  DeviceClient resumed = waiter("a", DeviceClient::frame(Opcode::text, "x"));
  decide(waiting.back(), UpgradeAccept{});
  EXPECT_EQ(calls, (std::vector<std::string>{"open", "x"})) << "no message within on_open";

  handler.opened = [](Connection& connection) { connection.pause(); };
  DeviceClient paused = waiter("b", DeviceClient::frame(Opcode::text, "y"));
  decide(waiting.back(), UpgradeAccept{});
  EXPECT_EQ(calls.size(), 2U);
  gate->with_connection(waiting.back(), [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(calls.back(), "y");

  handler.opened = [](Connection& connection) { connection.close(CloseCode::normal, "at once"); };
  DeviceClient closed = waiter("c", DeviceClient::frame(Opcode::text, "z") + DeviceClient::close_frame(1000));
  EXPECT_EQ(decide(waiting.back(), UpgradeAccept{}), DecideOutcome::opened);
  closed.read();
  EXPECT_EQ(closed.close_code(), 1000);
  EXPECT_EQ(calls.back(), "y");
  resumed.peer().close();
  paused.peer().close();
  closed.peer().close();
  expect_nothing_left();
}

TEST_F(Deciding, RefusesWhoWasBannedMeanwhileAndWhomTheVerdictNames) {
  start();
  constexpr std::int64_t now = 1'800'000'000;  // the fake ring's wall clock when the world begins
  DeviceClient banned = waiter("banned");
  DeviceClient renamed = waiter("renamed");
  gate->state().denied.ban("banned", now + 100, now);
  EXPECT_EQ(decide(waiting.at(0), UpgradeAccept{}), DecideOutcome::refused);
  EXPECT_EQ(decide(waiting.at(1), UpgradeAccept{.device_id = "banned"}), DecideOutcome::refused);
  for (DeviceClient* client : {&banned, &renamed}) {
    client->read();
    EXPECT_EQ(client->status(), 403);
  }
  EXPECT_EQ(handler.open_count, 0);
  expect_nothing_left();
}

TEST_F(Deciding, TellsWhoDecidesAfterTheEnd) {
  start();
  DeviceClient client = waiter("d");
  std::optional<DecideOutcome> outcome;
  int freed = 0;
  UpgradeAccept accept;
  accept.user_data = UserData(&freed, [](void* count) { ++*static_cast<int*>(count); });
  gate->decide(waiting.at(0), std::move(accept), [&](DecideOutcome result) { outcome = result; });
  gate->close_down();
  EXPECT_EQ(outcome, DecideOutcome::gone);
  EXPECT_EQ(freed, 1);
}

}  // namespace
}  // namespace ringgate::simulated
