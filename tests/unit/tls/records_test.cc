#include "tls/records.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ringgate::tls
