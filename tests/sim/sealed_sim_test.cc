// The transport with TLS on the simulated ring: OpenSSL clients whose records are cut, joined and delayed in every way.
//
// Checked for every seed: each client gets back exactly what it sent, in order; a client that ends in order sees close_notify; when
// all are gone, no slot, operation or buffer is left. The disorder comes from the seed, the keys from OpenSSL: a repeated seed has
// the same story, but a signature may be a byte longer. Run with RINGGATE_SIM_SEED=N to repeat one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "echo_shard.h"
#include "support/tls/certificate_maker.h"
#include "support/tls/memory_client.h"
#include "support/tls/record_forge.h"

namespace ringgate::conn {
namespace {

using ring::FakeOptions;
using ring::FakePeer;
using ring::FakeWorld;
using test::MemoryClient;

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

struct Conversation {
  FakePeer* peer = nullptr;
  std::unique_ptr<MemoryClient> client;
  std::string sent;
  bool reset = false;     // what comes back does not matter
  bool finished = false;  // the client has said all it has to say

  explicit Conversation(FakePeer& at, int version = TLS1_3_VERSION)
      : peer(&at), client(std::make_unique<MemoryClient>(test::ClientOptions{.version_min = version, .version_max = version})) {}

  void pump() {
    const std::vector<std::uint8_t> bytes = peer->take_received();
    client->receive(bytes);
    client->step();
    if (!finished) peer->send(client->take_output());
  }
  void say(const std::string& text) {
    client->write(text);
    sent += text;
    peer->send(client->take_output());
  }
  void finish() {
    finished = true;
    SSL_shutdown(client->ssl());
    peer->send(client->take_output());
  }
  void check_prefix() const {
    ASSERT_LE(client->received.size(), sent.size());
    ASSERT_EQ(client->received, std::string_view(sent).substr(0, client->received.size()));
  }
};

/// Each accepted connection's handshake is under way, or has ended in exactly one way.
void expect_balanced_books(const EchoShard& shard) {
  const ShardCounters& c = shard.counters();
  std::uint64_t sum = c.tls_handshakes.get();
  for (const Counter* each : {&c.tls_established, &c.tls_handshakes_failed, &c.tls_clients_refused, &c.tls_timeouts,
                              &c.tls_not_tls, &c.tls_overload, &c.tls_limited, &c.tls_drained, &c.tls_cut_off})
    sum += each->get();
  EXPECT_EQ(sum, c.accepted.get());
}

void run_seed(std::uint64_t seed) {
  ring::FakeRandom dice(seed * 2 + 1);
  FakeWorld world(seed, draw_options(dice, 2032));
  EchoShard shard({.bulk_bytes = dice.chance(0.5) ? 1 + dice.below(100) : SIZE_MAX, .tls = server_context()});
  std::vector<Conversation> talks;

  for (int step = 0; step < 300; ++step) {
    if (talks.size() < 8 && (talks.empty() || dice.chance(0.05)))
      talks.emplace_back(world.connect(shard.address), dice.chance(0.5) ? TLS1_2_VERSION : TLS1_3_VERSION);
    Conversation& talk = talks[dice.below(talks.size())];
    talk.pump();
    if (!talk.finished && !talk.reset && talk.client->is_open()) {
      switch (dice.below(12)) {
        case 0:
        case 1:
        case 2:
        case 3: talk.say(std::string(1 + dice.below(dice.chance(0.1) ? 40'000 : 600), static_cast<char>('a' + step % 26))); break;
        case 4: talk.peer->stop_reading(dice.below(300)); break;
        case 5:
        case 6: talk.peer->resume_reading(); break;
        case 7:
          if (SSL_version(talk.client->ssl()) == TLS1_3_VERSION) SSL_key_update(talk.client->ssl(), SSL_KEY_UPDATE_REQUESTED);
          break;
        case 8:
          if (dice.chance(0.2)) talk.finish();
          break;
        case 9:
          if (!dice.chance(0.1)) break;
          talk.reset = talk.finished = true;
          talk.peer->reset();
          break;
        default: break;
      }
    }
    shard.turn();
    world.advance(dice.below(2000) * nanoseconds_per_microsecond);
    for (const Conversation& each : talks) ASSERT_NO_FATAL_FAILURE(each.check_prefix());
  }
  // Everybody reads on. Small socket buffers take many turns.
  const auto run_until = [&](auto&& is_done) {
    for (int turn = 0; turn < 30'000; ++turn) {
      bool all = true;
      for (Conversation& talk : talks) {
        talk.peer->resume_reading();
        talk.pump();
        all &= talk.reset || is_done(talk);
      }
      if (all) return;
      shard.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  };
  run_until([](const Conversation& talk) { return talk.client->is_open() && talk.client->received.size() == talk.sent.size(); });
  for (Conversation& talk : talks)
    if (!talk.finished) talk.finish();
  run_until([](const Conversation& talk) { return talk.client->saw_end(); });
  for (Conversation& talk : talks) {
    if (talk.reset) continue;
    EXPECT_TRUE(talk.client->is_open()) << talk.client->error;
    EXPECT_TRUE(talk.client->received == talk.sent) << talk.client->received.size() << " of " << talk.sent.size() << " bytes";
    EXPECT_TRUE(talk.client->saw_end()) << talk.client->error;
    talk.peer->half_close();
  }
  for (int turn = 0; turn < 5000 && shard.transport.table().used_count() > 0; ++turn) {
    shard.turn();
    world.advance(10 * nanoseconds_per_millisecond);
  }
  EXPECT_EQ(shard.session.open_count, 0);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_EQ(shard.transport.operations_in_flight(), 0U);
  EXPECT_EQ(shard.buffers_lent(), 0U);
  EXPECT_EQ(shard.counters().send_queue_bytes.get(), 0U);
  EXPECT_EQ(shard.counters().tls_broken.get(), 0U);
  expect_balanced_books(shard);
}

TEST(SealedSim, EchoesEverythingToItsOwnerUnderEveryDisorder) {
  const char* chosen = std::getenv("RINGGATE_SIM_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : 200;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(run_seed(seed));
    if (HasFailure()) return;
  }
}

// -- One connection in an orderly world

class Sealed : public testing::Test {
 protected:
  FakeWorld world{1, FakeOptions{}};
  EchoShard shard{{.tls = server_context()}};

  void turns(int count = 3) {
    for (int i = 0; i < count; ++i) {
      shard.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  }
  void pass_time(DurationNs time) {
    for (DurationNs passed = 0; passed < time; passed += 100 * nanoseconds_per_millisecond) {
      world.advance(100 * nanoseconds_per_millisecond);
      shard.turn();
    }
  }
  Conversation open(int version = TLS1_3_VERSION) {
    Conversation talk(world.connect(shard.address), version);
    for (int i = 0; i < 4; ++i) {
      talk.pump();
      turns();
    }
    talk.pump();
    EXPECT_TRUE(talk.client->is_open()) << talk.client->error;
    return talk;
  }
};

TEST_F(Sealed, TakesEveryFlightCutAtEveryByte) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (int flight = 0; flight < 3; ++flight) {
      std::size_t bytes = 1;
      for (std::size_t cut = 0; cut < bytes; ++cut) {
        SCOPED_TRACE(testing::Message() << std::hex << version << std::dec << ", flight " << flight << ", cut at " << cut);
        Conversation talk(world.connect(shard.address), version);
        for (int step = 0; step < 3; ++step) {
          talk.client->receive(talk.peer->take_received());
          talk.client->step();
          if (talk.client->is_open() && talk.sent.empty()) {
            talk.client->write("to and fro");
            talk.sent = "to and fro";
          }
          const std::string out = talk.client->take_output();
          if (step == flight) bytes = out.size();
          const std::size_t cuts[] = {step == flight && cut > 0 && cut < out.size() ? cut : 1};
          talk.peer->send_in_pieces(bytes_of(out), std::span(cuts).first(step == flight && cut > 0 && cut < out.size() ? 1 : 0));
          turns();
        }
        talk.pump();
        turns();
        talk.pump();
        ASSERT_EQ(talk.client->received, "to and fro") << talk.client->error;
        talk.finish();
        turns();
        talk.pump();
        ASSERT_TRUE(talk.client->saw_end());
        talk.peer->close();
        turns(5);
      }
    }
  }
}

TEST_F(Sealed, AnnouncesAConnectionOnlyWhenItsHandshakeIsOver) {
  Conversation talk(world.connect(shard.address));
  turns();
  EXPECT_EQ(shard.session.open_count, 0);
  talk.client->step();
  const std::string hello = talk.client->take_output();
  talk.peer->send(std::string_view(hello).substr(0, hello.size() - 1));
  turns();
  EXPECT_EQ(shard.session.open_count, 0);
  EXPECT_TRUE(talk.peer->received().empty());
  talk.peer->send(std::string_view(hello).substr(hello.size() - 1));
  turns();
  EXPECT_FALSE(talk.peer->received().empty());
  EXPECT_EQ(shard.session.open_count, 0);
  talk.pump();
  turns();
  EXPECT_EQ(shard.session.open_count, 1);
}

TEST_F(Sealed, GivesAHandshakeFiveSeconds) {
  FakePeer& silent = world.connect(shard.address);
  FakePeer& slow = world.connect(shard.address);
  slow.send("\x16\x03\x01");
  pass_time(4'800 * nanoseconds_per_millisecond);
  EXPECT_FALSE(silent.saw_reset());
  pass_time(400 * nanoseconds_per_millisecond);
  turns(5);
  EXPECT_TRUE(silent.saw_reset());
  EXPECT_TRUE(slow.saw_reset());
  EXPECT_EQ(shard.counters().tls_timeouts.get(), 2U);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

TEST_F(Sealed, TellsNoSessionOfAnEndBeforeTheHandshakeIsOver) {
  Conversation talk(world.connect(shard.address));
  talk.client->step();
  talk.peer->send(talk.client->take_output() + std::string("\x15\x03\x03\x00\x02\x01\x00", 7));  // close_notify
  turns(5);
  EXPECT_EQ(shard.session.ends_count, 0);
  EXPECT_EQ(shard.counters().tls_handshakes_failed.get(), 1U);
  talk.peer->close();
  turns(5);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

TEST_F(Sealed, CountsEveryHandshakeOnce) {
  const auto books = [this] {
    turns(5);
    expect_balanced_books(shard);
  };
  const ShardCounters& c = shard.counters();
  const std::string hello = [] {
    MemoryClient client({});
    client.step();
    return client.take_output();
  }();
  // Each peer goes one step further, and then ends in each way.
  const std::string beginnings[] = {"", "\x16", hello.substr(0, 100), hello,
                                    hello + std::string("\x15\x03\x03\x00\x02\x01\x00", 7)};
  for (const std::string& beginning : beginnings) {
    for (int ending = 0; ending < 4; ++ending) {
      FakePeer& peer = world.connect(shard.address);
      peer.send(beginning);
      books();
      if (ending == 0) peer.reset();
      if (ending == 1) peer.half_close();
      if (ending == 2) peer.send("GET / HTTP/1.1\r\n");
      if (ending == 3) pass_time(6 * nanoseconds_per_second);
      books();
      peer.close();
      books();
    }
  }
  EXPECT_EQ(c.accepted.get(), 20U);
  EXPECT_EQ(c.tls_handshakes.get(), 0U);
  EXPECT_EQ(c.tls_handshakes_failed.get(), 4U + 1U) << "close_notify in a handshake, and junk behind a hello";
  EXPECT_EQ(c.tls_cut_off.get(), 9U);
  EXPECT_EQ(c.tls_timeouts.get(), 4U);
  EXPECT_EQ(c.tls_not_tls.get(), 2U);
  Conversation talk = open();
  books();
  EXPECT_EQ(c.tls_established.get(), 1U);
  FakePeer& silent = world.connect(shard.address);
  books();
  EXPECT_EQ(c.tls_handshakes.get(), 1U);
  shard.transport.end_handshakes(1);
  books();
  EXPECT_TRUE(silent.saw_reset());
  EXPECT_EQ(c.tls_drained.get(), 1U);
  talk.peer->reset();
  books();
}

TEST_F(Sealed, EndsHandshakesOfTheListenersThatAreAskedFor) {
  FakePeer& silent = world.connect(shard.address);
  Conversation talk = open();
  turns();
  shard.transport.end_handshakes(0);
  turns(5);
  EXPECT_FALSE(silent.saw_reset());
  shard.transport.end_handshakes(1);
  turns(5);
  EXPECT_TRUE(silent.saw_reset());
  EXPECT_EQ(shard.session.open_count, 1);
  talk.say("still here");
  turns();
  talk.pump();
  EXPECT_EQ(talk.client->received, "still here");
}

/// A session may hold input back while it pauses, and then must learn again that nothing follows.
TEST_F(Sealed, TellsOfTheEndAgainAfterAPause) {
  for (const bool with_fin : {false, true}) {
    Conversation talk = open();
    shard.session.puts_ends_off = true;
    const int before = shard.session.ends_count;
    talk.client->write("last words");
    talk.finish();
    if (with_fin) talk.peer->half_close();
    turns(5);
    ConnectionTable& table = shard.transport.table();
    Connection* paused = nullptr;
    for (std::uint32_t slot = 0; slot < table.high_water(); ++slot)
      if (table.at(slot).is_live()) paused = &table.at(slot);
    ASSERT_NE(paused, nullptr);
    ASSERT_GT(shard.session.ends_count, before);
    shard.session.puts_ends_off = false;
    shard.transport.resume(*paused);
    turns(10);
    talk.pump();
    EXPECT_TRUE(talk.client->saw_end());
    talk.peer->close();
    turns(5);
    EXPECT_EQ(table.used_count(), 0U) << with_fin;
  }
}

TEST(SealedSmall, ServesAClientThatWantsShortRecords) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.tls = server_context(), .buffer_bytes = 8192});
  Conversation talk(world.connect(shard.address));
  SSL_set_tlsext_max_fragment_length(talk.client->ssl(), TLSEXT_max_fragment_length_512);
  const auto turns = [&] {
    for (int i = 0; i < 30; ++i) {
      talk.pump();
      shard.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  };
  turns();
  talk.say(std::string(6000, 'x'));
  turns();
  EXPECT_EQ(talk.client->received.size(), talk.sent.size()) << talk.client->error;
  EXPECT_EQ(shard.counters().tls_broken.get(), 0U);
}

TEST(SealedSmall, GivesUpTheOutputOfAConnectionThatNoSessionKnows) {
  FakeOptions options;
  options.send_buffer_bytes = 32;
  FakeWorld world(1, options);
  EchoShard shard({.tls = server_context(), .output_bytes_max = 1});
  Conversation talk(world.connect(shard.address));
  talk.peer->stop_reading(0);
  talk.client->step();
  talk.peer->send(talk.client->take_output());
  for (int i = 0; i < 10; ++i) {
    shard.turn();
    world.advance(nanoseconds_per_millisecond);
  }
  EXPECT_EQ(shard.session.strangers_count, 0);
  EXPECT_EQ(shard.counters().queues_given_up.get(), 1U);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  expect_balanced_books(shard);
}

TEST(SealedSmall, BoundsTheHandshakesUnderWay) {
  FakeWorld world(1, FakeOptions{});
  EchoShard shard({.tls = server_context(), .handshakes_max = 3});
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(&world.connect(shard.address));
  for (int i = 0; i < 5; ++i) {
    shard.turn();
    world.advance(nanoseconds_per_millisecond);
  }
  EXPECT_EQ(std::ranges::count_if(peers, [](const FakePeer* peer) { return peer->saw_reset(); }), 2);
  EXPECT_EQ(shard.counters().tls_overload.get(), 2U);
  expect_balanced_books(shard);
}

TEST_F(Sealed, SaysGoodbyeToAPeerThatHasFinishedFirst) {
  Conversation talk = open();
  talk.client->write("question");
  talk.sent = "question";
  talk.finish();
  talk.peer->half_close();
  turns(5);
  talk.pump();
  EXPECT_EQ(talk.client->received, talk.sent);
  EXPECT_TRUE(talk.client->saw_end());
}

/// The last flight of the handshake, a message, close_notify and FIN at once: nothing of it may be lost.
TEST_F(Sealed, ServesWhoSaysEverythingAtOnce) {
  Conversation talk(world.connect(shard.address));
  for (int i = 0; i < 2 && !talk.client->is_open(); ++i) {
    talk.client->receive(talk.peer->take_received());
    talk.client->step();
    if (talk.client->is_open()) break;
    talk.peer->send(talk.client->take_output());
    turns();
  }
  talk.client->receive(talk.peer->take_received());
  talk.client->step();
  ASSERT_TRUE(talk.client->is_open());
  const std::string text(100'000, 'x');
  talk.client->write(text);
  SSL_shutdown(talk.client->ssl());
  talk.finished = true;
  talk.peer->send(talk.client->take_output());
  talk.peer->half_close();
  for (int i = 0; i < 3000 && !talk.client->saw_end(); ++i) {
    turns(1);
    talk.pump();
  }
  EXPECT_EQ(talk.client->received.size(), text.size());
  EXPECT_TRUE(talk.client->saw_end());
}

TEST_F(Sealed, KeepsTheOrderOfNewKeysAndEarlierOutput) {
  Conversation talk = open();
  talk.peer->stop_reading(100);
  for (int i = 0; i < 20; ++i) {
    SSL_key_update(talk.client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    talk.say(std::string(20, static_cast<char>('a' + i)));
    turns(1);
  }
  talk.peer->resume_reading();
  for (int i = 0; i < 20; ++i) {
    turns();
    talk.pump();
  }
  EXPECT_EQ(talk.client->received, talk.sent) << talk.client->error;
}

/// RFC 8446 section 5.1 lets a message run over several records. What is answered meanwhile has the keys of before.
TEST_F(Sealed, SendsBetweenTheHalvesOfAMessage) {
  using namespace std::string_literals;
  Conversation talk = open();
  ASSERT_STREQ(SSL_get_cipher_name(talk.client->ssl()), "TLS_AES_128_GCM_SHA256");
  test::RecordForge forge(talk.client->traffic_secret());
  const std::string hello = forge.seal("hello", 23);
  talk.peer->send(hello + forge.seal("\x18\x00\x00\x01"s, 22));
  turns(5);
  talk.pump();
  EXPECT_EQ(shard.session.bytes_count, 5U);
  EXPECT_EQ(talk.client->received, "hello");
  EXPECT_EQ(shard.session.open_count, 1);
  Conversation other = open();  // whoever uses the wire meanwhile disturbs nobody
  other.say("meanwhile");
  turns();
  other.pump();
  EXPECT_EQ(other.client->received, "meanwhile");
  const std::string rest = forge.seal("\x01"s, 22);
  forge.update_keys();
  talk.peer->send(rest + forge.seal(" again", 23));
  turns(5);
  talk.pump();
  EXPECT_EQ(talk.client->received, "hello again") << "behind the KeyUpdate that was asked for";
  EXPECT_EQ(shard.counters().tls_broken.get(), 0U);
}

TEST_F(Sealed, AnswersABrokenRecordWithAnAlertAndEnds) {
  Conversation talk = open();
  talk.peer->send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  turns();
  talk.pump();
  EXPECT_EQ(talk.client->error, "sslv3 alert bad record mac");
  talk.peer->close();
  turns(5);
  EXPECT_EQ(shard.counters().tls_broken.get(), 1U);
  EXPECT_EQ(shard.session.open_count, 0);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

TEST_F(Sealed, TellsTheSessionOnceThatThePeerHasEnded) {
  Conversation talk = open();
  talk.finish();
  turns();
  talk.peer->half_close();
  turns(5);
  EXPECT_EQ(shard.counters().tls_truncated.get(), 0U);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  Conversation other = open();
  other.peer->half_close();
  turns(5);
  EXPECT_EQ(shard.counters().tls_truncated.get(), 1U);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

}  // namespace
}  // namespace ringgate::conn
