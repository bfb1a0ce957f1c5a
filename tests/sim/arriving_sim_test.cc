// The transport behind proxies on the simulated ring: PROXY headers that are cut, joined and delayed, with and without TLS.
//
// Checked for every seed: each session learns of its connection once, with the client's address; the client's bytes come back, in order;
// when all are gone, no slot, operation or buffer is left. Run with RINGGATE_SIM_SEED=N to repeat one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "echo_shard.h"
#include "support/tls/certificate_maker.h"
#include "support/tls/memory_client.h"

namespace ringgate::conn {
namespace {

using ring::FakeOptions;
using ring::FakePeer;
using ring::FakeWorld;

const std::string v1 = "PROXY TCP4 192.0.2.7 127.0.0.1 12345 8080\r\n";
const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xC0\0\2\7\x7F\0\0\1\x30\x39\x1F\x90\x04\0\2ab", 33);
const std::string local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
const char* const client = "192.0.2.7:12345";

std::shared_ptr<const net::ProxyPolicy> policy(ProxyProtocol protocol) {
  return net::policy_of({.protocol = protocol, .trusted = {"127.0.0.0/8"}});
}

std::shared_ptr<const tls::Context> server_context() {
  static const std::shared_ptr<const tls::Context> made = []() -> std::shared_ptr<const tls::Context> {
    test::CertificateMaker maker;
    const auto files = maker.make("gate.test");
    auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
    auto context =
        tls::Context::create({{std::make_shared<const tls::Identity>(std::move(identity.value()))}, tls::Profile::modern});
    return std::move(context.value());
  }();
  return made;
}

void expect_nothing_left(EchoShard& shard) {
  EXPECT_EQ(shard.session.open_count, 0);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_EQ(shard.transport.operations_in_flight(), 0U);
  EXPECT_EQ(shard.buffers_lent(), 0U);
}

void turns(FakeWorld& world, EchoShard& shard, int count = 4) {
  for (int i = 0; i < count; ++i) {
    shard.turn();
    world.advance(nanoseconds_per_millisecond);
  }
}

class Arriving : public testing::Test {
 protected:
  FakeWorld world{1, FakeOptions{}};
  EchoShard shard{{.proxies = policy(ProxyProtocol::automatic)}};

  void go(int count = 4) { turns(world, shard, count); }
  void pass_time(DurationNs time) {
    for (DurationNs passed = 0; passed < time; passed += 100 * nanoseconds_per_millisecond) {
      world.advance(100 * nanoseconds_per_millisecond);
      shard.turn();
    }
  }
  void end(FakePeer& peer) {
    peer.close();
    go(6);
  }
};

TEST_F(Arriving, TakesEveryHeaderCutAtEveryByte) {
  for (const std::string& header : {v1, v2, local}) {
    const std::string all = header + "to and fro";
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
      FakePeer& peer = world.connect(shard.address);
      const std::size_t cuts[] = {cut};
      peer.send_in_pieces(bytes_of(all), std::span(cuts).first(cut > 0 && cut < all.size() ? 1 : 0));
      go();
      ASSERT_EQ(peer.received_text(), "to and fro") << "cut at " << cut;
      ASSERT_EQ(shard.session.opened_from.back().starts_with(header == local ? "127.0.0.1:" : client), true);
      ASSERT_EQ(shard.session.open_count, 1);
      end(peer);
      expect_nothing_left(shard);
    }
  }
  EXPECT_EQ(shard.counters().proxy_accepted.get(), shard.session.opened_from.size());
}

TEST_F(Arriving, TakesAHeaderByteByByte) {
  FakePeer& peer = world.connect(shard.address);
  for (const char c : v1 + "to and fro") {
    peer.send(std::string_view(&c, 1));
    go(2);
  }
  EXPECT_EQ(peer.received_text(), "to and fro");
  EXPECT_EQ(shard.session.opened_from, std::vector<std::string>{client});
}

TEST_F(Arriving, TakesALongHeaderThatComesInManyReceives) {
  std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11\x0F\xF0\xC0\0\2\7\x7F\0\0\1\x30\x39\x1F\x90", 28);
  header += std::string("\x04\x0F\xE1", 3) + std::string(0xFE1, 'x');
  ASSERT_EQ(header.size(), 4096U);
  FakePeer& peer = world.connect(shard.address);
  peer.send(header + "to and fro");
  go(200);
  EXPECT_EQ(peer.received_text(), "to and fro");
}

TEST_F(Arriving, ResetsWhoIsNoTrustedProxy) {
  FakePeer& stranger = world.connect(shard.address, {.from = ring::somebody_afar()});
  stranger.send(v1 + "to and fro");
  go(6);
  EXPECT_TRUE(stranger.saw_reset());
  EXPECT_EQ(shard.session.opened_from.size(), 0U);
  EXPECT_EQ(shard.counters().proxy_untrusted.get(), 1U);
  expect_nothing_left(shard);
}

TEST_F(Arriving, ResetsWhoSendsNoHeaderOrABrokenOne) {
  for (const char* bytes : {"GET /ws HTTP/1.1\r\n\r\n", "\x16\x03\x01", "PROXY TCP4 nobody nowhere 1 2\r\n", "PROXY TCP9\r\n"}) {
    FakePeer& peer = world.connect(shard.address);
    peer.send(bytes);
    go(6);
    EXPECT_TRUE(peer.saw_reset()) << bytes;
    expect_nothing_left(shard);
  }
  EXPECT_EQ(shard.counters().proxy_missing.get(), 2U);
  EXPECT_EQ(shard.counters().proxy_malformed.get(), 2U);
  EXPECT_EQ(shard.session.opened_from.size(), 0U);
}

TEST_F(Arriving, GivesAHeaderFiveSeconds) {
  FakePeer& silent = world.connect(shard.address);
  FakePeer& slow = world.connect(shard.address);
  slow.send(v1.substr(0, v1.size() - 1));
  pass_time(4'800 * nanoseconds_per_millisecond);
  EXPECT_FALSE(silent.saw_reset());
  pass_time(400 * nanoseconds_per_millisecond);
  go();
  EXPECT_TRUE(silent.saw_reset());
  EXPECT_TRUE(slow.saw_reset());
  EXPECT_EQ(shard.counters().proxy_timeouts.get(), 2U);
  expect_nothing_left(shard);
}

TEST_F(Arriving, TimesNobodyWhoHasArrived) {
  FakePeer& peer = world.connect(shard.address);
  peer.send(v1);
  pass_time(6'000 * nanoseconds_per_millisecond);
  peer.send("to and fro");
  go();
  EXPECT_EQ(peer.received_text(), "to and fro");
}

TEST_F(Arriving, CountsWhoLeavesBeforeTheHeader) {
  for (const bool resets : {false, true}) {
    FakePeer& peer = world.connect(shard.address);
    peer.send(v2.substr(0, 20));
    go();
    resets ? peer.reset() : peer.close();
    go(6);
    expect_nothing_left(shard);
  }
  EXPECT_EQ(shard.counters().proxy_abandoned.get(), 2U);
}

TEST_F(Arriving, EndsWithTheListenersThatAreAskedFor) {
  FakePeer& silent = world.connect(shard.address);
  FakePeer& good = world.connect(shard.address);
  good.send(v1);
  go();
  shard.transport.end_handshakes(0);
  go();
  EXPECT_FALSE(silent.saw_reset());
  shard.transport.end_handshakes(1);
  go(6);
  EXPECT_TRUE(silent.saw_reset());
  EXPECT_EQ(shard.session.open_count, 1);
}

TEST(ArrivingSmall, BoundsTheHeadersUnderWay) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.handshakes_max = 3, .proxies = policy(ProxyProtocol::v2)});
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(&world.connect(shard.address));
  turns(world, shard, 6);
  EXPECT_EQ(std::ranges::count_if(peers, [](const FakePeer* peer) { return peer->saw_reset(); }), 2);
  EXPECT_EQ(shard.counters().proxy_overload.get(), 2U);
}

TEST(ArrivingSmall, TakesOnlyTheVersionThatIsAskedFor) {
  for (const bool first : {true, false}) {
    FakeWorld world(1, FakeOptions{});
    EchoShard shard({.proxies = policy(first ? ProxyProtocol::v1 : ProxyProtocol::v2)});
    FakePeer& right = world.connect(shard.address);
    FakePeer& wrong = world.connect(shard.address);
    right.send(first ? v1 : v2);
    wrong.send(first ? v2 : v1);
    turns(world, shard, 6);
    EXPECT_FALSE(right.saw_reset());
    EXPECT_TRUE(wrong.saw_reset());
  }
}

/// For X-Forwarded-For alone no header is awaited, only the peer's address.
TEST(ArrivingSmall, IsOverAtOnceWithoutAHeader) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.proxies = policy(ProxyProtocol::off)});
  FakePeer& near = world.connect(shard.address);
  FakePeer& far = world.connect(shard.address, {.from = ring::somebody_afar()});
  near.send(v1);
  far.send("to and fro");
  turns(world, shard, 6);
  EXPECT_EQ(near.received_text(), v1) << "bytes like others";
  EXPECT_EQ(far.received_text(), "to and fro");
  EXPECT_NE(std::ranges::find(shard.session.opened_from, "192.0.2.7:4711"), shard.session.opened_from.end());
}

TEST_F(Arriving, IsJudgedByWhatWasInForceWhenItBegan) {
  FakePeer& before = world.connect(shard.address);
  before.send(v1.substr(0, 10));
  go();
  shard.transport.renew_proxies(0, nullptr);
  FakePeer& after = world.connect(shard.address);
  after.send("plain");
  before.send(v1.substr(10) + "to and fro");
  go();
  EXPECT_EQ(before.received_text(), "to and fro");
  EXPECT_EQ(after.received_text(), "plain");
  shard.transport.renew_proxies(0, policy(ProxyProtocol::v2));
  FakePeer& last = world.connect(shard.address);
  last.send(v2 + "and fro");
  go();
  EXPECT_EQ(last.received_text(), "and fro");
}

// -- With TLS

TEST(ArrivingSealed, ComesBeforeTlsCutAtEveryByte) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.tls = server_context(), .proxies = policy(ProxyProtocol::automatic)});
  for (const std::string& header : {v1, v2}) {
    std::size_t bytes = 1;
    for (std::size_t cut = 0; cut < bytes; ++cut) {
      FakePeer& peer = world.connect(shard.address);
      test::MemoryClient talk(test::ClientOptions{.version_min = TLS1_3_VERSION, .version_max = TLS1_3_VERSION});
      talk.step();
      const std::string first = header + talk.take_output();
      bytes = first.size();
      const std::size_t cuts[] = {cut};
      peer.send_in_pieces(bytes_of(first), std::span(cuts).first(cut > 0 && cut < bytes ? 1 : 0));
      bool has_written = false;
      for (int i = 0; i < 5 && talk.received.empty(); ++i) {
        turns(world, shard, 3);
        talk.receive(peer.take_received());
        talk.step();
        if (talk.is_open() && !std::exchange(has_written, true)) talk.write("to and fro");
        peer.send(talk.take_output());
      }
      ASSERT_EQ(talk.received, "to and fro") << "cut at " << cut << ": " << talk.error;
      ASSERT_EQ(shard.session.opened_from.back(), client);
      peer.close();
      turns(world, shard, 6);
      expect_nothing_left(shard);
    }
  }
  EXPECT_EQ(shard.counters().tls_established.get(), shard.counters().proxy_accepted.get());
}

/// Nobody who never came as far as TLS counts as a handshake of TLS.
TEST(ArrivingSealed, LeavesTheCountOfHandshakesRight) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.tls = server_context(), .handshakes_max = 2, .proxies = policy(ProxyProtocol::v1)});
  for (int round = 0; round < 5; ++round) {
    FakePeer& peer = world.connect(shard.address);
    peer.send(round % 2 == 0 ? v1.substr(0, 9) : v1);
    turns(world, shard, 4);
    peer.close();
    turns(world, shard, 6);
    expect_nothing_left(shard);
  }
  EXPECT_EQ(shard.counters().tls_overload.get(), 0U);
  FakePeer& first = world.connect(shard.address);
  FakePeer& second = world.connect(shard.address);
  FakePeer& third = world.connect(shard.address);
  for (FakePeer* const peer : {&first, &second, &third}) peer->send(v1);
  turns(world, shard, 6);
  EXPECT_EQ(shard.counters().tls_overload.get() + shard.counters().proxy_overload.get(), 1U);
}

// -- Every disorder

struct Arrival {
  FakePeer* peer = nullptr;
  std::string unsent;  // the header, then the client's bytes
  std::string said;    // the client's bytes
  bool is_gone = false;
};

void run_seed(std::uint64_t seed) {
  ring::FakeRandom dice(seed * 2 + 1);
  FakeWorld world(seed, draw_options(dice, 2032));
  const bool wants_header = dice.chance(0.8);
  EchoShard shard({.proxies = policy(wants_header ? ProxyProtocol::automatic : ProxyProtocol::off)});
  std::vector<Arrival> arrivals;
  for (int step = 0; step < 200; ++step) {
    if (arrivals.size() < 10 && (arrivals.empty() || dice.chance(0.1))) {
      Arrival& fresh = arrivals.emplace_back(
          &world.connect(shard.address, {.from = ring::PeerAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 9},
                                                                   static_cast<std::uint16_t>(1000 + arrivals.size())}}));
      fresh.said = std::string(1 + dice.below(300), static_cast<char>('a' + arrivals.size()));
      fresh.unsent = (wants_header ? (dice.chance(0.5) ? v1 : v2) : "") + fresh.said;
    }
    Arrival& one = arrivals[dice.below(arrivals.size())];
    if (!one.unsent.empty() && !one.is_gone) {
      const std::size_t bytes = 1 + dice.below(dice.chance(0.5) ? 8 : one.unsent.size());
      one.peer->send(std::string_view(one.unsent).substr(0, bytes));
      one.unsent.erase(0, bytes);
    } else if (!one.is_gone && dice.chance(0.1)) {
      one.is_gone = true;
      one.peer->reset();
    }
    if (!one.is_gone && dice.chance(0.02)) {
      one.is_gone = true;
      dice.chance(0.5) ? one.peer->reset() : one.peer->close();
    }
    shard.turn();
    world.advance(dice.below(2000) * nanoseconds_per_microsecond);
  }
  for (Arrival& one : arrivals)
    if (!one.is_gone) one.peer->send(one.unsent);
  for (int turn = 0; turn < 2000; ++turn) {
    shard.turn();
    world.advance(nanoseconds_per_millisecond);
  }
  for (Arrival& one : arrivals) {
    if (one.is_gone) continue;
    EXPECT_EQ(one.peer->received_text(), one.said);
    one.peer->close();
  }
  for (int turn = 0; turn < 5000 && shard.transport.table().used_count() > 0; ++turn) {
    shard.turn();
    world.advance(10 * nanoseconds_per_millisecond);
  }
  for (const std::string& from : shard.session.opened_from)
    EXPECT_TRUE(wants_header ? from == client : from.starts_with("127.0.0.9:")) << from;
  const ShardCounters& counters = shard.counters();
  const std::uint64_t ended = counters.proxy_abandoned.get() + counters.proxy_timeouts.get();
  EXPECT_EQ(counters.proxy_accepted.get(), wants_header ? shard.session.opened_from.size() : 0);
  EXPECT_EQ(counters.accepted.get(), shard.session.opened_from.size() + ended);
  EXPECT_EQ(counters.proxy_untrusted.get() + counters.proxy_missing.get() + counters.proxy_malformed.get() +
                counters.proxy_overload.get(),
            0U);
  expect_nothing_left(shard);
}

TEST(ArrivingSim, BringsEveryClientToItsSessionUnderEveryDisorder) {
  const char* chosen = std::getenv("RINGGATE_SIM_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : 300;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(run_seed(seed));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace ringgate::conn
