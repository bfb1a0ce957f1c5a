// HTTP/1.1 on the admin listener: framing, order, persistence, holding back. What endpoints do is
// admin_api_test.cc's.
#include "admin/admin_session.h"

#include <gtest/gtest.h>

#include "admin_gate.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using namespace testing;

std::vector<int> statuses(const std::vector<Reply>& replies) {
  std::vector<int> all;
  for (const Reply& reply : replies) all.push_back(reply.status);
  return all;
}
using Statuses = std::vector<int>;

TEST(AdminSession, AnswersOneRequestWholeAndCutAtEveryByte) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  const std::string request = push_request("hello");
  for (std::size_t cut = 0; cut < request.size(); ++cut) {
    FakePeer& peer = gate.connect();
    const std::array cuts{cut};
    peer.send_in_pieces(bytes_of(request), std::span(cuts).first(cut == 0 ? 0 : 1));
    gate.settle();
    EXPECT_EQ(statuses(gate.replies(peer)), Statuses{200}) << "cut at " << cut;
    EXPECT_EQ(text_of(device.take_received()), "\x81\x05hello") << "cut at " << cut;
    peer.close();
  }
  gate.settle();
  EXPECT_EQ(gate.admin_connections(), 0U);
}

TEST(AdminSession, RefusesAmbiguousFramingAndLooksAtNothingBehindIt) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  for (const AbuseRow& row : framing_rows()) {
    SCOPED_TRACE(row.name);
    for (const std::size_t piece : {row.bytes.size(), std::size_t{1}, std::size_t{7}}) {
      if (row.bytes.size() / piece > 3000) continue;
      FakePeer& peer = gate.connect();
      std::vector<std::size_t> cuts;
      for (std::size_t at = piece; at < row.bytes.size(); at += piece) cuts.push_back(at);
      peer.send_in_pieces(bytes_of(row.bytes), cuts);
      peer.send(push_request("smuggled"));
      gate.settle();
      const auto replies = gate.replies(peer);
      EXPECT_EQ(statuses(replies), Statuses{row.status}) << "in pieces of " << piece;
      EXPECT_TRUE(!replies.empty() && replies[0].closes() && replies[0].has("application/problem+json"));
      EXPECT_TRUE(peer.saw_end() || peer.saw_reset());
      peer.close();
      gate.settle();
    }
  }
  EXPECT_EQ(device.received_text(), "");
  EXPECT_EQ(gate.admin_connections(), 0U);
}

TEST(AdminSession, D24_ReadsTheNextRequestRightBehindABody) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  EXPECT_EQ(statuses(gate.ask(gate.connect(), push_request("hello") + get_request("/x"))), (Statuses{200, 404}));
  EXPECT_EQ(device.received_text(), "\x81\x05hello");
}

TEST(AdminSession, D23_DropsARequestCutShort) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  FakePeer& peer = gate.connect();
  peer.send(push_request("12345", "dev", "Content-Length: 10\r\n"));
  peer.half_close();
  gate.settle();
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(device.received_text(), "");
  EXPECT_EQ(gate.admin_connections(), 0U);
}

TEST(AdminSession, AnswersWholeRequestsBeforeAHalfClose) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  peer.send(push_request("a", "far") + push_request("b", "far"));
  peer.half_close();
  gate.settle();
  EXPECT_EQ(statuses(gate.replies(peer)), (Statuses{200, 200}));
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(gate.admin_connections(), 0U);
}

TEST(AdminSession, D42_ExpectingCallersGetExactlyOneFinalAnswerEach) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  const std::string expecting = "Content-Length: 2\r\nExpect: 100-continue\r\n";
  EXPECT_EQ(statuses(gate.ask(gate.connect(), push_request("ok", "dev", expecting) + get_request("/healthz"))),
            (Statuses{200, 200}));

  FakePeer& patient = gate.connect();
  EXPECT_EQ(statuses(gate.ask(patient, push_request("", "dev", expecting))), Statuses{100});
  EXPECT_EQ(statuses(gate.ask(patient, "ok")), Statuses{200});
}

TEST(AdminSession, D42_AnUnknownDeviceIsAnsweredBeforeItsMessageIsAskedFor) {
  AdminGate gate;
  const std::string expecting = "Content-Length: 2\r\nExpect: 100-continue\r\n";
  for (const std::string_view body : {"", "ok"}) {
    FakePeer& peer = gate.connect();
    const auto replies = gate.ask(peer, push_request(body, "nobody", expecting) + (body.empty() ? "" : get_request("/healthz")));
    EXPECT_EQ(statuses(replies), Statuses{404}) << "and nothing behind it is looked at";
    EXPECT_TRUE(peer.saw_end());
  }
  FakePeer& peer = gate.connect();
  (void)gate.connect_device("dev");
  const auto replies =
      gate.ask(peer, "POST /v1/devices/dev/messages HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n" + expecting + "\r\n");
  EXPECT_EQ(statuses(replies), Statuses{415});
}

TEST(AdminSession, ConnectionsHaveACeilingOfTheirOwn) {
  AdminGate gate({.shards_count = 2, .admin = {.connections_max = 2, .body_bytes_max = 65536}});
  FakePeer& first = gate.connect(0);
  FakePeer& second = gate.connect(1);
  EXPECT_EQ(statuses(gate.ask(first, get_request("/healthz"))), Statuses{200});
  FakePeer& third = gate.connect(0);
  const auto refused = gate.ask(third, get_request("/healthz") + get_request("/healthz"));
  ASSERT_EQ(statuses(refused), Statuses{503});
  EXPECT_TRUE(refused[0].has("\r\nRetry-After: 1\r\n"));
  EXPECT_TRUE(third.saw_end());

  FakePeer& patient = gate.connect(1);  // one too many when it came, but not when it asks
  second.close();
  gate.settle();
  EXPECT_EQ(statuses(gate.ask(patient, get_request("/healthz"))), Statuses{200});
  EXPECT_EQ(statuses(gate.ask(first, get_request("/healthz"))), Statuses{200});
}

TEST(AdminSession, NamesOtherProtocols) {
  AdminGate gate;
  const auto reason = [&](std::string_view bytes) { return gate.ask_once(bytes).body; };
  EXPECT_NE(reason(std::string_view("\x16\x03\x01\x00\xf8\x01\x00", 7)).find("tls_unexpected"), std::string::npos);
  EXPECT_NE(reason("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").find("http2_unexpected"), std::string::npos);
}

TEST(AdminSession, TellsAnExpectingCallerAtOnceThatTheBodyIsNotWanted) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  const auto replies = gate.ask(peer, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(statuses(replies), Statuses{404});
  EXPECT_TRUE(replies.at(0).closes());
  EXPECT_TRUE(peer.saw_end());
}

TEST(AdminSession, D44_AnswersAHundredPipelinedPushesInOrder) {
  AdminGate gate;
  FakePeer& device = gate.connect_device("dev");
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += i % 2 == 0 ? push_request("x") : push_request("x", "nobody");
  const auto replies = gate.ask(gate.connect(), requests);
  ASSERT_EQ(replies.size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(replies[i].status, i % 2 == 0 ? 200 : 404) << i;
  EXPECT_EQ(device.received().size(), 50U * 3);
}

// RFC 9112 section 9.3.2: only requests with safe methods may be served in parallel.
TEST(AdminSession, APushDoesNotOvertakeTheBroadcastInFrontOfIt) {
  for (const std::uint32_t shards_count : {1U, 2U}) {
    AdminGate gate({.shards_count = shards_count});
    FakePeer& near = gate.connect_device("near", 0);
    FakePeer& far = gate.connect_device("far", shards_count - 1);
    const std::string broadcast =
        "POST /v1/broadcast HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nall";
    const auto replies = gate.ask(gate.connect(0), push_request("1", "near") + broadcast + push_request("2", "near") +
                                                       push_request("3", "far") + broadcast + get_request("/healthz"));
    EXPECT_EQ(statuses(replies), (Statuses{200, 200, 200, 200, 200, 200}));
    EXPECT_EQ(near.received_text(),
              "\x81\x01"
              "1"
              "\x81\x03"
              "all"
              "\x81\x01"
              "2"
              "\x81\x03"
              "all");
    EXPECT_EQ(far.received_text(),
              "\x81\x03"
              "all"
              "\x81\x01"
              "3"
              "\x81\x03"
              "all");
  }
}

TEST(AdminSession, D44_OwesAtMost64AnswersAndKeepsTheRestInOrder) {
  AdminGate gate({.shards_count = 2});
  FakePeer& device = gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  std::string requests;
  std::string messages;
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(1000 + i);
    requests += push_request(text, "far");
    messages.append("\x81\x04").append(text);
  }
  peer.send(requests);
  for (int i = 0; i < 5; ++i) gate.turn(0);  // the other shard does nothing yet
  EXPECT_EQ(gate.sum(&ShardCounters::push_crossed), limits::pipelined_requests_max);
  EXPECT_EQ(peer.received_text(), "");
  gate.settle();
  EXPECT_EQ(statuses(gate.replies(peer)), Statuses(300, 200));
  EXPECT_EQ(device.received_text(), messages);
}

TEST(AdminSession, EndsACallerOfWhomTooMuchIsHeld) {
  FakeOptions world;
  world.reads_per_enter_max = 1000;
  AdminGate gate({.shards_count = 2, .world = world, .receive_buffers_count = 256});
  (void)gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  std::string requests;
  for (std::size_t i = 0; i <= limits::pipelined_requests_max; ++i) requests += push_request("x", "far");
  peer.send(requests + std::string(limits::admin_held_bytes_max, 'x'));
  for (int i = 0; i < 200 && !peer.saw_reset(); ++i) gate.turn(0);  // a turn takes some 128 KiB
  EXPECT_TRUE(peer.saw_reset());
  EXPECT_EQ(gate.admin_connections(), 0U);
  gate.settle();
}

TEST(AdminSession, KeepsTheOrderThoughResultsComeLater) {
  AdminGate gate({.shards_count = 2});
  (void)gate.connect_device("near", 0);
  (void)gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  peer.send(push_request("x", "far") + push_request("x", "nobody") + push_request("x", "near") + get_request("/nothing"));
  for (int i = 0; i < 3; ++i) gate.turn(0);
  EXPECT_EQ(peer.received_text(), "");
  gate.settle();
  const auto replies = gate.replies(peer);
  EXPECT_EQ(statuses(replies), (Statuses{200, 404, 200, 404}));
  EXPECT_NE(replies.at(0).body.find("\"far\""), std::string::npos);
  EXPECT_NE(replies.at(2).body.find("\"near\""), std::string::npos);
}

TEST(AdminSession, DropsAResultWhoseCallerHasGone) {
  AdminGate gate({.shards_count = 2});
  FakePeer& device = gate.connect_device("far", 1);
  FakePeer& peer = gate.connect(0);
  peer.send(push_request("x", "far"));
  gate.turn(0);
  EXPECT_EQ(gate.sum(&ShardCounters::push_crossed), 1U);
  peer.reset();
  for (int i = 0; i < 5; ++i) gate.turn(0);
  EXPECT_EQ(gate.admin_connections(), 0U);
  FakePeer& next = gate.world.connect(gate.admin_address, {.ring_index = 0, .from = {}});  // may get the same slot
  gate.settle();
  EXPECT_EQ(device.received_text(), "\x81\x01x");
  EXPECT_EQ(next.received_text(), "");
  EXPECT_EQ(statuses(gate.ask(next, get_request("/healthz"))), Statuses{200});
}

TEST(AdminSession, D45_ConsumesABodyNobodyAskedFor) {
  AdminGate gate;
  const auto replies =
      gate.ask(gate.connect(), get_request("/metrics", "Content-Length: 5\r\n") + "hello" + get_request("/healthz"));
  EXPECT_EQ(statuses(replies), (Statuses{200, 200}));
  EXPECT_EQ(replies.at(1).body, "ok\n");
}

TEST(AdminSession, D46_ServesNothingBehindConnectionClose) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  const auto replies = gate.ask(peer, get_request("/healthz", "Connection: close\r\n") + get_request("/readyz"));
  EXPECT_EQ(statuses(replies), Statuses{200});
  EXPECT_TRUE(replies.at(0).closes());
  EXPECT_TRUE(peer.saw_end());
}

TEST(AdminSession, ServesHttp10AndCloses) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  EXPECT_EQ(statuses(gate.ask(peer, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), Statuses{200});
  EXPECT_TRUE(peer.saw_end());
}

TEST(AdminSession, KeepsTheConnectionAfterARefusal) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  EXPECT_EQ(statuses(gate.ask(peer, push_request("x", "nobody"))), Statuses{404});
  EXPECT_EQ(statuses(gate.ask(peer, get_request("/healthz"))), Statuses{200});
  EXPECT_FALSE(peer.saw_end());
}

TEST(AdminSession, AnswersHeadLikeGetWithoutTheBody) {
  AdminGate gate;
  (void)gate.connect_device("dev");
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/v1/devices", "/v1/devices/dev", "/v1/devices/nobody"}) {
    FakePeer& peer = gate.connect();
    peer.send(get_request(path, "", "HEAD") + get_request(path, "", "HEAD"));
    gate.settle();
    const auto replies = gate.replies(peer, true);
    ASSERT_EQ(replies.size(), 2U) << path;
    EXPECT_EQ(replies[0].status, path == std::string_view("/v1/devices/nobody") ? 404 : 200) << path;
    EXPECT_FALSE(replies[0].has("Content-Length: 0\r\n")) << path;
  }
}

TEST(AdminSession, StopsServingACallerWhoDoesNotRead) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  peer.stop_reading();
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += get_request("/metrics");
  peer.send(requests);
  gate.advance(nanoseconds_per_second);
  const std::uint64_t queued = gate.sum(&ShardCounters::send_queue_bytes);
  EXPECT_GT(queued, limits::admin_output_bytes_max);
  EXPECT_LT(queued, limits::admin_output_bytes_max + 65536);
  EXPECT_LT(gate.sum(&ShardCounters::admin_requests), 100U);
  peer.resume_reading();
  gate.advance(8 * nanoseconds_per_second);
  EXPECT_EQ(gate.replies(peer).size(), 2000U);
}

TEST(AdminSession, KeepsOrderAndCountWhateverTheRingDoes) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    AdminGate gate({.shards_count = 2, .world = {}, .seed = seed});
    (void)gate.connect_device("near", 0);
    (void)gate.connect_device("far", 1);
    gate.world.options() = FakeOptions::hostile();
    std::string requests;
    Statuses expected;
    for (std::size_t i = 0; i < 200; ++i) {
      const bool is_known = (seed + i * i) % 3 != 0;
      requests += push_request(std::string(i * seed % 400, 'x'), !is_known ? "nobody" : i % 2 == 0 ? "near" : "far");
      expected.push_back(is_known ? 200 : 404);
    }
    FakePeer& peer = gate.world.connect(gate.admin_address, {.ring_index = seed % 2, .from = {}});
    peer.send(requests);
    peer.half_close();
    gate.advance(nanoseconds_per_second);
    EXPECT_EQ(statuses(gate.replies(peer)), expected);
    EXPECT_TRUE(peer.saw_end());
    gate.world.options() = {};
    gate.advance(nanoseconds_per_second);
    EXPECT_EQ(gate.admin_connections(), 0U);
  }
}

TEST(AdminSession, EndsACallerWhoTakesNothing) {
  AdminGate gate;
  FakePeer& peer = gate.connect();
  peer.stop_reading();
  peer.send(get_request("/metrics"));
  gate.advance(9 * nanoseconds_per_second);
  EXPECT_EQ(gate.admin_connections(), 1U);
  gate.advance(2 * nanoseconds_per_second);
  EXPECT_EQ(gate.admin_connections(), 0U);
}

}  // namespace
}  // namespace ringgate::admin
