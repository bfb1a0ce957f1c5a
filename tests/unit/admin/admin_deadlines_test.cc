// What a caller of the admin API must do in time, on the simulated clock.
#include <gtest/gtest.h>

#include "admin_gate.h"

namespace ringgate::admin {
namespace {

using namespace testing;

constexpr DurationNs second = nanoseconds_per_second;

/// Sends `text` at one byte per `pause`, until the connection ends or the text does. Returns the time it
/// took.
DurationNs dribble(AdminGate& gate, FakePeer& peer, std::string_view text, DurationNs pause) {
  const TimeNs start = gate.world.now();
  for (const char& byte : text) {
    if (peer.saw_end() || peer.saw_reset()) break;
    peer.send({&byte, 1});
    gate.advance(pause);
  }
  return gate.world.now() - start;
}

TEST(AdminDeadlines, F01_HangsUpOnSilence) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  gate.advance(9 * second);
  EXPECT_FALSE(peer.saw_end());
  gate.advance(2 * second);
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(peer.received_text(), "");
}

TEST(AdminDeadlines, F02_TheHeadHasATotalDeadline) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  const DurationNs took = dribble(gate, peer, get_request("/healthz"), 2 * second);
  EXPECT_GE(took, 10 * second);
  EXPECT_LE(took, 13 * second);
  const auto replies = gate.replies(peer);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].status, 408);
  EXPECT_TRUE(replies[0].closes());
}

TEST(AdminDeadlines, F04_SoHasTheHeadOfTheSecondRequest) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  EXPECT_EQ(gate.ask(peer, get_request("/healthz")).at(0).status, 200);
  gate.advance(30 * second);  // idle connections are kept
  const DurationNs took = dribble(gate, peer, get_request("/healthz"), second);
  EXPECT_GE(took, 10 * second);
  EXPECT_LE(took, 11 * second);
  EXPECT_EQ(gate.replies(peer).at(0).status, 408);
}

TEST(AdminDeadlines, AnIdleConnectionEndsWithoutAWord) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  EXPECT_EQ(gate.ask(peer, get_request("/healthz")).at(0).status, 200);
  gate.advance(59 * second);
  EXPECT_FALSE(peer.saw_end());
  gate.advance(2 * second);
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(peer.received_text(), "");
}

TEST(AdminDeadlines, F05_ASlowBodyIsGivenUp) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  FakePeer& peer = gate.connect();
  peer.send(push_request("", "dev", "Content-Length: 5000\r\n"));
  const DurationNs took = dribble(gate, peer, std::string(60, 'x'), second);
  EXPECT_GE(took, 5 * second);
  EXPECT_LE(took, 6 * second);
  EXPECT_EQ(gate.replies(peer).at(0).status, 408);
  EXPECT_EQ(device.received_text(), "");
}

TEST(AdminDeadlines, ABodyThatIsJustFastEnoughIsServed) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  FakePeer& peer = gate.connect();
  peer.send(push_request("", "dev", "Content-Length: 12000\r\n"));
  for (int i = 0; i < 20; ++i) {  // 600 bytes a second
    peer.send(std::string(600, 'x'));
    gate.advance(second);
  }
  EXPECT_EQ(gate.replies(peer).at(0).status, 200);
}

TEST(AdminDeadlines, ASlowBodyWaitsForTheAnswersBeforeIt) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  peer.send(push_request("x", "far") + push_request("x", "far", "Content-Length: 10\r\n"));
  gate.advance(6 * second);
  const auto replies = gate.replies(peer);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].status, 200);
  EXPECT_EQ(replies[1].status, 408);
}

}  // namespace
}  // namespace ringgate::admin
