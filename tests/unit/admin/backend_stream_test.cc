// /v1/stream of a backend that says nothing: it is pinged, and ends unless it answers.
#include <gtest/gtest.h>

#include "admin_gate.h"
#include "ws/frame_writer.h"

namespace ringgate::admin {
namespace {

using namespace testing;

constexpr DurationNs heartbeat = 15 * nanoseconds_per_second;
constexpr std::string_view ping("\x89\x00", 2);
const std::string pong = std::string("\x8a\x80", 2) + "mask";
const std::string no_pong = std::string("\x88\x09\x11\x38", 4) + "no pong";  // 4408

class BackendStreams : public ::testing::Test {
 protected:
  FakePeer& open() {
    FakePeer& peer = gate.connect();
    peer.send(
        "GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ringgate.v1\r\n\r\n");
    gate.settle();
    EXPECT_TRUE(peer.received_text().starts_with("HTTP/1.1 101 ")) << peer.received_text();
    (void)peer.take_received();
    return peer;
  }
  static std::string taken(FakePeer& peer) {
    const auto bytes = peer.take_received();
    return std::string(text_of(bytes));
  }
  static std::string credit() {
    const std::string_view line = R"({"type":"credit","bytes":1000000})";
    std::string frame("\x81");
    frame += static_cast<char>(0x80 | line.size());
    return frame + std::string(4, '\0') + std::string(line);
  }

  events::EventHub hub{{.shards_count = 1,
                        .ring_bytes = 4096,
                        .log_bytes = 16 * 1024,
                        .boot = 1,
                        .routes = {"/ws"},
                        .wake = [](std::uint8_t) {},
                        .clock = [] { return TimeNs{1}; },
                        .heartbeat = heartbeat,
                        .threads = events::EventHub::Threads::none}};
  AdminGate gate{{.services = {.events = &hub}}};
};

TEST_F(BackendStreams, OneThatNeverSpeaksIsPingedAndThenEnds) {
  FakePeer& peer = open();
  gate.advance(heartbeat - nanoseconds_per_second);
  EXPECT_EQ(taken(peer), "");
  gate.advance(2 * nanoseconds_per_second);
  EXPECT_EQ(taken(peer), ping);
  gate.advance(heartbeat - 2 * nanoseconds_per_second);
  EXPECT_EQ(taken(peer), "");
  gate.advance(2 * nanoseconds_per_second);
  EXPECT_EQ(taken(peer), no_pong);
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(hub.readers_count(), 0U);
}

TEST_F(BackendStreams, OneThatOnlyAnswersPingsLivesOn) {
  FakePeer& peer = open();
  for (int i = 0; i < 20; ++i) {
    gate.advance(heartbeat + nanoseconds_per_second);
    EXPECT_EQ(taken(peer), ping) << i;
    peer.send(pong);
    gate.settle();
  }
  EXPECT_FALSE(peer.saw_end());
}

TEST_F(BackendStreams, OneWithCreditsIsJudgedAlike) {
  FakePeer& peer = open();
  gate.advance(heartbeat / 2);
  peer.send(credit());
  gate.advance(heartbeat + nanoseconds_per_second);
  while (hub.turn()) {
  }
  gate.settle();
  EXPECT_EQ(taken(peer), ping) << "one";
  gate.advance(heartbeat + nanoseconds_per_second);
  EXPECT_TRUE(peer.saw_end());
  while (hub.turn()) {
  }
  EXPECT_EQ(hub.readers_count(), 0U);
}

}  // namespace
}  // namespace ringgate::admin
