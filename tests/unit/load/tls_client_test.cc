#include "load/tls_client.h"

#include <gtest/gtest.h>

#include <ctime>
#include <vector>

#include "support/tls/certificate_maker.h"
#include "tls/codec.h"

namespace ringgate::load {
namespace {

/// A client and the gate's codec, with all bytes between them in the test's hands.
struct LoadTlsClient : testing::Test {
  test::CertificateMaker maker;
  std::shared_ptr<const tls::Context> gate_context;
  tls::Wire gate_wire;
  std::unique_ptr<TlsContext> context;
  std::unique_ptr<TlsClient> client;
  std::unique_ptr<tls::Codec> gate;
  std::vector<std::uint8_t> room = std::vector<std::uint8_t>(tls::record_bytes_max);

  void SetUp() override {
    const auto files = maker.make("gate.test");
    auto loaded = tls::load_identity(files.certificate, files.key, std::time(nullptr));
    ASSERT_TRUE(loaded) << loaded.error();
    auto made = tls::Context::create({{std::make_shared<const tls::Identity>(std::move(*loaded))}});
    ASSERT_TRUE(made) << made.error();
    gate_context = std::move(*made);
    auto opened = TlsContext::open(TlsBuffers::kept);
    ASSERT_TRUE(opened) << opened.error();
    context = std::move(*opened);
  }
  std::string gate_reads(ByteView records) {
    std::string plain;
    if (!gate->is_established()) {
      if (gate->gather(records) != tls::HelloState::whole || !gate->proceed(gate_context)) return "no handshake";
    } else {
      gate->feed(records);
    }
    std::size_t count = 0;
    while (gate->open(room, count) == tls::Opened::plaintext) plain.append(text_of(ByteView(room).first(count)));
    return plain;
  }
  std::string take_gate_output() {
    std::string taken(text_of(gate_wire.output()));
    gate_wire.clear_output();
    return taken;
  }
  std::string client_reads(const std::string& records, std::string& out) {
    std::string plain;
    std::size_t count = 0;
    client->feed(bytes_of(records));
    while (client->read(room, count, out) == TlsRead::plaintext) plain.append(text_of(ByteView(room).first(count)));
    return plain;
  }
  void connect(TlsSession* session) {
    client = std::make_unique<TlsClient>(*context);
    gate = std::make_unique<tls::Codec>(gate_wire);
    std::string out;
    client->start(session, out);
    EXPECT_EQ(gate_reads(bytes_of(out)), "");
    std::string finished;
    client_reads(take_gate_output(), finished);
    EXPECT_EQ(gate_reads(bytes_of(finished)), "");
    std::string nothing;
    client_reads(take_gate_output(), nothing);  // the ticket
    EXPECT_EQ(nothing, "");
    ASSERT_TRUE(client->is_established() && gate->is_established());
  }
};

TEST_F(LoadTlsClient, SpeaksWhatEveryServerIsMeasuredWith) {
  connect(nullptr);
  EXPECT_EQ(gate->facts().version, "TLSv1.3");
  EXPECT_EQ(gate->facts().cipher, "TLS_AES_128_GCM_SHA256");
}

TEST_F(LoadTlsClient, CarriesBytesBothWaysInAnyCut) {
  connect(nullptr);
  for (const std::size_t size : {1UL, 16384UL, 16385UL, 100'000UL}) {
    const std::string plain(size, 'x');
    std::string records;
    client->seal(bytes_of(plain), records);
    EXPECT_EQ(gate_reads(bytes_of(records)), plain);
    std::vector<std::uint8_t> lent(TlsClient::sealed_bytes_max(size));
    const std::size_t used = client->seal(bytes_of(plain), lent);
    EXPECT_EQ(gate_reads(ByteView(lent).first(used)), plain);

    const ByteView piece = bytes_of(plain);
    ASSERT_TRUE(gate->seal({&piece, 1}));
    const std::string answer = take_gate_output();
    std::string nothing;
    std::string got;
    for (std::size_t at = 0; at < answer.size(); at += 777) got += client_reads(answer.substr(at, 777), nothing);
    EXPECT_EQ(got, plain);
  }
}

TEST_F(LoadTlsClient, ResumesOnlyWhenToldTo) {
  TlsSession session;
  connect(&session);
  EXPECT_FALSE(client->is_resumed() || gate->is_resumed());
  ASSERT_NE(session, nullptr);
  for (int i = 0; i < 3; ++i) {
    connect(&session);
    EXPECT_TRUE(client->is_resumed() && gate->is_resumed()) << i;
  }
  connect(nullptr);
  EXPECT_FALSE(client->is_resumed() || gate->is_resumed());
  client.reset();
}

TEST_F(LoadTlsClient, TellsCloseNotifyFromRecordsThatAreNone) {
  connect(nullptr);
  gate->close();
  const std::string alert = take_gate_output();
  std::size_t count = 0;
  std::string out;
  client->feed(bytes_of(alert));
  EXPECT_EQ(client->read(room, count, out), TlsRead::finished);
  connect(nullptr);
  client->feed(bytes_of("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(client->read(room, count, out), TlsRead::failed);
}

}  // namespace
}  // namespace ringgate::load
