// A shard whose handler does not return: what others can still do, and what they see of it.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class BusyShard : public DeviceFixture {
 protected:
  BusyShard() { options.shards_count = 2; }

  /// `count` ids that nobody had before come to shard 1, and those before them go. Refused ones fail the test.
  void take_new_ids(std::uint64_t count) {
    device::DeviceMap::Shard map = gate->state().map.of(1);
    for (const std::uint64_t end = next_id + count; next_id < end; ++next_id) {
      const std::string id = "new-" + std::to_string(next_id);
      ASSERT_TRUE(map.attach(gate->state().hash(id), ref_of(next_id))) << "after " << next_id << " ids";
      if (next_id >= staying_count) {
        const std::string old = "new-" + std::to_string(next_id - staying_count);
        ASSERT_TRUE(map.detach(gate->state().hash(old), ref_of(next_id - staying_count)));
      }
    }
  }
  static device::ConnectionRef ref_of(std::uint64_t number) {
    return {1, static_cast<std::uint32_t>(number % 1000), static_cast<std::uint32_t>(number) + 1};
  }

  static constexpr std::uint64_t staying_count = 8000;  // so many that the first table is too small
  std::uint64_t next_id = 0;
};

TEST_F(BusyShard, HoldsNoTableOfTheDeviceMapAndStopsNoNewIdElsewhere) {
  start();
  std::size_t waiting = 99;
  handler.received = [&](Connection& connection, MessageView) {
    take_new_ids(500'000);  // all while this call lasts
    gate->state().map.reclaim();
    waiting = gate->state().map.tables_waiting_count();
    connection.echo();
  };
  DeviceClient client = device("blocked");
  const std::uint64_t rebuilds = gate->state().map.rebuilds_count();
  client.text("x");
  gate->settle();
  EXPECT_EQ(client.take(ws::Opcode::text), std::vector<std::string>{"x"});
  EXPECT_GT(gate->state().map.rebuilds_count(), rebuilds + limits::device_tables_waiting_max);
  EXPECT_EQ(waiting, 0U);
}

TEST_F(BusyShard, SaysSinceWhenItsTurnLasts) {
  start();
  gate->pass(seconds(3));
  const TimeNs began = world->now();
  gate->on_shard(0, [&](dispatch::PushService&) {
    world->advance(seconds(5));  // it blocks
    EXPECT_EQ(gate->counters(0).turn_began.get(), began);
  });
  gate->on_shard(0, [&](dispatch::PushService&) { EXPECT_EQ(gate->counters(0).turn_began.get(), world->now()); });
}

}  // namespace
}  // namespace ringgate::simulated
