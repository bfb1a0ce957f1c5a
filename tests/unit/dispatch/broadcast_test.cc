// Broadcasts: to everybody once, in the order of their producer on every path, bounded, with an outcome of their own.
#include "base/limits.h"
#include "dispatch/entry.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class Broadcast : public DeviceFixture {
 protected:
  Broadcast() { options.shards_count = 2; }

  static ws::MessageRef text(std::string_view payload) { return ws::MessageRef::encode(MessageType::text, bytes_of(payload)); }

  BroadcastCallback note(std::string_view name) {
    return [this, name = std::string(name)](const BroadcastResult& result) { results.emplace_back(name, result.outcome); };
  }

  std::vector<std::pair<std::string, BroadcastOutcome>> results;
};

TEST_F(Broadcast, ReachesEveryDeviceOnceAndCounts) {
  options.slots_count = 6000;  // more than one turn's share of slots
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < 50; ++i) clients.push_back(device("d" + std::to_string(i), "/ws", i % 2));
  clients[7].peer().reset();
  DeviceClient half_made = connect();
  half_made.peer().send("GET /ws?");
  gate->settle();
  BroadcastResult total;
  int calls = 0;
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of("all")), [&](const BroadcastResult& result) {
      total = result;
      ++calls;
    });
  });
  gate->settle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(total.outcome, BroadcastOutcome::completed);
  EXPECT_EQ(total.matched, 49U);
  EXPECT_EQ(total.delivered, 49U);
  EXPECT_EQ(total.refused, 0U);
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].take(Opcode::text).size(), i == 7 ? 0U : 1U);
}

TEST_F(Broadcast, OneThatWaitsForRoomInALaneIsNotOvertakenByTheNext) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    for (std::size_t i = 0; i < limits::lane_parcels_max; ++i)
      pushes.push("a", text("x"), [&, i](const PushResult&) {
        // Room again, in the middle of a turn: the first broadcast has not seen it yet.
        if (i == 0) pushes.broadcast(text("second"), note("second"));
      });
    pushes.broadcast(text("first"), note("first"));
  });
  gate->settle();
  std::vector<std::string> received = client.take(Opcode::text);
  std::erase(received, "x");
  EXPECT_EQ(received, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(results.size(), 2U);
}

TEST_F(Broadcast, OneShardStartsThoseOfForeignThreadsSoThatTheyKeepTheirOrder) {
  start();
  DeviceClient near = device("near", "/handler", 0);
  DeviceClient far = device("far", "/handler", 1);
  dispatch::Entry entry(gate->state(), 1000);
  for (std::size_t i = 0; i < limits::inlet_parcels_max; ++i)
    (void)entry.with_connection({.word = 1}, [](Connection&) {});  // shard 0: its inlet is full
  entry.broadcast({MessageType::text, bytes_of("refused")}, note("refused"));
  ASSERT_EQ(results.size(), 1U) << "not by a shard that would not keep the order";
  EXPECT_EQ(results[0], std::pair(std::string("refused"), BroadcastOutcome::backpressure));
  gate->settle();
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    expected.push_back(std::to_string(i));
    entry.broadcast({MessageType::text, bytes_of(expected.back())}, note(expected.back()));
    if (i % 3 == 0) gate->turn(static_cast<std::size_t>(i % 2));
  }
  gate->settle();
  EXPECT_EQ(near.take(Opcode::text), expected);
  EXPECT_EQ(far.take(Opcode::text), expected);
  EXPECT_EQ(results.size(), 21U);
}

TEST_F(Broadcast, NoMoreThanTheCeilingAreUnderWayOnAShard) {
  start();
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    for (std::uint32_t i = 0; i < limits::broadcasts_open_max + 3; ++i) pushes.broadcast(text("x"), note("x"));
  });
  const auto refused_count = [&] {
    return std::ranges::count(results, BroadcastOutcome::backpressure, [](auto& r) { return r.second; });
  };
  EXPECT_EQ(refused_count(), 3);
  gate->settle();
  EXPECT_EQ(results.size(), limits::broadcasts_open_max + 3);
  EXPECT_EQ(refused_count(), 3);
  gate->on_shard(1, [&](dispatch::PushService& pushes) { pushes.broadcast(text("y"), note("y")); });
  gate->settle();
  EXPECT_EQ(results.back().second, BroadcastOutcome::completed);
  EXPECT_EQ(gate->counters(1).broadcast_completed.get(), limits::broadcasts_open_max + 1);
  EXPECT_EQ(gate->counters(1).broadcast_backpressure.get(), 3U);
}

TEST_F(Broadcast, NoMoreThanTheCeilingWaitAtAShardThatDoesNotTurn) {
  start();
  dispatch::Entry entry(gate->state(), 1000);
  for (std::uint32_t i = 0; i < limits::broadcasts_open_max + 3; ++i)
    entry.broadcast({MessageType::text, bytes_of("x")}, note("x"));
  EXPECT_EQ(results.size(), 3U);
  EXPECT_EQ(gate->state().outside.broadcasts[static_cast<std::size_t>(BroadcastOutcome::backpressure)].load(), 3U);
  gate->settle();
  EXPECT_EQ(results.size(), limits::broadcasts_open_max + 3);
  EXPECT_EQ(gate->state().broadcasts_posted.load(), 0U);
}

TEST_F(Broadcast, WhatMayNotBeSentIsRefusedOnceAndReachesNobody) {
  start();
  DeviceClient client = device("a");
  dispatch::Entry entry(gate->state(), 10);
  entry.broadcast({MessageType::text, bytes_of("12345678901")}, note("large"));
  entry.broadcast({MessageType::text, bytes_of("\xff")}, note("invalid"));
  entry.broadcast({MessageType::binary, bytes_of("\xff")}, note("binary"));
  gate->settle();
  EXPECT_EQ(results, (std::vector<std::pair<std::string, BroadcastOutcome>>{{"large", BroadcastOutcome::too_large},
                                                                            {"invalid", BroadcastOutcome::invalid_utf8},
                                                                            {"binary", BroadcastOutcome::completed}}));
  EXPECT_EQ(client.take(Opcode::binary).size(), 1U);
}

TEST_F(Broadcast, AShardThatDoesNotReportLeavesTheOutcomeUnknownAndItsCountIsLate) {
  start();
  DeviceClient near = device("near", "/handler", 1);
  DeviceClient far = device("far", "/handler", 0);
  BroadcastResult result;
  int calls = 0;
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    pushes.broadcast(text("x"), [&](const BroadcastResult& r) {
      result = r;
      ++calls;
    });
  });
  for (std::uint64_t second = 0; second <= limits::broadcast_answer_seconds; ++second) {
    EXPECT_EQ(calls, 0) << second;
    gate->turn(1);
    world->advance(seconds(1));
  }
  gate->turn(1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(result.outcome, BroadcastOutcome::unknown_outcome);
  EXPECT_EQ(result.delivered, 1U) << "what the others reached";
  gate->settle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(gate->counters(1).answers_late.get(), 1U);
  EXPECT_EQ(gate->counters(1).broadcast_unknown_outcome.get(), 1U);
}

TEST_F(Broadcast, GateThatEndsSaysSo) {
  start();
  for (const char* name : {"near", "far"}) (void)device(name, "/handler", name[0] == 'n' ? 0 : 1);
  gate->on_shard(1, [&](dispatch::PushService& pushes) { pushes.broadcast(text("x"), note("from a shard")); });
  dispatch::Entry entry(gate->state(), 10);
  entry.broadcast({MessageType::text, bytes_of("x")}, note("posted"));
  gate->close_down();
  entry.broadcast({MessageType::text, bytes_of("x")}, note("afterwards"));
  ASSERT_EQ(results.size(), 3U);
  for (const auto& [name, outcome] : results) EXPECT_EQ(outcome, BroadcastOutcome::closing) << name;
}

}  // namespace
}  // namespace ringgate::simulated
