// Who is let in when slots or descriptors run short: one listener never takes what is another's.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

// As the simulated gate listens: the kernel holds no more connections than that for one accept to bring.
constexpr int backlog = 16;
constexpr std::string_view health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

class Accepting : public DeviceFixture {
 protected:
  Accepting() { options.settings.admin.bind = "127.0.0.1:0"; }

  void without_direct_descriptors(std::uint32_t process_descriptors_max) {
    world_options.features.direct_descriptors = false;
    world_options.process_descriptors_max = process_descriptors_max;
  }
  /// True if a request on a new admin connection is answered 200; the connection stays.
  bool admin_answers() {
    ring::FakePeer& peer = gate->connect_admin();
    peer.send(health);
    gate->settle();
    admin_peers.push_back(&peer);
    return peer.received_text().starts_with("HTTP/1.1 200 ");
  }
  void fill_with_silent_devices(int count) {
    for (int i = 0; i < count; ++i) {
      silent.push_back(connect());
      if (i % backlog == backlog - 1) gate->settle();
    }
    gate->settle();
  }

  std::vector<ring::FakePeer*> admin_peers;
  std::vector<DeviceClient> silent;
};

TEST_F(Accepting, TheAdminPortStaysReachableWhenTheProcessHasNoDescriptors) {
  without_direct_descriptors(60);
  start();
  fill_with_silent_devices(60);
  const std::uint64_t used = gate->counters().slots_used.get();
  ASSERT_LT(used, 60U) << "descriptors have run out";
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < limits::reserved_descriptors_per_shard; ++i) EXPECT_TRUE(admin_answers()) << i;
    for (ring::FakePeer* peer : admin_peers) peer->close();
    admin_peers.clear();
    gate->pass(milliseconds(500));  // what they leave goes back into the reserve, not to the devices that wait
  }
  EXPECT_EQ(gate->counters().slots_used.get(), used);
}

TEST_F(Accepting, DevicesAreLetInAgainOnceThereAreDescriptors) {
  without_direct_descriptors(40);
  start();
  fill_with_silent_devices(40);
  EXPECT_TRUE(admin_answers());
  for (DeviceClient& client : silent) client.peer().close();
  for (ring::FakePeer* peer : admin_peers) peer->close();
  gate->pass(seconds(1));
  (void)device("late");
  EXPECT_TRUE(admin_answers());
}

TEST_F(Accepting, AdminConnectionsTakeNoMoreThanTheirCeiling) {
  options.settings.admin.connections_max = 4;
  start();
  for (int i = 0; i < 300; ++i) {
    (void)gate->connect_admin();
    if (i % backlog == backlog - 1) gate->settle();
  }
  EXPECT_EQ(gate->counters().admin_connections.get(), 4 + limits::spare_admin_connections);
  (void)device("a");
}

TEST_F(Accepting, DevicesLeaveTheAdminPortItsSlots) {
  start();
  fill_with_silent_devices(300);
  EXPECT_TRUE(admin_answers());
}

}  // namespace
}  // namespace ringgate::simulated
