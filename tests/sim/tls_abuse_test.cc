// Section N of the abuse list, and F06: what no client library sends, against a transport with TLS on the simulated ring.
//
// Rows about files and reloads are elsewhere (tests/conformance/abuse/rows/n_tls.rows says where). RINGGATE_HANDSHAKES in the environment is
// the number of handshakes of N12, else 4,000 (tools/stress tls-sessions: a million).
#include <gtest/gtest.h>

#include <malloc.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echo_shard.h"
#include "support/tls/certificate_maker.h"
#include "support/tls/memory_client.h"
#include "support/tls/record_forge.h"

namespace ringgate::conn {
namespace {

using namespace std::string_literals;
using ring::FakePeer;
using test::MemoryClient;

constexpr std::uint8_t alert = 21, handshake = 22, application_data = 23;
constexpr int handshake_failure = 40, decode_error = 50, unrecognized_name = 112, illegal_parameter = 47, protocol_version = 70;

std::shared_ptr<const tls::Context> server_context() {
  test::CertificateMaker maker;
  const auto files = maker.make("gate.test");
  auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
  return std::move(*tls::Context::create({.identities = {std::make_shared<const tls::Identity>(std::move(identity.value()))}}));
}

/// Demands certificates of clients by `maker`'s root.
std::shared_ptr<const tls::Context> strict_context(test::CertificateMaker& maker) {
  const auto files = maker.make("gate.test");
  auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
  const std::vector<std::string> authorities{maker.root_file()};
  return std::move(*tls::Context::create({.identities = {std::make_shared<const tls::Identity>(std::move(identity.value()))},
                                          .client_certificates = tls::ClientCertificates::required,
                                          .trust = tls::ClientTrust::load(authorities, {}, std::time(nullptr)).trust}));
}

#if defined(__SANITIZE_ADDRESS__)
#define RINGGATE_COUNTS_HEAP 1
#elif defined(__has_feature)
#define RINGGATE_COUNTS_HEAP __has_feature(address_sanitizer)
#else
#define RINGGATE_COUNTS_HEAP 0
#endif
#if RINGGATE_COUNTS_HEAP
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
std::size_t heap_bytes() { return __sanitizer_get_current_allocated_bytes(); }
#else
std::size_t heap_bytes() { return mallinfo2().uordblks; }
#endif

class TlsAbuse : public testing::Test {
 protected:
  ring::FakeWorld world{1, ring::FakeOptions{}};
  EchoShard shard{{.tls = server_context(), .buffer_bytes = 4096}};

  void turns(int count = 4) {
    for (int i = 0; i < count; ++i) {
      shard.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  }
  void pump(FakePeer& peer, MemoryClient& client) {
    client.receive(peer.take_received());
    client.step();
    peer.send(client.take_output());
    turns();
  }
  /// A client with a good TLS 1.3 session.
  std::unique_ptr<MemoryClient> connect(FakePeer& peer, int version = TLS1_3_VERSION) {
    auto client = std::make_unique<MemoryClient>(test::ClientOptions{.version_min = version, .version_max = version});
    for (int i = 0; i < 5; ++i) pump(peer, *client);
    EXPECT_TRUE(client->is_open()) << client->error;
    return client;
  }
  static std::string hello(const test::ClientOptions& options = {}) {
    MemoryClient client(options);
    client.step();
    return client.take_output();
  }
  /// The description of the alert that `bytes`, all in plaintext, end with; -1: none.
  static int alert_in(const std::string& bytes) {
    if (bytes.size() < 7 || bytes[bytes.size() - 7] != alert) return -1;
    return static_cast<std::uint8_t>(bytes.back());
  }
  /// What a peer that begins with `bytes` is answered with; it must be gone then.
  int alert_to(const std::string& bytes) {
    FakePeer& peer = world.connect(shard.address);
    peer.send(bytes);
    turns(8);
    const std::string answer(peer.received_text());
    EXPECT_TRUE(peer.saw_end() || peer.saw_reset());
    peer.close();
    turns(8);
    EXPECT_EQ(shard.transport.table().used_count(), 0U);
    return alert_in(answer);
  }
  void expect_gone(FakePeer& peer) {
    EXPECT_TRUE(peer.saw_end() || peer.saw_reset());
    peer.close();
    turns(8);
    EXPECT_EQ(shard.transport.table().used_count(), 0U);
  }
};

std::string number(std::size_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

/// A ClientHello of TLS 1.2 with these extensions.
std::string hello_with(const std::string& extensions, int version = 0x0303) {
  const std::string body = number(static_cast<std::size_t>(version), 2) + std::string(32, 'r') + "\0"s + number(2, 2) +
                           "\xC0\x2B"s + "\x01\x00"s + number(extensions.size(), 2) + extensions;
  const std::string message = "\x01"s + number(body.size(), 3) + body;
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += 16'384) {
    const std::string piece = message.substr(at, 16'384);
    records += "\x16\x03\x01"s + number(piece.size(), 2) + piece;
  }
  return records;
}
std::string extension(std::size_t type, const std::string& content) {
  return number(type, 2) + number(content.size(), 2) + content;
}
std::string server_name(const std::string& list) { return extension(0, number(list.size(), 2) + list); }
std::string host(const std::string& name) { return "\0"s + number(name.size(), 2) + name; }

TEST_F(TlsAbuse, N01OldVersionsAreRefusedByName) {
  for (const int version : {0x0301, 0x0302}) EXPECT_EQ(alert_to(hello_with("", version)), protocol_version) << version;
  EXPECT_EQ(alert_to(hello_with("", 0x0300)), handshake_failure)
      << "SSL 3 has no alert protocol_version (RFC 6101 section 5.4.2)";
  EXPECT_EQ(alert_to("\x80\x2E\x01\x03\x01"s + std::string(41, 'x')), -1) << "the form of SSL 2 is no TLS: no answer";
}

TEST_F(TlsAbuse, N03KeyUpdatesWithoutDataHaveACeiling) {
  for (const int count : {16, 17}) {
    FakePeer& peer = world.connect(shard.address);
    const auto client = connect(peer);
    test::RecordForge forge(client->traffic_secret());
    for (int i = 0; i < count; ++i) {
      peer.send(forge.seal("\x18\x00\x00\x01\x01"s, handshake));
      forge.update_keys();
    }
    peer.send(forge.seal("still here", application_data));
    turns(8);
    client->receive(peer.take_received());
    client->step();
    EXPECT_EQ(client->received, count == 16 ? "still here" : "") << count;
    EXPECT_EQ(peer.saw_end() || peer.saw_reset(), count == 17);
    peer.close();
    turns(8);
  }
}

TEST_F(TlsAbuse, N03AsManyAsAreAllowedMayBeFollowedByAnEnd) {
  FakePeer& peer = world.connect(shard.address);
  const auto client = connect(peer);
  test::RecordForge forge(client->traffic_secret());
  for (int i = 0; i < 16; ++i) {
    peer.send(forge.seal("\x18\x00\x00\x01\x01"s, handshake));
    forge.update_keys();
  }
  peer.send(forge.seal("\x01\x00"s, alert));  // close_notify
  turns(8);
  client->receive(peer.take_received());
  client->step();
  EXPECT_EQ(client->error, "");
  EXPECT_TRUE(client->saw_end());
  expect_gone(peer);
}

TEST_F(TlsAbuse, N04TicketsAllowNoEarlyData) {
  FakePeer& peer = world.connect(shard.address);
  const auto client = connect(peer);
  SSL_SESSION* const session = SSL_get1_session(client->ssl());
  EXPECT_EQ(SSL_SESSION_is_resumable(session), 1) << "no ticket came: this proves nothing";
  EXPECT_EQ(SSL_SESSION_get_max_early_data(session), 0U);
  SSL_SESSION_free(session);
}

TEST_F(TlsAbuse, N05AHelloInRecordsAndSegmentsOfOneByteIsServed) {
  MemoryClient client({});
  client.step();
  const std::string whole = client.take_output();
  std::string crumbs;
  for (const char c : whole.substr(5)) crumbs += "\x16\x03\x01\x00\x01"s + c;
  FakePeer& peer = world.connect(shard.address);
  for (const char c : crumbs) {
    peer.send(std::string_view(&c, 1));
    shard.turn();
  }
  for (int i = 0; i < 5; ++i) pump(peer, client);
  EXPECT_TRUE(client.is_open()) << client.error;
}

TEST_F(TlsAbuse, N06AHelloOfSixteenMegabytesEndsAtItsHeader) {
  FakePeer& peer = world.connect(shard.address);
  peer.send("\x16\x03\x01\x40\x00\x01\xFF\xFF\xFF"s);
  turns(8);
  expect_gone(peer);
}

TEST_F(TlsAbuse, N07NamesThatAreNoneAreRefused) {
  EXPECT_EQ(alert_to(hello_with(server_name(host("gate\0.test"s)))), unrecognized_name);
  const int twice = alert_to(hello_with(server_name(host("a.test") + host("b.test"))));
  EXPECT_TRUE(twice == decode_error || twice == illegal_parameter) << twice;
  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += host("a" + std::to_string(i) + ".test");
  EXPECT_NE(alert_to(hello_with(server_name(hundred))), -1);
  EXPECT_NE(alert_to(hello_with(server_name(host(std::string(300, 'a'))))), -1);
  alert_to(hello_with(server_name(host(std::string(60'000, 'a')))));  // longer than any ClientHello may be: an end without words
}

TEST_F(TlsAbuse, N08RecordsBeyondTheirLimitsOverflow) {
  for (const std::size_t size : {16'384U, 16'385U}) {
    FakePeer& peer = world.connect(shard.address);
    const auto client = connect(peer);
    test::RecordForge forge(client->traffic_secret());
    peer.send(forge.seal(std::string(size, 'x'), application_data));
    turns(20);
    client->receive(peer.take_received());
    client->step();
    EXPECT_EQ(client->received.size(), size == 16'384 ? size : 0);
    EXPECT_EQ(client->error, size == 16'384 ? "" : "tlsv1 alert record overflow");
    peer.close();
    turns(8);
  }
  FakePeer& peer = world.connect(shard.address);
  const auto client = connect(peer);
  peer.send("\x17\x03\x03"s + number(16'384 + 257, 2));
  turns(8);
  client->receive(peer.take_received());
  client->step();
  EXPECT_EQ(client->error, "tlsv1 alert record overflow");
  expect_gone(peer);
}

TEST_F(TlsAbuse, N09EmptyRecordsHaveACeiling) {
  for (const int count : {32, 33}) {
    FakePeer& peer = world.connect(shard.address);
    const auto client = connect(peer);
    test::RecordForge forge(client->traffic_secret());
    for (int i = 0; i < count; ++i) peer.send(forge.seal("", application_data));
    peer.send(forge.seal("still here", application_data));
    turns(8);
    client->receive(peer.take_received());
    client->step();
    EXPECT_EQ(client->received, count == 32 ? "still here" : "") << count;
    peer.close();
    turns(8);
  }
}

TEST_F(TlsAbuse, N10AnEndInTheMiddleOfARecordLeavesNothingBehind) {
  FakePeer& peer = world.connect(shard.address);
  const auto client = connect(peer);
  client->write("whole");
  const std::string whole = client->take_output();
  client->write("half");
  const std::string half = client->take_output();
  peer.send(whole + half.substr(0, half.size() - 1));
  peer.half_close();
  turns(8);
  EXPECT_EQ(shard.session.bytes_count, 5U);
  EXPECT_EQ(shard.counters().tls_truncated.get(), 1U);
  expect_gone(peer);
}

/// A place for some connections: the simulation remembers each, the context of the gate must not.
struct Batch {
  explicit Batch(const std::shared_ptr<const tls::Context>& context) : shard({.tls = context, .buffer_bytes = 4096}) {}

  void exchange(FakePeer& peer, MemoryClient& client) {
    client.receive(peer.take_received());
    client.step();
    peer.send(client.take_output());
    for (int i = 0; i < 3; ++i) {
      shard.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  }

  ring::FakeWorld world{1, ring::FakeOptions{}};
  EchoShard shard;
};

/// Clients of one version, which resume the session of the last one if they are told to.
class Visitors {
 public:
  explicit Visitors(int version) : context_(MemoryClient::new_context({.version_min = version, .version_max = version})) {
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  }
  /// Whether the visitor was served, and resumed if it `resumes`.
  bool visit(Batch& batch, bool resumes) {
    FakePeer& peer = batch.world.connect(batch.shard.address);
    MemoryClient client({.session = resumes ? session_.get() : nullptr, .context = context_.get()});
    for (int i = 0; i < 4 && !client.is_open(); ++i) batch.exchange(peer, client);
    if (!client.is_open()) return false;
    client.write("a ticket, please");
    for (int i = 0; i < 2; ++i) batch.exchange(peer, client);
    session_.reset(SSL_get1_session(client.ssl()));
    const bool is_resumed = SSL_session_reused(client.ssl()) == 1;
    peer.close();
    for (int i = 0; i < 3; ++i) batch.shard.turn();
    return client.received == "a ticket, please" && is_resumed == resumes;
  }

 private:
  tls::SslContextPtr context_;
  std::unique_ptr<SSL_SESSION, tls::Freed<SSL_SESSION_free>> session_;
};

TEST(TlsAbuseOfSessions, N12LeavesNothingBehind) {
  const char* const asked = std::getenv("RINGGATE_HANDSHAKES");
  const int count = asked == nullptr ? 4000 : std::atoi(asked);
  constexpr int batch_count = 400;
  constexpr int warm_up_count = 3 * batch_count;
  constexpr std::size_t growth_bytes_max = 256 * 1024;  // what malloc keeps; a session cache of this many is above 3 MB
  ASSERT_GE(count, 2 * batch_count);
  const auto context = server_context();
  std::array<Visitors, 2> visitors{Visitors(TLS1_3_VERSION), Visitors(TLS1_2_VERSION)};
  std::size_t before = 0;
  for (int done = 0; done < count + warm_up_count; done += batch_count) {
    {
      Batch batch(context);
      for (int i = 0; i < batch_count; ++i)
        ASSERT_TRUE(visitors[static_cast<std::size_t>(i) % 2].visit(batch, i % 4 >= 2)) << "handshake " << done + i;
      EXPECT_EQ(batch.shard.transport.table().used_count(), 0U);
    }
    if (done + batch_count == warm_up_count) before = heap_bytes();  // what is kept for reuse is there by now
  }
  EXPECT_LT(heap_bytes(), before + growth_bytes_max);
}

/// A certificate whose bytes are none, an expired one, and one of another authority: an alert each, and no session hears of the client.
TEST_F(TlsAbuse, N14CertificatesThatProveNothingAreRefused) {
  test::CertificateMaker maker, stranger;
  EchoShard strict{{.tls = strict_context(maker), .buffer_bytes = 4096}};
  maker.make("good");
  maker.make("expired", {.begins_in = -7200, .ends_in = -60});
  stranger.make("other");
  const auto run = [&] {
    for (int i = 0; i < 6; ++i) {
      strict.turn();
      world.advance(nanoseconds_per_millisecond);
    }
  };
  const auto show = [&](const test::CertificateMaker& from, const std::string& name, bool is_garbage) {
    FakePeer& peer = world.connect(strict.address);
    // In TLS 1.2 the certificate is not encrypted.
    MemoryClient client({.version_max = TLS1_2_VERSION, .certificate = from.certificate(name), .key = from.key(name)});
    for (int i = 0; i < 4; ++i) {
      client.receive(peer.take_received());
      client.step();
      std::string output = client.take_output();
      constexpr std::size_t certificate_at = 40;  // well within it, in the flight behind the gate's
      if (is_garbage && i == 1 && output.size() > 2 * certificate_at) output.replace(certificate_at, 40, 40, '\xEE');
      peer.send(output);
      run();
    }
    client.receive(peer.take_received());
    client.step();
    const bool is_open = client.is_open() && client.error.empty();
    EXPECT_TRUE(is_open || client.error.contains("alert")) << name << ": " << client.error;
    peer.close();
    run();
    return is_open;
  };
  EXPECT_TRUE(show(maker, "good", false)) << "else the row tests nothing";
  EXPECT_EQ(strict.session.opened_from.size(), 1U);
  EXPECT_FALSE(show(maker, "good", true));
  EXPECT_FALSE(show(maker, "expired", false));
  EXPECT_FALSE(show(stranger, "other", false));
  EXPECT_EQ(strict.session.opened_from.size(), 1U);
  EXPECT_EQ(strict.transport.table().used_count(), 0U);
}

TEST_F(TlsAbuse, N16AnEmptyListOfProtocolsIsAFault) {
  EXPECT_EQ(alert_to(hello_with(extension(16, ""))), decode_error);
  EXPECT_EQ(alert_to(hello_with(extension(16, number(0, 2)))), decode_error);
  EXPECT_EQ(alert_to(hello_with(extension(16, number(1, 2) + "\0"s))), decode_error);
}

TEST_F(TlsAbuse, F06AHelloByteByByteOrWithoutAnythingBehindItHasFiveSeconds) {
  const std::string bytes = hello();
  FakePeer& slow = world.connect(shard.address);
  FakePeer& mute = world.connect(shard.address);
  mute.send(bytes);
  for (int second = 0; second < 6; ++second) {
    EXPECT_FALSE(second < 5 && (slow.saw_reset() || mute.saw_reset())) << second;
    slow.send(bytes.substr(static_cast<std::size_t>(second), 1));
    turns();
    for (int i = 0; i < 10; ++i) {
      world.advance(100 * nanoseconds_per_millisecond);
      shard.turn();
    }
  }
  turns();
  EXPECT_TRUE(slow.saw_reset() && mute.saw_reset());
  EXPECT_EQ(shard.counters().tls_timeouts.get(), 2U);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

}  // namespace
}  // namespace ringgate::conn
