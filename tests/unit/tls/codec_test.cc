#include "tls/codec.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tls_codec.h"

namespace ringgate::tls {
namespace {

std::string numbers(std::size_t size) {
  std::string bytes(size, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  return bytes;
}

// -- Handshakes

TEST_F(TlsCodec, SpeaksBothVersionsInEveryCut) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{500}, SIZE_MAX}) {
      SCOPED_TRACE(testing::Message() << std::hex << version << std::dec << ", " << step << " bytes at a time");
      step_bytes = step;
      plaintext.clear();
      connect({.version_min = version, .version_max = version, .root = maker().root()});
      ASSERT_TRUE(codec->is_established()) << client->error;
      EXPECT_TRUE(client->is_open()) << client->error;
      client->write("from the device");
      seal({"from the gate"});
      exchange();
      EXPECT_EQ(plaintext, "from the device");
      EXPECT_EQ(client->received, "from the gate");
    }
  }
}

TEST_F(TlsCodec, RefusesOldVersionsAndWeakCiphers) {
  connect({.version_min = TLS1_1_VERSION, .version_max = TLS1_1_VERSION});
  EXPECT_EQ(last, Opened::failed);
  EXPECT_EQ(client->error, "tlsv1 alert protocol version");
  connect({.version_max = TLS1_2_VERSION, .ciphers = "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA"});
  EXPECT_EQ(last, Opened::failed);
  EXPECT_FALSE(client->is_open());
}

TEST_F(TlsCodec, WithTheProfileForChargersTakesRsaWithoutForwardSecrecy) {
  const auto rsa = identity_of(maker().make("rsa", {.is_rsa = true}));
  const auto curve = identity_of(maker().make("curve"));
  const ClientOptions charger{.version_max = TLS1_2_VERSION, .ciphers = "AES256-GCM-SHA384"};
  serve({rsa, curve});
  connect(charger);
  EXPECT_FALSE(client->is_open());
  serve({rsa, curve}, Profile::ocpp);
  connect(charger);
  EXPECT_TRUE(client->is_open()) << client->error;
  connect({.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"});
  EXPECT_TRUE(client->is_open()) << client->error;
}

TEST_F(TlsCodec, ChoosesTheCertificateByTheNameAskedFor) {
  serve({identity_of(maker().make("first", {.names = {"first.test"}})),
         identity_of(maker().make("wild", {.names = {"*.second.test"}})),
         identity_of(maker().make("exact", {.names = {"a.second.test"}}))});
  const std::pair<const char*, const char*> cases[] = {
      {"first.test", "first"}, {"a.second.test", "exact"}, {"B.Second.Test", "wild"}, {"unknown.test", "first"}, {"", "first"}};
  for (const auto& [host, subject] : cases) {
    connect({.host = host});
    ASSERT_TRUE(client->is_open()) << client->error;
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client->ssl())), NID_commonName, name, sizeof name);
    EXPECT_STREQ(name, subject) << host;
  }
}

TEST_F(TlsCodec, RefusesTwoCertificatesThatNobodyCouldTellApart) {
  const auto made = Context::create({{identity_of(maker().make("one")), identity_of(maker().make("two"))}, Profile::modern});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().find("two.pem is the second certificate for the same names"), std::string::npos) << made.error();
}

TEST_F(TlsCodec, SpeaksOnlyHttp11) {
  using namespace std::string_literals;
  connect({.protocols = "\x02h2\x08http/1.1"s});
  ASSERT_TRUE(client->is_open()) << client->error;
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(client->ssl(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  connect({.protocols = "\x02h2"s});
  EXPECT_EQ(client->error, "tlsv1 alert no application protocol");
}

TEST_F(TlsCodec, ResumesSessions) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connect({.version_min = version, .version_max = version});
    SSL_SESSION* const session = SSL_get1_session(client->ssl());
    connect({.version_min = version, .version_max = version, .session = session});
    EXPECT_EQ(SSL_session_reused(client->ssl()), 1);
    SSL_SESSION_free(session);
  }
}

/// RFC 6066 section 3: a server MUST NOT resume a session under another name, and what is told of the connection is the name asked for.
TEST_F(TlsCodec, ResumesNoSessionOfAnotherName) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [first, second] : {std::pair{"a.test", "b.test"}, {"a.test", ""}, {"", "a.test"}, {"a.test", "A.test"}}) {
      SCOPED_TRACE(testing::Message() << std::hex << version << " " << first << " then " << second);
      connect({.host = first, .version_min = version, .version_max = version});
      SSL_SESSION* const session = SSL_get1_session(client->ssl());
      connect({.host = second, .version_min = version, .version_max = version, .session = session});
      EXPECT_TRUE(client->is_open()) << client->error;
      EXPECT_EQ(codec->facts().server_name, second);
      EXPECT_EQ(SSL_session_reused(client->ssl()), version == TLS1_3_VERSION ? 1 : 0)
          << "TLS 1.3 names the host in each handshake";
      SSL_SESSION_free(session);
    }
  }
}

TEST_F(TlsCodec, GivesANewTicketWithEachResumption) {
  const auto ticket = [this] {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket(SSL_get_session(client->ssl()), &bytes, &size);
    return std::string(reinterpret_cast<const char*>(bytes), size);
  };
  connect({.version_min = TLS1_3_VERSION});
  for (int i = 0; i < 3; ++i) {
    SSL_SESSION* const session = SSL_get1_session(client->ssl());
    const std::string before = ticket();
    connect({.version_min = TLS1_3_VERSION, .session = session});
    EXPECT_EQ(SSL_session_reused(client->ssl()), 1);
    EXPECT_NE(ticket(), before);
    SSL_SESSION_free(session);
  }
}

TEST_F(TlsCodec, TellsWhatTheHandshakeAgreedOn) {
  using namespace std::string_literals;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientOptions options{.host = "Gate.test",
                          .version_min = version,
                          .version_max = version,
                          .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
                          .protocols = "\x08http/1.1"s};
    connect(options);
    const Facts facts = codec->facts();
    EXPECT_EQ(facts.version, version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
    EXPECT_EQ(facts.cipher, version == TLS1_3_VERSION ? "TLS_AES_128_GCM_SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256");
    EXPECT_EQ(facts.server_name, "Gate.test");
    EXPECT_EQ(facts.protocol, "http/1.1");
    EXPECT_FALSE(facts.is_resumed);
    EXPECT_EQ(codec->identity(), nullptr) << "it showed no certificate";
    SSL_SESSION* const session = SSL_get1_session(client->ssl());
    options.session = session;
    connect(options);
    EXPECT_TRUE(codec->facts().is_resumed);
    EXPECT_EQ(codec->facts().server_name, "Gate.test");
    SSL_SESSION_free(session);
  }
  connect({.host = ""});
  EXPECT_EQ(codec->facts().server_name, "");
  EXPECT_EQ(codec->facts().protocol, "");
}

std::int64_t pretended_time = 0;

TEST_F(TlsCodec, ResumesSessionsOfOthersWithTheSameSecretForSomeHours) {
  const auto identity = identity_of(maker().make("gate.test"));
  const auto gate_at = [&](std::uint8_t secret, std::int64_t hours) {
    pretended_time = 1'800'000'000 / 3600 * 3600 + hours * 3600 + 1800;
    ContextOptions options{.identities = {identity}, .ticket_secret = {secret}, .clock = [] { return pretended_time; }};
    context = std::move(Context::create(options).value());
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    gate_at(1, 0);
    connect({.version_min = version, .version_max = version});
    SSL_SESSION* const session = SSL_get1_session(client->ssl());
    const auto is_resumed = [&](std::uint8_t secret, std::int64_t hours) {
      gate_at(secret, hours);
      connect({.version_min = version, .version_max = version, .session = session});
      EXPECT_TRUE(client->is_open()) << client->error;
      EXPECT_EQ(codec->is_resumed(), SSL_session_reused(client->ssl()) == 1);
      return codec->is_resumed();
    };
    for (const std::int64_t hours : {0, 1, 2, -1}) EXPECT_TRUE(is_resumed(1, hours)) << hours;
    for (const std::int64_t hours : {3, 100, -2}) EXPECT_FALSE(is_resumed(1, hours)) << hours;
    EXPECT_FALSE(is_resumed(2, 0));
    SSL_SESSION_free(session);
  }
}

TEST_F(TlsCodec, RefusesRenegotiation) {
  connect({.version_max = TLS1_2_VERSION});
  SSL_renegotiate(client->ssl());
  SSL_do_handshake(client->ssl());
  give(bytes_of(client->take_output()));
  EXPECT_EQ(last, Opened::nothing) << "the attempt is passed over";
  exchange();
  EXPECT_FALSE(client->error.empty()) << "and the client is told";
}

/// A client that offers a group for which it sends no share is asked again.
TEST_F(TlsCodec, JudgesTheSecondClientHelloToo) {
  using namespace std::string_literals;
  const auto ask_again = [this] {
    codec = std::make_unique<Codec>(wire);
    client = std::make_unique<MemoryClient>(ClientOptions{});
    char groups[] = "P-384:P-256";  // the client sends a share of the first only, which the gate does not take
    ASSERT_EQ(SSL_set1_groups_list(client->ssl(), groups), 1);
    client->step();
    give(bytes_of(client->take_output()));
    ASSERT_EQ(last, Opened::nothing);
    client->receive(wire.output());
    wire.clear_output();
    client->step();
  };
  ask_again();
  exchange();
  EXPECT_TRUE(client->is_open()) << client->error;

  ask_again();
  EXPECT_EQ(codec->gather(bytes_of("\x16\x03\x03\x00\x05\x01\x02\x01\x44\x03"s)), HelloState::too_long);
  ask_again();
  const std::string second = client->take_output();
  for (std::size_t size = 0; size < second.size(); ++size) {
    Codec other(wire);
    EXPECT_EQ(judge_client_hello(bytes_of(second.substr(0, size))).state, HelloState::incomplete) << size;
  }
  EXPECT_EQ(judge_client_hello(bytes_of(second)).bytes, second.size());
}

TEST_F(TlsCodec, LetsNothingFollowAClientHelloBeforeItIsAnswered) {
  codec = std::make_unique<Codec>(wire);
  client = std::make_unique<MemoryClient>(ClientOptions{});
  client->step();
  EXPECT_EQ(codec->gather(bytes_of(client->take_output())), HelloState::whole);
  const std::vector<std::uint8_t> junk(client_hello_bytes_max, 0x17);
  EXPECT_EQ(codec->gather(junk), HelloState::too_long);
}

TEST_F(TlsCodec, FailsIfTheClientEndsInTheHandshake) {
  using namespace std::string_literals;
  codec = std::make_unique<Codec>(wire);
  client = std::make_unique<MemoryClient>(ClientOptions{});
  client->step();
  give(bytes_of(client->take_output() + "\x15\x03\x03\x00\x02\x01\x00"s));
  EXPECT_NE(last, Opened::plaintext);
  EXPECT_FALSE(codec->is_established());
}

// -- Data

TEST_F(TlsCodec, CarriesEverySize) {
  connect();
  room_bytes = 1000;
  for (const std::size_t size : {1U, 999U, 1000U, 1001U, 16'383U, 16'384U, 16'385U, 65'536U, 200'000U}) {
    for (const std::size_t step : {std::size_t{1'000}, SIZE_MAX}) {
      step_bytes = step;
      plaintext.clear();
      client->received.clear();
      const std::string text = numbers(size);
      client->write(text);
      seal({text});
      EXPECT_LE(wire.output().size(), Codec::sealed_bytes_max(size));
      exchange();
      EXPECT_EQ(plaintext, text);
      EXPECT_EQ(client->received, text);
    }
  }
}

TEST_F(TlsCodec, PutsSmallPiecesIntoOneRecordAndLargeOnesIntoWholeOnes) {
  connect();
  seal({"a", "bc", "def"});
  EXPECT_EQ(records_in_output(), 1U);
  exchange();
  EXPECT_EQ(client->received, "abcdef");
  client->received.clear();
  const std::string large = numbers(50'000);
  seal({"head", large, "tail"});
  EXPECT_EQ(records_in_output(), 4U);
  EXPECT_LE(wire.output().size(), Codec::sealed_bytes_max(large.size() + 8));
  exchange();
  EXPECT_EQ(client->received, "head" + large + "tail");
}

TEST_F(TlsCodec, WritesToLentRoomAndTheRestToTheWire) {
  connect();
  const std::string text = numbers(40'000);
  for (const std::size_t room_size : {0U, 10U, 20'000U, 50'000U}) {
    client->received.clear();
    std::vector<std::uint8_t> room(room_size);
    wire.lend(room);
    seal({text});
    const std::size_t used = wire.end_lending();
    EXPECT_LE(used, room_size);
    EXPECT_EQ(wire.output().empty(), room_size == 50'000U);
    client->receive(ByteView(room).first(used));
    exchange();
    EXPECT_EQ(client->received, text) << room_size;
    client->received.clear();
    seal({"after the loan"});
    EXPECT_FALSE(wire.output().empty());
    exchange();
    EXPECT_EQ(client->received, "after the loan");
  }
}

TEST_F(TlsCodec, SaysHowMuchALaterReceiveMayBringBesides) {
  connect();
  EXPECT_EQ(codec->held_bytes_max(), 0U);
  client->write(numbers(5000));
  const std::string record = client->take_output();
  give(bytes_of(std::string_view(record).substr(0, 4000)));
  EXPECT_EQ(codec->held_bytes_max(), record_bytes_max);
  give(bytes_of(std::string_view(record).substr(4000)));
  EXPECT_EQ(codec->held_bytes_max(), 0U);
  EXPECT_EQ(plaintext.size(), 5000U);
}

// -- Ends and abuse

TEST_F(TlsCodec, TellsCloseNotifyAndSendsItsOwnOnce) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connect({.version_min = version, .version_max = version});
    client->write("last words");
    SSL_shutdown(client->ssl());
    exchange();
    EXPECT_EQ(last, Opened::finished);
    EXPECT_TRUE(plaintext.ends_with("last words"));
    seal({"answer"});
    codec->close();
    codec->close();
    exchange();
    EXPECT_EQ(client->received, "answer");
    EXPECT_FALSE(codec->seal(std::vector<ByteView>{bytes_of("too late")}));
  }
}

TEST_F(TlsCodec, SendsCloseNotify) {
  connect();
  seal({"bye"});
  codec->close();
  exchange();
  EXPECT_EQ(client->received, "bye");
  EXPECT_TRUE(client->saw_end());
}

TEST_F(TlsCodec, AnswersBrokenRecordsWithAnAlert) {
  connect();
  client->write("text");
  std::string record = client->take_output();
  record.back() ^= 1;
  give(bytes_of(record));
  EXPECT_EQ(last, Opened::failed);
  EXPECT_FALSE(wire.output().empty());
  exchange();
  EXPECT_EQ(client->error, "sslv3 alert bad record mac");
  EXPECT_FALSE(codec->seal(std::vector<ByteView>{bytes_of("x")}));
}

TEST_F(TlsCodec, ChangesKeysWhenAskedButNotForEver) {
  connect();
  for (int i = 0; i < 100; ++i) {  // with data between, as often as one likes
    SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    client->write("x");
    exchange();
  }
  EXPECT_EQ(plaintext, std::string(100, 'x'));
  EXPECT_EQ(last, Opened::nothing);
  std::string flood;
  for (int i = 0; i < 1000; ++i) {
    SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client->ssl());
    flood += client->take_output();
  }
  give(bytes_of(flood));
  EXPECT_EQ(last, Opened::failed);
  EXPECT_LT(wire.output().size(), 40U * 40U);
}

}  // namespace
}  // namespace ringgate::tls
