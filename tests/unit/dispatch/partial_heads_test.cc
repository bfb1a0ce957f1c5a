// Request heads that are begun and not finished: the memory of all of them together.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

constexpr std::uint64_t budget = 1024 * 1024;

class PartialHeads : public DeviceFixture {
 protected:
  PartialHeads() {
    options.settings.limits.heads_bytes_max = budget;
    options.slots_count = 4096;
  }

  /// A head of 15,000 bytes, without its end.
  static std::string half_head(std::string_view id) {
    std::string head = DeviceClient::request(id);
    head.resize(head.size() - 2);
    while (head.size() < 15'000) head += "X-Filler: " + std::string(1000, 'x') + "\r\n";
    return head;
  }
  DeviceClient begun(const std::string& id) {
    DeviceClient client = connect();
    client.peer().send(half_head(id));
    gate->settle();
    return client;
  }
};

TEST_F(PartialHeads, TheOldestAreAnswered503WhenMemoryIsShort) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(begun("d" + std::to_string(i)));
    ASSERT_LE(gate->counters().heads_bytes.get(), budget);
  }
  std::size_t refused = 0;
  for (DeviceClient& client : clients) {
    client.read();
    if (!client.status()) break;
    EXPECT_EQ(client.status(), 503);
    EXPECT_NE(client.head().find("Retry-After: "), std::string::npos);
    EXPECT_TRUE(client.saw_end());
    ++refused;
  }
  EXPECT_GT(refused, 100U);
  EXPECT_EQ(gate->counters().heads_given_up.get(), refused);
  for (std::size_t i = refused; i < clients.size(); ++i) {
    clients[i].peer().send("\r\n");
    gate->settle();
    clients[i].read();
    EXPECT_EQ(clients[i].status(), 101) << i;
  }
  EXPECT_EQ(gate->counters().heads_bytes.get(), 0U);
  EXPECT_EQ(gate->counters().heads_bytes_max.get(), budget);
}

TEST_F(PartialHeads, AHeadThatGrowsCountsWhatItHolds) {
  options.settings.limits.handshake_timeout_ns = seconds(60);
  start();
  DeviceClient client = connect();
  const std::string head = half_head("slow");
  for (std::size_t at = 0; at < head.size(); at += 100) {
    client.peer().send(head.substr(at, 100));
    gate->settle();
    ASSERT_GE(gate->counters().heads_bytes.get(), std::min(at + 100, head.size()));
  }
  client.peer().send("\r\n");
  gate->settle();
  client.read();
  EXPECT_EQ(client.status(), 101);
  EXPECT_EQ(gate->counters().heads_bytes.get(), 0U);
}

TEST_F(PartialHeads, NothingIsCountedOfAHeadThatEnded) {
  start();
  DeviceClient late = begun("late");
  DeviceClient cut = begun("cut");
  DeviceClient finished = begun("finished");
  DeviceClient bad = begun("bad");
  EXPECT_GT(gate->counters().heads_bytes.get(), 60'000U);
  cut.peer().reset();
  finished.peer().close();
  bad.peer().send("no field\r\n");
  gate->settle();
  EXPECT_LT(gate->counters().heads_bytes.get(), 40'000U);
  gate->pass(seconds(11));
  late.read();
  EXPECT_EQ(late.status(), 408);
  EXPECT_EQ(gate->counters().heads_bytes.get(), 0U);
  expect_nothing_left();
}

TEST_F(PartialHeads, WhoseHeadIsWholeIsServedBesideThem) {
  start();
  DeviceClient good = device("good");
  for (int i = 0; i < 200; ++i) {
    const DeviceClient half = begun("d" + std::to_string(i));
    good.text("still here");
    gate->settle();
    ASSERT_EQ(good.take(ws::Opcode::text), std::vector<std::string>{"still here"});
  }
  EXPECT_EQ(device("newcomer").status(), 101);
}

TEST_F(PartialHeads, FramesBehindALateHeadAreAMessageInTheMaking) {
  start();
  DeviceClient client = begun("a");
  client.peer().send("\r\n" + DeviceClient::frame(ws::Opcode::text, "half", false));
  gate->settle();
  client.peer().send(DeviceClient::frame(ws::Opcode::continuation, " and half"));
  gate->settle();
  EXPECT_EQ(client.take(ws::Opcode::text), std::vector<std::string>{"half and half"});
}

}  // namespace
}  // namespace ringgate::simulated
