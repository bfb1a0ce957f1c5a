// Output that waits for all slow devices together: over the budget, those for whom most waits are closed with 4430.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

constexpr std::uint64_t MiB = 1024 * 1024;

class OutputBudget : public DeviceFixture {
 protected:
  OutputBudget() {
    LimitsConfig& limits = options.settings.limits;
    limits.output_bytes_max = MiB;
    limits.send_queue_bytes_max = 128 * 1024;
    limits.push_bytes_max = 128 * 1024;
    limits.send_timeout_ns = 0;
    limits.ping_interval_ns = 0;
  }

  DeviceClient slow(const std::string& id) {
    DeviceClient client = device(id);
    client.peer().stop_reading();
    return client;
  }
  void let_wait(const std::string& id, std::size_t bytes) {
    push(id, std::string(2000, 'p'), 0, [](const PushResult&) {});  // now output waits
    gate->settle();
    for (; bytes >= 10'000; bytes -= 10'000) push(id, std::string(10'000, 'p'), 0, [](const PushResult&) {});
    gate->settle();
  }
};

TEST_F(OutputBudget, ThoseForWhomMostWaitsHaveToGo) {
  start();
  DeviceClient good = device("good");
  std::vector<DeviceClient> small;
  std::vector<DeviceClient> large;
  for (int i = 0; i < 10; ++i) {
    small.push_back(slow("small-" + std::to_string(i)));
    let_wait("small-" + std::to_string(i), 10'000);
  }
  for (int i = 0; i < 20; ++i) {
    large.push_back(slow("large-" + std::to_string(i)));
    let_wait("large-" + std::to_string(i), 100'000);
    ASSERT_LE(gate->counters().output_bytes.get(), MiB);
    EXPECT_EQ(push("good", "still here").outcome, PushOutcome::delivered);
  }
  EXPECT_EQ(gate->counters().output_bytes_max.get(), MiB);
  EXPECT_GT(gate->counters().queues_given_up.get(), 8U);
  EXPECT_EQ(gate->counters().queues_given_up.get(), handler.closed.size());
  for (const ScriptedHandler::Closed& closed : handler.closed) EXPECT_EQ(closed.code, CloseCode::slow_consumer);
  for (DeviceClient& client : large) client.peer().resume_reading();
  for (DeviceClient& client : small) client.peer().resume_reading();
  gate->settle();
  for (DeviceClient& client : small) EXPECT_EQ(client.take(Opcode::text).size(), 2U);
  std::size_t reset = 0;
  for (DeviceClient& client : large) {
    client.read();
    reset += client.saw_reset() ? 1U : 0U;
  }
  EXPECT_EQ(reset, handler.closed.size());
  EXPECT_EQ(gate->counters().output_bytes.get(), 0U);
  EXPECT_EQ(good.take(Opcode::text).size(), 20U);
}

TEST_F(OutputBudget, ABroadcastToAllCountsOnce) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(slow("d" + std::to_string(i)));
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of(std::string(100'000, 'b'))),
                     [](const BroadcastResult&) {});
  });
  gate->settle();
  EXPECT_GT(gate->counters().output_bytes.get(), 100'000U);
  EXPECT_EQ(gate->counters().queues_given_up.get(), 0U);
  for (DeviceClient& client : clients) client.peer().resume_reading();
  gate->settle();
  for (DeviceClient& client : clients) EXPECT_EQ(client.take(Opcode::text).size(), 1U);
  EXPECT_EQ(gate->counters().output_bytes.get(), 0U);
}

TEST_F(OutputBudget, OneThatGoesForAnotherReasonMakesRoomAndIsNotCounted) {
  options.settings.limits.send_timeout_ns = seconds(10);
  start();
  DeviceClient late = slow("late");
  let_wait("late", 120'000);  // the largest of all
  gate->pass(seconds(5));
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(slow("d" + std::to_string(i)));
    let_wait("d" + std::to_string(i), 90'000);
  }
  ASSERT_EQ(gate->counters().queues_given_up.get(), 0U);
  // In one turn its time is over, and what waits for the others passes the budget.
  world->advance(milliseconds(5200));
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    for (int i = 0; i < 18; ++i)
      pushes.push("d" + std::to_string(i % 9), ws::MessageRef::encode(MessageType::text, bytes_of(std::string(10'000, 'p'))),
                  [](const PushResult&) {});
  });
  EXPECT_EQ(gate->counters().slow_consumers.get(), 1U);
  gate->settle();
  EXPECT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(gate->counters().queues_given_up.get(), 0U);
}

TEST_F(OutputBudget, NothingIsLeftOfOneThatHadToGo) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(slow("d" + std::to_string(i)));
    let_wait("d" + std::to_string(i), 100'000);
  }
  for (DeviceClient& client : clients) client.peer().reset();
  expect_nothing_left();
  EXPECT_EQ(gate->counters().output_bytes.get(), 0U);
}

}  // namespace
}  // namespace ringgate::simulated
