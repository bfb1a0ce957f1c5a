#include "tls/records.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <numeric>
#include <string>

#include "support/tls/record_forge.h"
#include "tls_codec.h"

namespace ringgate::tls {
namespace {

using namespace std::string_literals;
using test::RecordForge;

constexpr std::uint8_t change_cipher_spec = 20, alert = 21, handshake = 22, application_data = 23;
const std::string key_update_requested = "\x18\x00\x00\x01\x01"s;

/// A codec after a handshake of TLS 1.3, and records as only somebody with the client's keys can make them.
struct TlsRecords : TlsCodec {
  std::unique_ptr<RecordForge> forge;

  void SetUp() override {
    TlsCodec::SetUp();
    begin();
  }
  void begin() {
    plaintext.clear();
    wire.clear_output();
    connect({.version_min = TLS1_3_VERSION});
    ASSERT_TRUE(codec->is_established()) << client->error;
    forge = std::make_unique<RecordForge>(client->traffic_secret());
  }
  /// Records in this order; that of the operands of + is not settled.
  std::string sealed(std::initializer_list<std::pair<std::string, std::uint8_t>> contents) {
    std::string records;
    for (const auto& [content, type] : contents) records += forge->seal(content, type);
    return records;
  }
  /// What the client has for an error after the codec was given `records`; the codec must have failed.
  std::string error_after(const std::string& records) {
    give(bytes_of(records));
    EXPECT_EQ(last, Opened::failed);
    EXPECT_FALSE(codec->can_seal() && codec->seal(std::vector<ByteView>{bytes_of("x")}));
    client->receive(wire.output());
    wire.clear_output();
    client->step();
    return client->error;
  }
};

TEST_F(TlsRecords, RefusesARecordWithAnyBitFlipped) {
  const std::string good = RecordForge(client->traffic_secret()).seal("text", application_data);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    begin();
    std::string record = forge->seal("text", application_data);
    record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << bit % 8));
    give(bytes_of(record + std::string(20'000, '\x17')));  // enough for any length
    EXPECT_EQ(last, Opened::failed) << "bit " << bit;
    EXPECT_EQ(plaintext, "") << "bit " << bit;
    EXPECT_FALSE(wire.output().empty()) << "an alert";
    wire.clear_output();
  }
}

TEST_F(TlsRecords, RefusesARecordTwiceOrOutOfOrder) {
  const std::string first = forge->seal("1", application_data);
  EXPECT_EQ(error_after(first + first), "sslv3 alert bad record mac");
  EXPECT_EQ(plaintext, "1");
  begin();
  (void)forge->seal("1", application_data);
  EXPECT_EQ(error_after(forge->seal("2", application_data)), "sslv3 alert bad record mac");
}

TEST_F(TlsRecords, TakesRecordsCutAtEveryByte) {
  const std::size_t size = sealed({{"one", application_data}, {"two", application_data}}).size();
  for (std::size_t cut = 0; cut <= size; ++cut) {
    begin();
    const std::string records = sealed({{"one", application_data}, {"two", application_data}});
    give(bytes_of(std::string_view(records).substr(0, cut)));
    give(bytes_of(std::string_view(records).substr(cut)));
    EXPECT_EQ(plaintext, "onetwo") << cut;
    EXPECT_EQ(codec->held_bytes_max(), 0U);
  }
}

TEST_F(TlsRecords, TakesPaddingAway) {
  std::string padded = "data\x17"s;  // the forge puts a type last: here the last zero
  padded.resize(100);
  give(bytes_of(forge->seal(padded, 0)));
  EXPECT_EQ(plaintext, "data");
  EXPECT_EQ(error_after(forge->seal(std::string(100, '\0'), 0)), "sslv3 alert unexpected message");
}

TEST_F(TlsRecords, RefusesContentThatHasNoPlaceAfterAHandshake) {
  const std::pair<std::string, std::uint8_t> contents[] = {{"\x01", change_cipher_spec},
                                                           {"x", 24},
                                                           {"\x01\x00\x00\x00"s, handshake},
                                                           {"\x04\x00\x00\x00"s, handshake},
                                                           {"", handshake}};
  for (const auto& [content, type] : contents) {
    begin();
    EXPECT_EQ(error_after(forge->seal(content, type)), "sslv3 alert unexpected message") << int{type};
  }
  for (const std::string& record : {"\x14\x03\x03\x00\x01\x01"s, "\x15\x03\x03\x00\x02\x01\x00"s, "\x16\x03\x03\x00\x01\x01"s}) {
    begin();
    EXPECT_EQ(error_after(record), "sslv3 alert unexpected message") << "in plaintext";
  }
}

TEST_F(TlsRecords, TakesAKeyUpdateInPiecesButNothingBetweenThem) {
  for (std::size_t cut = 1; cut < key_update_requested.size(); ++cut) {
    begin();
    give(bytes_of(sealed({{key_update_requested.substr(0, cut), handshake}, {key_update_requested.substr(cut), handshake}})));
    forge->update_keys();
    give(bytes_of(forge->seal("new keys", application_data)));
    EXPECT_EQ(plaintext, "new keys") << cut;
  }
  for (const std::uint8_t between : {application_data, alert}) {
    begin();
    EXPECT_EQ(error_after(sealed({{"\x18\x00"s, handshake}, {"\x01\x5A"s, between}})), "sslv3 alert unexpected message");
  }
}

TEST_F(TlsRecords, RefusesKeyUpdatesThatAreNone) {
  EXPECT_EQ(error_after(forge->seal("\x18\x00\x00\x01\x02"s, handshake)), "sslv3 alert illegal parameter");
  begin();
  EXPECT_EQ(error_after(forge->seal("\x18\x00\x00\x02\x00"s, handshake)), "tlsv1 alert decode error");
  begin();
  EXPECT_EQ(error_after(forge->seal(key_update_requested + "\x18"s, handshake)), "sslv3 alert unexpected message")
      << "no more may be in its record, whose keys have ended";
}

TEST_F(TlsRecords, AnswersAllKeyUpdatesByOneBeforeItsNextData) {
  for (int i = 0; i < 3; ++i) {
    give(bytes_of(forge->seal(key_update_requested, handshake)));
    forge->update_keys();
  }
  EXPECT_TRUE(wire.output().empty());
  seal({"data"});
  EXPECT_EQ(records_in_output(), 2U);
  client->receive(wire.output());
  wire.clear_output();
  client->step();
  EXPECT_EQ(client->received, "data") << client->error;
  seal({" more"});
  EXPECT_EQ(records_in_output(), 1U);
  client->receive(wire.output());
  wire.clear_output();
  client->step();
  EXPECT_EQ(client->received, "data more") << client->error;
}

TEST_F(TlsRecords, EndsAtAlerts) {
  give(bytes_of(sealed({{"\x01\x5A"s, alert}, {"goes on", application_data}})));  // user_canceled
  EXPECT_EQ(plaintext, "goes on");
  give(bytes_of(forge->seal("\x02\x28"s, alert)));  // handshake_failure
  EXPECT_EQ(last, Opened::failed);
  EXPECT_TRUE(wire.output().empty()) << "an alert is not answered";
  begin();
  give(bytes_of(sealed({{"\x01\x00"s, alert}, {"too late", application_data}})));
  EXPECT_EQ(last, Opened::finished);
  give(bytes_of(forge->seal("too late", application_data)));
  EXPECT_EQ(last, Opened::finished);
  EXPECT_EQ(plaintext, "");
  begin();
  EXPECT_EQ(error_after(forge->seal("\x01", alert)), "tlsv1 alert decode error");
  begin();
  EXPECT_EQ(error_after(forge->seal("\x01\x5A\x01\x00"s, alert)), "tlsv1 alert decode error") << "two in one record";
  begin();
  EXPECT_EQ(error_after(forge->seal("", alert)), "sslv3 alert unexpected message") << "RFC 8446 section 5.4";
}

/// The type counts, and padding does too (RFC 8446 section 5.4).
TEST_F(TlsRecords, RefusesAContentLongerThanARecordMayHold) {
  std::string padded = std::string(record_bytes_max - 10, 'x') + "\x17"s;
  padded.resize(record_bytes_max);  // the forge adds the last byte
  give(bytes_of(sealed({{padded, 0}, {std::string(record_bytes_max, 'y'), application_data}})));
  EXPECT_EQ(plaintext.size(), 2 * record_bytes_max - 10);
  padded.resize(record_bytes_max + 1);
  EXPECT_EQ(error_after(forge->seal(padded, 0)), "tlsv1 alert record overflow");
  begin();
  EXPECT_EQ(error_after(forge->seal(std::string(record_bytes_max + 1, 'x'), application_data)), "tlsv1 alert record overflow");
}

TEST_F(TlsRecords, RefusesARecordLongerThanWasAgreedOn) {
  const ClientOptions options{.version_min = TLS1_3_VERSION};
  const SslContextPtr shared = MemoryClient::new_context(options);
  ASSERT_EQ(SSL_CTX_set_ciphersuites(shared.get(), "TLS_AES_128_GCM_SHA256"), 1);
  SSL_CTX_set_tlsext_max_fragment_length(shared.get(), TLSEXT_max_fragment_length_512);
  ClientOptions with = options;
  with.context = shared.get();
  plaintext.clear();
  wire.clear_output();
  connect(with);
  ASSERT_TRUE(codec->is_established()) << client->error;
  forge = std::make_unique<RecordForge>(client->traffic_secret());
  give(bytes_of(forge->seal(std::string(512, 'x'), application_data)));
  EXPECT_EQ(plaintext, std::string(512, 'x'));
  EXPECT_EQ(error_after(forge->seal(std::string(513, 'x'), application_data)), "tlsv1 alert record overflow");
}

/// What a client sends behind its Finished, without waiting for anything.
TEST_F(TlsRecords, TakesWhatFollowsAFinishedInTheSameReceive) {
  const std::string compatible = "\x14\x03\x03\x00\x01\x01"s;  // a ChangeCipherSpec
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    for (const bool ends_in_between : {false, true}) {
      plaintext.clear();
      wire.clear_output();
      codec = std::make_unique<Codec>(wire);
      client = std::make_unique<MemoryClient>(ClientOptions{.version_min = TLS1_3_VERSION});
      client->step();
      give(bytes_of(client->take_output()));
      client->receive(wire.output());
      wire.clear_output();
      client->step();
      forge = std::make_unique<RecordForge>(client->traffic_secret());
      std::string records = client->take_output() + (ends_in_between ? compatible : ""s);
      records += forge->seal(key_update_requested, handshake);
      forge->update_keys();
      records += sealed({{"early", application_data}, {"", application_data}, {" bird", application_data}});
      for (std::size_t at = 0; at < records.size() && last != Opened::failed; at += std::min(at_once, records.size() - at))
        give(bytes_of(std::string_view(records).substr(at, at_once)));
      EXPECT_TRUE(codec->is_established());
      EXPECT_EQ(plaintext, ends_in_between ? "" : "early bird");
      if (!ends_in_between) seal({"worm"});
      client->receive(wire.output());
      wire.clear_output();
      client->step();
      EXPECT_EQ(client->received, ends_in_between ? "" : "worm");
      EXPECT_EQ(client->error, ends_in_between ? "sslv3 alert unexpected message" : "");
      last = Opened::nothing;
    }
  }
}

/// The secret of a session goes with a digest, not with a cipher (RFC 8446 section 4.2.11).
TEST_F(TlsRecords, ResumesASessionWithAnotherSuite) {
  const ClientOptions options{.version_min = TLS1_3_VERSION};
  const SslContextPtr shared = MemoryClient::new_context(options);
  ASSERT_EQ(SSL_CTX_set_ciphersuites(shared.get(), "TLS_AES_128_GCM_SHA256"), 1);
  ClientOptions with = options;
  with.context = shared.get();
  connect(with);
  const std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>> session(SSL_get1_session(client->ssl()));
  ASSERT_EQ(SSL_CTX_set_ciphersuites(shared.get(), "TLS_CHACHA20_POLY1305_SHA256"), 1);
  with.session = session.get();
  connect(with);
  ASSERT_TRUE(codec->is_resumed());
  EXPECT_EQ(codec->facts().cipher, "TLS_CHACHA20_POLY1305_SHA256");
  client->write("there");
  exchange();
  EXPECT_EQ(plaintext, "there");
  seal({"back"});
  exchange();
  EXPECT_EQ(client->received, "back");
}

/// The forge knows one suite, OpenSSL's client all.
TEST_F(TlsRecords, SpeaksEverySuiteThroughNewKeysOfBothSides) {
  for (const char* const suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    SCOPED_TRACE(suite);
    const ClientOptions options{.version_min = TLS1_3_VERSION};
    const SslContextPtr shared = MemoryClient::new_context(options);
    ASSERT_EQ(SSL_CTX_set_ciphersuites(shared.get(), suite), 1);
    ClientOptions with = options;
    with.context = shared.get();
    plaintext.clear();
    connect(with);
    ASSERT_TRUE(codec->is_established()) << client->error;
    EXPECT_EQ(codec->facts().cipher, suite);
    std::string sent, answered;
    for (std::size_t size = 1; size < 60'000; size = size * 3 + 1) {
      std::string text(size, '\0');
      std::iota(text.begin(), text.end(), static_cast<char>(size));
      client->write(text);
      seal({text.substr(0, size / 3), "", text.substr(size / 3)});
      SSL_key_update(client->ssl(), size % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
      exchange();
      sent += text;
      answered += text;
    }
    EXPECT_EQ(plaintext, sent);
    EXPECT_EQ(client->received, answered);
    codec->close();
    exchange();
    EXPECT_TRUE(client->saw_end()) << client->error;
  }
}

/// Keys that last for a few records, against OpenSSL's client: Records beside the codec, as if they were its own.
struct TlsRecordsOfShortKeys : TlsCodec {
  static constexpr std::uint64_t records_max = 4;
  inline static std::string secrets;  // lines as SSL_CTX_set_keylog_callback(3) has them

  const Suite suite{0x1301, "AES-128-GCM", "SHA256", 16, 32, records_max};
  Records records{wire, suite};
  SslContextPtr shared = MemoryClient::new_context({.version_min = TLS1_3_VERSION});

  void SetUp() override {
    TlsCodec::SetUp();
    secrets.clear();
    ASSERT_EQ(SSL_CTX_set_ciphersuites(shared.get(), "TLS_AES_128_GCM_SHA256"), 1);
    SSL_CTX_set_keylog_callback(shared.get(), [](const SSL*, const char* line) { secrets += line + "\n"s; });
    connect({.context = shared.get()});
    ASSERT_TRUE(codec->is_established()) << client->error;
    ASSERT_TRUE(records.use_secret(true, secret("SERVER_TRAFFIC_SECRET_0 ")));
    ASSERT_TRUE(records.use_secret(false, secret("CLIENT_TRAFFIC_SECRET_0 ")));
    records.note_sealed();  // the ticket
  }
  static std::vector<std::uint8_t> secret(std::string_view label) {
    const std::size_t line = secrets.find(label);
    const std::size_t begin = secrets.rfind(' ', secrets.find('\n', line)) + 1;
    std::vector<std::uint8_t> bytes;
    for (std::size_t at = begin; secrets[at] != '\n'; at += 2)
      bytes.push_back(static_cast<std::uint8_t>(std::stoi(secrets.substr(at, 2), nullptr, 16)));
    return bytes;
  }
  /// How many records went to the client.
  std::size_t say(std::string_view text) {
    const ByteView pieces[] = {bytes_of(text)};
    EXPECT_TRUE(records.seal(pieces));
    const std::size_t count = records_in_output();
    client->receive(wire.output());
    wire.clear_output();
    EXPECT_TRUE(client->step()) << client->error;
    return count;
  }
  std::size_t hear(std::string_view text) {
    client->write(text);
    const std::string sealed = client->take_output();
    std::vector<std::uint8_t> room(room_bytes);
    std::size_t count = 0, heard = 0;
    for (std::string_view rest = sealed; !rest.empty(); ++heard) {
      const std::size_t size = 5 + (std::size_t{bytes_of(rest)[3]} << 8U | bytes_of(rest)[4]);
      rest.remove_prefix(size);
    }
    wire.set_input(bytes_of(sealed));
    while ((last = records.open(room, count)) == Opened::plaintext) plaintext.append(text_of(ByteView(room).first(count)));
    EXPECT_EQ(last, Opened::nothing);
    return heard;
  }
};

TEST_F(TlsRecordsOfShortKeys, TakesNewKeysBeforeTheOldOnesAreWornOut) {
  std::string said;
  std::vector<std::size_t> counts;
  for (int i = 0; i < 12; ++i) {
    counts.push_back(say("x"));
    said += 'x';
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2}));
  const std::string large(10 * record_bytes_max, 'y');
  EXPECT_EQ(say(large), 10U + 2) << "also between the records of a run";
  EXPECT_EQ(client->received, said + large);
}

TEST_F(TlsRecordsOfShortKeys, AsksOnceForNewKeysOfAPeerWhoseKeysAreWornOut) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear("1"), 1U);
  EXPECT_EQ(say("a"), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear("1"), 1U);
  EXPECT_EQ(say("b"), 2U) << "asks, and takes new keys itself";
  EXPECT_EQ(say("c"), 1U) << "once";
  EXPECT_EQ(hear("2"), 2U) << "the peer's answer";
  EXPECT_EQ(say("d"), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear("3"), 1U);
  EXPECT_EQ(say("e"), 2U) << "those are worn out too";
  EXPECT_EQ(plaintext, "1111112333");
  EXPECT_EQ(client->received, "abcde");
}

TEST_F(TlsRecordsOfShortKeys, OneAnswerServesAllReasons) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(say("x"), 1U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(hear("1"), 1U);
  ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  EXPECT_EQ(hear("2"), 2U);
  EXPECT_EQ(say("y"), 2U) << "asked for, and worn out";
  EXPECT_EQ(hear("3"), 1U) << "the peer has new keys: it was not asked";
}

TEST_F(TlsRecordsOfShortKeys, KeysOfAesLastForLessThanTheirSafetyMargin) {
  for (const std::uint32_t code : {0x1301U, 0x1302U}) EXPECT_EQ(wire.suite(code)->records_max, 1U << 24U) << code;
  EXPECT_EQ(wire.suite(0x1303)->records_max, UINT64_MAX) << "of ChaCha20-Poly1305 the sequence number is spent before";
}

/// As where only algorithms of FIPS 140 are allowed, which ChaCha20-Poly1305 is none of. OpenSSL does not agree on it there.
TEST(TlsWire, DoesWithoutSuitesThatOpensslDoesNotHave) {
  ASSERT_EQ(EVP_default_properties_enable_fips(nullptr, 1), 1);
  EXPECT_NO_THROW({
    const Wire wire;
    EXPECT_EQ(wire.suite(0x1303), nullptr);
  });
  EXPECT_EQ(ERR_peek_error(), 0U);
  ASSERT_EQ(EVP_default_properties_enable_fips(nullptr, 0), 1);
  EXPECT_NE(Wire().suite(0x1303), nullptr);
}

}  // namespace
}  // namespace ringgate::tls
