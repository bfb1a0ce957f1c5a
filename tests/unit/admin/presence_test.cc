// What the admin port says of devices that move, of lanes that are full and of shards that do not turn: never that somebody who is
// online is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "admin_gate.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using namespace testing;
using Json = nlohmann::json;

constexpr DurationNs second = nanoseconds_per_second;

std::string delete_request(std::string_view id) { return get_request("/v1/devices/" + std::string(id), "", "DELETE"); }
std::string post_broadcast() {
  return "POST /v1/broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nall";
}
std::string handshake(std::string_view id) {
  return "GET /ws?deviceId=" + std::string(id) +
         " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
}

class Presence : public ::testing::Test {
 protected:
  /// What a shard was asked and has not taken would be lost with the gate.
  void TearDown() override {
    gate.hold(std::nullopt);
    gate.settle();
  }

  /// Sends `request` by a connection of its own to `shard`, which turns and has asked; nobody else has turned.
  FakePeer& begin(std::string_view request, std::size_t shard) {
    FakePeer& peer = gate.connect(shard);
    peer.send(request);
    for (int i = 0; i < 3; ++i) gate.turn(shard);
    return peer;
  }
  /// The id goes over to a newer connection on `shard`, before any other shard turns.
  FakePeer& take_over(std::string_view id, std::size_t shard) {
    const std::uint64_t before = gate.counters[shard].takeovers.get();
    FakePeer& newer = gate.world.connect(gate.devices_address, {.ring_index = shard, .from = {}});
    newer.send(handshake(id));
    for (int i = 0; i < 50 && gate.counters[shard].takeovers.get() == before; ++i) gate.turn(shard);
    EXPECT_EQ(gate.counters[shard].takeovers.get(), before + 1);
    return newer;
  }
  int status_of(FakePeer& peer) {
    const auto replies = gate.replies(peer);
    EXPECT_LE(replies.size(), 1U);
    return replies.empty() ? 0 : replies[0].status;
  }

  AdminGate gate{{.shards_count = 3}};
};

TEST_F(Presence, DeviceThatMovesMeanwhileIsFound) {
  FakePeer& older = gate.connect_device("dev", 0);
  FakePeer& asker = begin(get_request("/v1/devices/dev"), 2);
  older.reset();
  (void)take_over("dev", 1);
  gate.settle();
  const auto replies = gate.replies(asker);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].status, 200) << replies[0].body;
  EXPECT_EQ(Json::parse(replies[0].body)["shard"], 1);
}

TEST_F(Presence, DeviceThatMovesMeanwhileIsOnItsPage) {
  FakePeer& older = gate.connect_device("dev", 0);
  FakePeer& asker = begin(get_request("/v1/devices"), 2);
  older.reset();
  (void)take_over("dev", 1);
  gate.settle();
  const auto replies = gate.replies(asker);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(Json::parse(replies[0].body)["devices"].size(), 1U) << replies[0].body;
}

TEST_F(Presence, DeletingFollowsADeviceThatMovesMeanwhile) {
  FakePeer& older = gate.connect_device("dev", 0);
  FakePeer& asker = begin(delete_request("dev"), 2);
  older.reset();
  FakePeer& newer = take_over("dev", 1);
  gate.settle();
  EXPECT_EQ(status_of(asker), 204);
  EXPECT_TRUE(newer.received_text().ends_with("\x88\x02\x0f\xa0")) << "that one was closed";
}

TEST_F(Presence, OnlyOneOfTwoDeletesHasClosedTheDevice) {
  (void)gate.connect_device("dev", 0);
  FakePeer& one = begin(delete_request("dev"), 1);
  FakePeer& other = begin(delete_request("dev"), 2);
  gate.settle();
  EXPECT_EQ((std::multiset{status_of(one), status_of(other)}), (std::multiset{204, 404}));
}

TEST_F(Presence, PushThatFindsItsDeviceReplacedIsAConflictToTryAgain) {
  FakePeer& older = gate.connect_device("dev", 0);
  FakePeer& asker = begin(push_request("x", "dev"), 2);
  older.reset();
  (void)take_over("dev", 1);
  gate.settle();
  const auto replies = gate.replies(asker);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].status, 409);
  EXPECT_EQ(Json::parse(replies[0].body)["reason"], "closing");
  EXPECT_TRUE(replies[0].has("Retry-After: 1\r\n"));
  EXPECT_EQ(gate.ask_once(push_request("x", "dev"), 2).status, 200);
}

TEST_F(Presence, FullLaneIsNoAbsence) {
  (void)gate.connect_device("dev", 0);
  for (std::size_t i = 0; i < limits::lane_parcels_max; ++i)
    ASSERT_TRUE(gate.state.mailboxes.of(1).ask(0, {.kind = dispatch::RequestKind::close_replaced}));
  gate.hold(0);
  for (const char* path : {"/v1/devices/dev", "/v1/devices"}) {
    const Reply reply = gate.ask_once(get_request(path), 1);
    EXPECT_EQ(reply.status, 503) << path;
    EXPECT_TRUE(reply.has("Retry-After: 1\r\n"));
  }
  (void)gate.state.mailboxes.of(1).publish(0);
  gate.hold(std::nullopt);
  gate.settle();
  EXPECT_EQ(gate.ask_once(get_request("/v1/devices/dev"), 1).status, 200);
}

// -- A shard that does not turn

TEST_F(Presence, PushToAStuckShardEndsByItsDeadline) {
  FakePeer& device = gate.connect_device("dev", 0);
  FakePeer& asker = gate.connect(1);
  gate.hold(0);
  EXPECT_TRUE(gate.ask(asker, push_request("x", "dev")).empty());
  gate.advance((limits::answer_seconds - 1) * second);
  EXPECT_EQ(status_of(asker), 0);
  gate.advance(2 * second);
  const auto replies = gate.replies(asker);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].status, 504);
  EXPECT_EQ(Json::parse(replies[0].body)["reason"], "unknown_outcome");
  gate.hold(std::nullopt);
  gate.settle();
  EXPECT_EQ(status_of(asker), 0) << "the late answer is for nobody";
  EXPECT_EQ(gate.sum(&ShardCounters::answers_late), 1U);
  EXPECT_EQ(device.received_text(), "\x81\x01x");
}

TEST_F(Presence, DeleteAtAStuckShardEndsByItsDeadline) {
  (void)gate.connect_device("dev", 0);
  FakePeer& asker = gate.connect(1);
  gate.hold(0);
  EXPECT_TRUE(gate.ask(asker, delete_request("dev")).empty());
  gate.advance((limits::answer_seconds + 1) * second);
  EXPECT_EQ(status_of(asker), 504);
}

TEST_F(Presence, PageOfAStuckShardHoldsUpNoOther) {
  (void)gate.connect_device("held", 0);
  (void)gate.connect_device("free", 2);
  const auto page = [](const std::string& cursor) {
    return get_request("/v1/devices?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor));
  };
  const Json first = Json::parse(gate.ask_once(page(""), 1).body);
  const std::string second_cursor = first["next_cursor"];
  const bool held_is_first = first["devices"][0]["device_id"] == "held";
  const std::string held_page = page(held_is_first ? "" : second_cursor);
  const std::string free_page = page(held_is_first ? second_cursor : "");

  gate.hold(0);
  std::vector<FakePeer*> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(&gate.connect(1));
    EXPECT_TRUE(gate.ask(*waiting.back(), held_page).empty());
  }
  const Reply reply = gate.ask_once(free_page, 1);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Json::parse(reply.body)["devices"][0]["device_id"], "free");
  gate.advance((limits::answer_seconds + 1) * second);
  for (FakePeer* peer : waiting) EXPECT_EQ(status_of(*peer), 503);
  EXPECT_EQ(gate.ask_once(held_page, 1).status, 503) << "at once";
  gate.hold(std::nullopt);
  gate.settle();
  EXPECT_EQ(gate.ask_once(held_page, 1).status, 200);
}

TEST_F(Presence, PagesThatDoNotFitInALaneWaitForTheirTurn) {
  for (std::size_t i = 0; i < 110; ++i) (void)gate.connect_device("d" + std::to_string(i), 0);
  gate.hold(0);
  std::vector<FakePeer*> asking;
  std::string pages;
  for (int i = 0; i < 25; ++i) pages += get_request("/v1/devices?limit=100");
  for (int i = 0; i < 4; ++i) {
    asking.push_back(&gate.connect(1));
    EXPECT_TRUE(gate.ask(*asking.back(), pages).empty());
  }
  gate.hold(std::nullopt);
  gate.settle();
  for (FakePeer* peer : asking) {
    const auto replies = gate.replies(*peer);
    EXPECT_EQ(replies.size(), 25U);
    for (const Reply& reply : replies) ASSERT_EQ(reply.status, 200);
  }
}

// -- Broadcasts

TEST_F(Presence, BroadcastThatCannotBeMadeIsNotAnEmptyOne) {
  (void)gate.connect_device("dev", 0);
  gate.hold(0);
  std::vector<FakePeer*> waiting;
  for (std::uint32_t i = 0; i < limits::broadcasts_open_max; ++i) {
    waiting.push_back(&gate.connect(1));
    EXPECT_TRUE(gate.ask(*waiting.back(), post_broadcast()).empty());
  }
  const Reply refused = gate.ask_once(post_broadcast(), 1);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(Json::parse(refused.body)["reason"], "unavailable");
  EXPECT_TRUE(refused.has("Retry-After: 1\r\n"));
  gate.advance((limits::broadcast_answer_seconds + 1) * second);
  for (FakePeer* peer : waiting) EXPECT_EQ(status_of(*peer), 504);
}

}  // namespace
}  // namespace ringgate::admin
