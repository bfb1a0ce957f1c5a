// A drain ends by its bound, whatever devices do and whichever shard is stuck.
#include "server/shard_drain.h"

#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class ShardDrainTest : public DeviceFixture {
 protected:
  ShardDrainTest() {
    options.settings.drain.duration_ns = seconds(2);
    options.settings.limits.close_timeout_ns = seconds(3);
    options.settings.limits.send_timeout_ns = 0;  // nobody else resets a device that takes nothing
  }
  DurationNs bound() const { return server::ShardDrain::bound(options.settings); }

  /// A device with output that waits for it.
  DeviceClient device_that_takes_nothing(std::string_view id) {
    DeviceClient client = device(id);
    client.peer().stop_reading();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(push(id, std::string(1000, 'x')).outcome, PushOutcome::delivered);
    return client;
  }
};

TEST_F(ShardDrainTest, EndsBeforeItsBoundAlthoughADeviceHoldsOn) {
  start();
  DeviceClient client = device_that_takes_nothing("sticky");
  gate->start_draining();
  gate->pass(milliseconds(2900));
  client.close(1001);  // answers at the last moment, and then does not let go
  gate->pass(bound() - milliseconds(2900) - milliseconds(5));
  EXPECT_TRUE(gate->is_drained());
  EXPECT_EQ(handler.closed.size(), 1U);
  gate->expect_nothing_left();
}

TEST_F(ShardDrainTest, EndsAsSoonAsEverybodyIsGone) {
  start();
  DeviceClient client = device("polite");
  gate->start_draining();
  gate->pass(milliseconds(10));
  client.read();
  EXPECT_EQ(client.close_code(), 1001);
  client.close(1001);
  gate->pass(milliseconds(10));
  client.peer().close();
  gate->pass(milliseconds(100));
  EXPECT_TRUE(gate->is_drained());
}

TEST_F(ShardDrainTest, DoesNotWaitForAShardThatIsStuck) {
  options.shards_count = 2;
  start();
  DeviceClient here = device("here");
  DeviceClient there = device("there", "/handler", 1);
  gate->start_draining();
  // Shard 1 takes no turn from now on.
  const TimeNs until = world->now() + bound() + milliseconds(10);
  while (world->now() < until && !gate->is_done(0)) {
    EXPECT_FALSE(gate->is_drained());
    gate->turn(0);
    world->advance(milliseconds(5));
  }
  EXPECT_TRUE(gate->is_done(0));
  EXPECT_FALSE(gate->is_done(1));
  here.read();
  EXPECT_EQ(here.close_code(), 1001);
}

}  // namespace
}  // namespace ringgate::simulated
