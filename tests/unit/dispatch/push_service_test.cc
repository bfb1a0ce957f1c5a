// Pushes by id, on the owner's shard and on others: one result each, in order, under the ceiling.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class PushService : public DeviceFixture {
 protected:
  PushService() { options.shards_count = 2; }

  /// How many bytes of payload make a frame of `frame_bytes` (below 64 KiB).
  static std::string payload_of_frame(std::size_t frame_bytes) {
    return std::string(frame_bytes - (frame_bytes <= 127 ? 2 : 4), 'p');
  }
};

TEST_F(PushService, DeliversFromItsOwnShardAndFromAnother) {
  start();
  DeviceClient client = device("a");
  const PushResult near = push("a", "near", 0);
  const PushResult far = push("a", "far", 1);
  EXPECT_EQ(near.outcome, PushOutcome::delivered);
  EXPECT_EQ(far.outcome, PushOutcome::delivered);
  EXPECT_EQ(near.connection, far.connection);
  EXPECT_NE(near.connection, ConnectionRef{});
  EXPECT_EQ(near.queued_bytes, 6U);
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"near", "far"}));
  EXPECT_EQ(gate->counters(0).push_crossed.get(), 0U);
  EXPECT_EQ(gate->counters(1).push_crossed.get(), 1U);
  EXPECT_EQ(gate->counters(1).push_delivered.get(), 1U);
}

TEST_F(PushService, SaysWhoIsUnknown) {
  start();
  const PushResult result = push("nobody", "x", 1);
  EXPECT_EQ(result.outcome, PushOutcome::unknown_device);
  EXPECT_EQ(result.connection, ConnectionRef{});
}

TEST_F(PushService, RefusesWhatIsTooLarge) {
  options.settings.limits.push_bytes_max = 1000;
  start();
  DeviceClient client = device("a");
  EXPECT_EQ(push("a", std::string(1000, 'x')).outcome, PushOutcome::delivered);
  EXPECT_EQ(push("a", std::string(1001, 'x')).outcome, PushOutcome::too_large);
  EXPECT_EQ(push("a", std::string(1001, 'x'), 1).outcome, PushOutcome::too_large);
}

TEST_F(PushService, QueueTakesAnythingWhenEmptyAndTheSumUpToTheLimit) {
  options.settings.limits.send_queue_bytes_max = 4000;
  start();
  for (const std::size_t shard : {0U, 1U}) {
    const std::string id = "a" + std::to_string(shard);
    DeviceClient client = device(id);
    client.peer().stop_reading();
    const PushResult large = push(id, payload_of_frame(10'000), shard);
    EXPECT_EQ(large.outcome, PushOutcome::delivered) << "into an empty queue";
    EXPECT_EQ(large.queued_bytes, 10'000U);
    EXPECT_EQ(push(id, "x", shard).outcome, PushOutcome::backpressure);
    client.peer().resume_reading();
    gate->settle();
    client.peer().stop_reading();
    EXPECT_EQ(push(id, payload_of_frame(3000), shard).outcome, PushOutcome::delivered);
    EXPECT_EQ(push(id, payload_of_frame(1001), shard).outcome, PushOutcome::backpressure) << "limit + 1";
    const PushResult last = push(id, payload_of_frame(1000), shard);
    EXPECT_EQ(last.outcome, PushOutcome::delivered) << "the limit itself";
    EXPECT_EQ(last.queued_bytes, 4000U);
    EXPECT_EQ(push(id, "", shard).outcome, PushOutcome::backpressure);
    client.peer().resume_reading();
    gate->settle();
    EXPECT_EQ(client.take(Opcode::text).size(), 3U);
    EXPECT_EQ(gate->counters(shard).push_backpressure.get(), 3U);
  }
}

TEST_F(PushService, LargeMessagesGoUncopiedToOtherMachines) {
  options.shards_count = 1;
  options.settings.ring.zero_copy_bytes = 5000;
  start();
  DeviceClient near = device("near");
  DeviceClient far = distant_device("far");
  const auto uncopied = [&] {
    for (int i = 0; i < 20; ++i) gate->pass(nanoseconds_per_millisecond);  // the acknowledgement takes some turns
    return gate->counters().zero_copies.get();
  };
  const std::string large = payload_of_frame(5000);
  const std::string small = payload_of_frame(4999);
  EXPECT_EQ(push("far", small).outcome, PushOutcome::delivered);
  EXPECT_EQ(push("near", large).outcome, PushOutcome::delivered);
  EXPECT_EQ(uncopied(), 0U);
  EXPECT_EQ(push("far", large).outcome, PushOutcome::delivered);
  EXPECT_EQ(uncopied(), 1U);
  far.peer().stop_reading(2000);  // taken in parts; the last ones are too small
  EXPECT_EQ(push("far", large).outcome, PushOutcome::delivered);
  EXPECT_EQ(push("far", "behind it").outcome, PushOutcome::delivered);
  gate->settle();
  far.peer().resume_reading();
  EXPECT_EQ(uncopied(), 2U);
  EXPECT_EQ(far.take(Opcode::text), (std::vector<std::string>{small, large, large, "behind it"}));
  EXPECT_EQ(near.take(Opcode::text), std::vector<std::string>{large});
  near.peer().close();
  far.peer().close();
  expect_nothing_left();
}

TEST_F(PushService, EchoesNeverTripTheCeiling) {
  options.settings.limits.send_queue_bytes_max = 4096;
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().stop_reading();
  std::string run;
  for (int i = 0; i < 100; ++i) run += DeviceClient::frame(Opcode::text, std::string(1000, 'e'));
  client.peer().send(run);
  gate->settle();
  EXPECT_EQ(push("a", "x").outcome, PushOutcome::backpressure);
  client.peer().resume_reading();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text).size(), 100U);
}

TEST_F(PushService, KeepsTheOrderOfOneProducer) {
  start();
  DeviceClient client = device("a");
  std::vector<std::string> expected;
  int delivered = 0;
  for (int i = 0; i < 500; ++i) {
    expected.push_back(std::to_string(i) + std::string(i % 7 == 0 ? 2000U : 5U, 'x'));
    push("a", expected.back(), 1,
         [&delivered](const PushResult& result) { delivered += result.outcome == PushOutcome::delivered; });
    if (i % 150 == 0) gate->turn(0);
  }
  gate->settle();
  EXPECT_EQ(delivered, 500);
  EXPECT_EQ(client.take(Opcode::text), expected);
}

TEST_F(PushService, FullLaneIsBackpressureAndNothingIsLostBehindIt) {
  start();
  DeviceClient client = device("a");
  const std::size_t count = limits::lane_parcels_max + 100;
  std::size_t delivered = 0;
  std::size_t refused = 0;
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    for (std::size_t i = 0; i < count; ++i)
      pushes.push("a", ws::MessageRef::encode(MessageType::text, bytes_of("x")), [&](const PushResult& result) {
        ++(result.outcome == PushOutcome::delivered ? delivered : refused);
        EXPECT_TRUE(result.outcome == PushOutcome::delivered || result.outcome == PushOutcome::backpressure);
      });
  });
  EXPECT_EQ(refused, 100U);
  gate->settle();
  EXPECT_EQ(delivered, limits::lane_parcels_max);
  EXPECT_EQ(client.take(Opcode::text).size(), limits::lane_parcels_max);
  EXPECT_EQ(push("a", "room again", 1).outcome, PushOutcome::delivered);
}

TEST_F(PushService, TakeoverNoticeWaitsForRoomInAFullLane) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  DeviceClient filler = device("b", "/handler", 0);
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  gate->on_shard(1, [](dispatch::PushService& pushes) {
    for (std::size_t i = 0; i < limits::lane_parcels_max; ++i)
      pushes.push("b", ws::MessageRef::encode(MessageType::text, bytes_of("x")), [](const PushResult&) {});
  });
  gate->settle();
  older.read();
  EXPECT_EQ(older.close_code(), 4409);
  EXPECT_EQ(filler.take(Opcode::text).size(), limits::lane_parcels_max);
}

TEST_F(PushService, PushInFlightDuringATakeoverIsDeliveredInOrderOrReported) {  // L12
  start();
  DeviceClient older = device("a", "/handler", 0);
  std::vector<PushOutcome> outcomes;
  const auto push_number = [&](int number) {
    push("a", std::to_string(number), 1, [&outcomes](const PushResult& result) { outcomes.push_back(result.outcome); });
  };
  push_number(0);
  push_number(1);
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  while (!gate->counters(1).takeovers.get()) gate->turn(1);  // shard 0 has not looked at its mailbox yet
  push_number(2);
  gate->settle();
  ASSERT_EQ(outcomes.size(), 3U);
  auto received = newer.take(Opcode::text);
  EXPECT_TRUE(std::ranges::is_sorted(received)) << "pushes of one producer to one connection keep their order";
  for (const std::string& number : older.take(Opcode::text)) received.push_back(number);
  EXPECT_EQ(received.size(), static_cast<std::size_t>(std::ranges::count(outcomes, PushOutcome::delivered)));
}

TEST_F(PushService, PushThatComesTooLateForAMovedDeviceDoesNotOvertakeAndIsRefused) {  // L12
  start();
  DeviceClient older = device("a", "/handler", 0);
  std::vector<PushOutcome> outcomes;
  const auto push_number = [&](int number) {
    push("a", std::to_string(number), 1, [&outcomes](const PushResult& result) { outcomes.push_back(result.outcome); });
  };
  push_number(0);
  push_number(1);
  older.peer().reset();  // shard 0 learns of this before it looks at its mailbox
  DeviceClient newer = connect(1);
  newer.open("a", "/handler");
  while (!gate->counters(1).takeovers.get()) gate->turn(1);
  push_number(2);
  gate->settle();
  EXPECT_EQ(newer.take(Opcode::text), std::vector<std::string>{"2"});
  EXPECT_EQ(outcomes, (std::vector{PushOutcome::delivered, PushOutcome::closing, PushOutcome::closing}));
}

TEST_F(PushService, PushFromOutsideThatComesTooLateIsRefusedToo) {
  start();
  DeviceClient older = device("a", "/handler", 0);
  const auto owner = *gate->state().map.find_from_outside(gate->state().hash("a"));
  older.peer().reset();
  gate->settle();
  std::vector<PushOutcome> outcomes;
  const auto push_late = [&] {
    gate->push_from_outside("a", owner, "late", [&](const PushResult& result) { outcomes.push_back(result.outcome); });
    gate->settle();
  };
  push_late();
  DeviceClient newer = device("a", "/handler", 1);
  push_late();
  EXPECT_EQ(outcomes, (std::vector{PushOutcome::unknown_device, PushOutcome::closing}));
  EXPECT_TRUE(newer.take(Opcode::text).empty());
}

TEST_F(PushService, ClosingDeviceGetsNoPush) {
  start();
  DeviceClient client = device("a");
  gate->on_shard(1, [](dispatch::PushService& pushes) {
    pushes.close_device("a", CloseCode::closed_by_backend, "go", [](dispatch::CloseOutcome) {});
  });
  gate->settle();
  EXPECT_NE(push("a", "x", 0).outcome, PushOutcome::delivered);
  EXPECT_NE(push("a", "x", 1).outcome, PushOutcome::delivered);
  client.read();
  EXPECT_TRUE(client.frames().empty());
}

TEST_F(PushService, DescribesADeviceFromAnyShard) {
  start();
  device("a", "/ws", 0);
  gate->pass(seconds(3));
  for (const std::size_t shard : {0U, 1U}) {
    std::unique_ptr<dispatch::DeviceInfo> info;
    gate->on_shard(shard, [&info](dispatch::PushService& pushes) {
      pushes.describe("a", [&info](dispatch::DescribeResult result) { info = std::move(result.device); });
    });
    gate->settle();
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->device_id, "a");
    EXPECT_EQ(info->shard, 0U);
    EXPECT_EQ(info->path, "/ws");
    EXPECT_TRUE(info->remote.starts_with("127.0.0.1:"));
    EXPECT_EQ(info->last_seen_seconds - info->since_seconds, 0);
  }
}

}  // namespace
}  // namespace ringgate::simulated
