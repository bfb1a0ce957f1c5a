// Questions that find a device on the move, a full lane or a shard that does not turn: each is answered once, in time, and truly.
#include "base/limits.h"
#include "dispatch/entry.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using dispatch::CloseOutcome;
using dispatch::DescribeOutcome;
using ws::Opcode;

class Outcomes : public DeviceFixture {
 protected:
  Outcomes() { options.shards_count = 3; }

  void ask_to_describe(std::string_view id, std::size_t shard) {
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.describe(id, [this](dispatch::DescribeResult result) {
        described.push_back(result.outcome);
        if (result.device != nullptr) shards.push_back(result.device->shard);
      });
    });
  }
  void ask_to_close(std::string_view id, std::size_t shard) {
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.close_device(id, CloseCode::closed_by_backend, "over", [this](CloseOutcome outcome) { closed.push_back(outcome); });
    });
  }
  void fill_lane(std::size_t from, std::string_view id) {
    gate->on_shard(from, [&](dispatch::PushService& pushes) {
      for (std::size_t i = 0; i < limits::lane_parcels_max; ++i)
        pushes.push(id, ws::MessageRef::encode(MessageType::text, bytes_of("x")), [](const PushResult&) {});
    });
  }
  /// `older` goes without the map being told, and a newer connection to `shard` owns the id, before any other shard turns.
  DeviceClient move(std::string_view id, std::size_t shard) {
    const std::uint64_t before = gate->counters(shard).takeovers.get();
    DeviceClient newer = connect(shard);
    newer.open(id);
    while (gate->counters(shard).takeovers.get() == before) gate->turn(shard);
    return newer;
  }

  std::vector<DescribeOutcome> described;
  std::vector<std::uint32_t> shards;
  std::vector<CloseOutcome> closed;
};

TEST_F(Outcomes, DescribingFollowsADeviceThatMoves) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  ask_to_describe("a", 2);
  older.peer().reset();  // shard 0 learns of this before it looks at its mailbox
  DeviceClient newer = move("a", 1);
  gate->settle();
  EXPECT_EQ(described, std::vector{DescribeOutcome::found});
  EXPECT_EQ(shards, std::vector{1U});
}

TEST_F(Outcomes, ClosingFollowsADeviceThatMoves) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  ask_to_close("a", 2);
  older.peer().reset();
  DeviceClient newer = move("a", 1);
  gate->settle();
  newer.read();
  EXPECT_EQ(closed, std::vector{CloseOutcome::closed});
  EXPECT_EQ(newer.close_code(), 4000);
}

TEST_F(Outcomes, OneClosingHandshakeIsStartedOnce) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  ask_to_close("a", 0);
  ask_to_close("a", 1);
  ask_to_close("a", 2);
  gate->settle();
  EXPECT_EQ(std::ranges::count(closed, CloseOutcome::closed), 1);
  EXPECT_EQ(std::ranges::count(closed, CloseOutcome::unknown_device), 2);
}

TEST_F(Outcomes, TwoThatAskAtOnceCloseOnce) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  ask_to_close("a", 1);  // both are under way before shard 0 turns
  ask_to_close("a", 2);
  gate->settle();
  EXPECT_EQ(std::ranges::count(closed, CloseOutcome::closed), 1);
  EXPECT_EQ(std::ranges::count(closed, CloseOutcome::unknown_device), 1);
}

TEST_F(Outcomes, DeviceThatHasGoneIsUnknownAndNotMoving) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  ask_to_describe("a", 1);
  ask_to_close("a", 1);
  client.peer().reset();
  gate->settle();
  EXPECT_EQ(described, std::vector{DescribeOutcome::unknown_device});
  EXPECT_EQ(closed, std::vector{CloseOutcome::unknown_device});
}

TEST_F(Outcomes, DeviceThatMovesEachTimeIsFollowedABoundedNumberOfTimes) {
  start();
  std::vector<DeviceClient> clients;
  clients.push_back(device("a", "/handler", 0));
  ask_to_describe("a", 2);
  ask_to_close("a", 2);
  // Each time a shard is asked, the device has just gone from there to the other one.
  for (std::size_t at = 0; described.empty() || closed.empty(); at = 1 - at) {
    ASSERT_LT(clients.size(), 50U);
    clients.back().peer().reset();
    clients.push_back(move("a", 1 - at));
    for (int i = 0; i < 3; ++i) gate->turn(at);
    gate->turn(2);
  }
  EXPECT_EQ(described, std::vector{DescribeOutcome::unavailable});
  EXPECT_EQ(closed, std::vector{CloseOutcome::moving});
  EXPECT_EQ(clients.size(), limits::owners_asked_max + 1);
  gate->settle();
  EXPECT_TRUE(is_online("a"));
}

TEST_F(Outcomes, FullLaneIsNoAbsence) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  fill_lane(1, "a");
  ask_to_describe("a", 1);
  ask_to_close("a", 1);
  EXPECT_EQ(described, std::vector{DescribeOutcome::unavailable});
  EXPECT_EQ(closed, std::vector{CloseOutcome::backpressure});
  gate->settle();
  ask_to_describe("a", 1);
  gate->settle();
  EXPECT_EQ(described.back(), DescribeOutcome::found);
}

// -- A shard that does not turn

class StuckShard : public Outcomes {
 protected:
  /// Shard 0 stands still.
  void let_seconds_pass(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      world->advance(seconds(1));
      for (const std::size_t shard : {1U, 2U})
        while (gate->is_awake(shard)) gate->turn(shard);
    }
  }
};

TEST_F(StuckShard, PushEndsByItsDeadlineWithAnUnknownOutcome) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  std::vector<PushResult> results;
  push("a", "x", 1, [&](const PushResult& result) { results.push_back(result); });
  let_seconds_pass(limits::answer_seconds - 1);
  EXPECT_TRUE(results.empty());
  let_seconds_pass(2);
  ASSERT_EQ(results.size(), 1U) << "and the shard woke for it";
  EXPECT_EQ(results[0].outcome, PushOutcome::unknown_outcome);
  EXPECT_NE(results[0].connection, ConnectionRef{});
  EXPECT_EQ(gate->outstanding(1), 0U);
  gate->settle();
  EXPECT_EQ(results.size(), 1U);
  EXPECT_EQ(gate->counters(1).answers_late.get(), 1U);
  EXPECT_EQ(gate->counters(1).push_unknown_outcome.get(), 1U);
  EXPECT_EQ(gate->counters(1).push_delivered.get(), 0U) << "counted once";
  EXPECT_EQ(client.take(Opcode::text).size(), 1U) << "it was delivered all the same";
}

TEST_F(StuckShard, AQuestionBehindALongSleepHasItsWholeTime) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  world->advance(seconds(3600));
  std::vector<PushOutcome> outcomes;
  push("a", "x", 1, [&](const PushResult& result) { outcomes.push_back(result.outcome); });
  for (std::uint64_t i = 0; i < 10 * limits::answer_seconds - 1; ++i) {
    world->advance(milliseconds(100));
    while (gate->is_awake(1)) gate->turn(1);
    ASSERT_TRUE(outcomes.empty()) << "after " << i + 1 << " tenths of a second";
  }
  let_seconds_pass(1);
  EXPECT_EQ(outcomes, std::vector{PushOutcome::unknown_outcome});
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text).size(), 1U) << "it was delivered all the same";
}

TEST_F(StuckShard, LateAnswerAnswersNobodyElse) {
  start();
  DeviceClient stuck = device("stuck", "/handler", 0);
  DeviceClient moving = device("moving", "/handler", 2);
  std::vector<PushOutcome> first, second;
  push("stuck", "x", 1, [&](const PushResult& result) { first.push_back(result.outcome); });
  let_seconds_pass(limits::answer_seconds + 1);
  EXPECT_EQ(first, std::vector{PushOutcome::unknown_outcome});
  push("moving", "y", 1,
       [&](const PushResult& result) { second.push_back(result.outcome); });  // its place among the tickets is the same
  gate->turn(0);
  gate->turn(0);
  gate->turn(1);
  EXPECT_TRUE(second.empty()) << "answered by the late one";
  EXPECT_EQ(gate->counters(1).answers_late.get(), 1U);
  gate->settle();
  EXPECT_EQ(second, std::vector{PushOutcome::delivered});
}

TEST_F(StuckShard, QuestionsEndTooAndTheNextOnesDoNotWait) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  ask_to_describe("a", 1);
  ask_to_close("a", 2);
  let_seconds_pass(limits::answer_seconds + 1);
  EXPECT_EQ(described, std::vector{DescribeOutcome::unavailable});
  EXPECT_EQ(closed, std::vector{CloseOutcome::unknown_outcome});
  ask_to_describe("a", 1);
  EXPECT_EQ(described.size(), 2U) << "at once: that shard is known not to answer";
  gate->settle();
  ask_to_describe("a", 1);
  gate->settle();
  EXPECT_EQ(described.back(), DescribeOutcome::unknown_device) << "it was closed, late";
}

TEST_F(StuckShard, ProcessThatWasStoppedGivesNothingUp) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  std::vector<PushOutcome> outcomes;
  push("a", "x", 1, [&](const PushResult& result) { outcomes.push_back(result.outcome); });
  world->advance(seconds(30));  // nobody turned: SIGSTOP, or a suspended machine
  gate->turn(1);
  EXPECT_TRUE(outcomes.empty());
  gate->settle();
  EXPECT_EQ(outcomes, std::vector{PushOutcome::delivered});
}

// -- Threads that are no shard

TEST_F(Outcomes, PushThatNoShardHasSeenIsCountedAsWell) {
  start();
  DeviceClient client = device("a", "/handler", 0);
  dispatch::Entry entry(gate->state(), 10);
  std::vector<PushOutcome> outcomes;
  const auto push_outside = [&](std::string_view id, MessageType type, std::string_view payload) {
    entry.push(id, {type, bytes_of(payload)}, [&](const PushResult& result) { outcomes.push_back(result.outcome); });
  };
  push_outside("a", MessageType::text, "12345678901");
  push_outside("a", MessageType::text, "\xff");
  push_outside("nobody", MessageType::text, "x");
  for (std::size_t i = 0; i < limits::inlet_parcels_max; ++i) (void)entry.with_connection({.word = 1}, [](Connection&) {});
  push_outside("a", MessageType::text, "x");
  EXPECT_EQ(outcomes, (std::vector{PushOutcome::too_large, PushOutcome::invalid_utf8, PushOutcome::unknown_device,
                                   PushOutcome::backpressure}));
  gate->settle();
  push_outside("a", MessageType::binary, "\xff");
  gate->settle();
  EXPECT_EQ(outcomes.back(), PushOutcome::delivered);
  entry.push("a", {MessageType::text, bytes_of("nobody wants to know")}, nullptr);
  entry.push("a", {MessageType::text, bytes_of("x")}, nullptr);
  gate->settle();
  gate->close_down();
  push_outside("a", MessageType::text, "x");
  EXPECT_EQ(outcomes.back(), PushOutcome::closing);
  std::uint64_t counted = 0;
  for (const auto& one : gate->state().outside.pushes) counted += one.load();
  EXPECT_EQ(counted, 6U) << "four, one without a callback that is too large, and the last";
  EXPECT_EQ(gate->counters(0).push_delivered.get(), 2U);
}

}  // namespace
}  // namespace ringgate::simulated
