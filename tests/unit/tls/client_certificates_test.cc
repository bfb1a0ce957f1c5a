// Certificates of clients, against a client in memory: who gets in, who does not and why, and for how long a ticket stands for it.
#include <chrono>
#include <thread>

#include "tls_codec.h"

namespace ringgate::tls {
namespace {

using test::CertificateRequest;
using SessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::int64_t pretended_time = 0;

struct ClientCertificatesOfTls : TlsCodec {
  std::vector<std::string> lists;
  std::vector<std::string> authorities{maker().root_file()};

  void SetUp() override {
    TlsCodec::SetUp();
    pretended_time = std::time(nullptr);
  }
  void demand(ClientCertificates wanted = ClientCertificates::required) {
    static const auto identity = identity_of(maker().make("gate.test"));
    auto loaded = ClientTrust::load(authorities, lists, std::time(nullptr));
    ASSERT_NE(loaded.trust, nullptr) << testing::PrintToString(loaded.authority_faults)
                                     << testing::PrintToString(loaded.revocation_faults);
    serve(ContextOptions{.identities = {identity},
                         .client_certificates = wanted,
                         .trust = std::move(loaded.trust),
                         .ticket_secret = {7},
                         .clock = [] { return pretended_time; }});
  }
  ClientOptions showing(const std::string& name, const std::vector<std::string>& chain = {}, int version = TLS1_3_VERSION) {
    ClientOptions options{.version_min = version, .version_max = version};
    options.certificate = maker().certificate(name);
    options.key = maker().key(name);
    for (const std::string& each : chain) options.chain.push_back(maker().certificate(each));
    return options;
  }
  /// The cause why the client is refused, in both versions; "" if it is let in.
  std::string refusal(const std::string& name, const std::vector<std::string>& chain = {}) {
    std::string cause;
    for (const int version : versions) {
      wire.refusal = {};
      connect(showing(name, chain, version));
      EXPECT_EQ(codec->is_established(), wire.refusal.cause.empty());
      EXPECT_EQ(client->is_open() && client->error.empty(), wire.refusal.cause.empty()) << client->error;
      EXPECT_TRUE(version == TLS1_2_VERSION || cause == wire.refusal.cause) << cause;
      cause = wire.refusal.cause;
    }
    return cause;
  }
  SessionPtr session() { return SessionPtr(SSL_get1_session(client->ssl())); }
};

TEST_F(ClientCertificatesOfTls, LetInWhoShowsAGoodOne) {
  maker().make("charger-7", {.alternatives = {{GEN_URI, "urn:dev:7"}}, .purpose = "clientAuth"});
  for (const auto wanted : {ClientCertificates::optional, ClientCertificates::required}) {
    demand(wanted);
    EXPECT_EQ(refusal("charger-7"), "");
    ASSERT_NE(codec->identity(), nullptr);
    EXPECT_EQ(codec->identity()->common_name, "charger-7");
    EXPECT_EQ(codec->identity()->san_uris.at(0), "urn:dev:7");
  }
}

TEST_F(ClientCertificatesOfTls, AreVerifiedForEveryNameOfTheGate) {
  maker().make("charger-7");
  maker().make("expired", {.begins_in = -7200, .ends_in = -60});
  const auto trust = ClientTrust::load(authorities, lists, std::time(nullptr)).trust;
  serve(ContextOptions{.identities = {identity_of(maker().make("first", {.names = {"first.test"}})),
                                      identity_of(maker().make("second", {.names = {"second.test"}}))},
                       .client_certificates = ClientCertificates::required,
                       .trust = trust});
  for (const int version : versions) {
    for (const char* host : {"first.test", "second.test", "unknown.test", ""}) {
      ClientOptions options = showing("charger-7", {}, version);
      options.host = host;
      connect(options);
      EXPECT_TRUE(codec->is_established()) << host << ": " << client->error;
      EXPECT_EQ(codec->identity()->common_name, "charger-7");
      const SessionPtr kept = session();
      options.session = kept.get();
      connect(options);
      EXPECT_TRUE(codec->is_resumed()) << host;
      options = showing("expired", {}, version);
      options.host = host;
      connect(options);
      EXPECT_FALSE(codec->is_established()) << host;
      connect({.host = host, .version_min = version, .version_max = version});
      EXPECT_FALSE(codec->is_established()) << host;
    }
  }
}

TEST_F(ClientCertificatesOfTls, MayBeMissingOnlyIfOptional) {
  for (const int version : versions) {
    const ClientOptions none{.version_min = version, .version_max = version};
    demand(ClientCertificates::optional);
    connect(none);
    ASSERT_TRUE(codec->is_established()) << client->error;
    EXPECT_EQ(codec->identity(), nullptr);
    demand();
    connect(none);
    EXPECT_FALSE(codec->is_established());
    EXPECT_EQ(wire.refusal.cause, "no certificate");
    EXPECT_EQ(client->error, version == TLS1_3_VERSION ? "tlsv13 alert certificate required" : "sslv3 alert handshake failure");
  }
}

TEST_F(ClientCertificatesOfTls, AreRefusedWithTheCause) {
  test::CertificateMaker stranger;
  maker().make("expired", {.begins_in = -7200, .ends_in = -60});
  maker().make("early", {.begins_in = 3600});
  maker().make("server", {.purpose = "serverAuth"});
  maker().make("own", {.is_self_signed = true});
  maker().make("weak", {.is_rsa = true, .rsa_bits = 1024});
  for (const auto wanted : {ClientCertificates::optional, ClientCertificates::required}) {
    demand(wanted);
    EXPECT_EQ(refusal("expired"), "certificate has expired");
    EXPECT_EQ(wire.refusal.subject, "/CN=expired");
    EXPECT_EQ(refusal("early"), "certificate is not yet valid");
    EXPECT_EQ(refusal("server"), "unsuitable certificate purpose");
    EXPECT_EQ(refusal("own"), "self-signed certificate");
    EXPECT_EQ(refusal("weak"), "EE certificate key too weak");
    stranger.make("other");
    ClientOptions options;
    options.certificate = stranger.certificate("other");
    options.key = stranger.key("other");
    connect(options);
    EXPECT_FALSE(codec->is_established());
    EXPECT_EQ(wire.refusal.cause, "certificate signature failure") << "an authority of the same name with another key";
  }
}

TEST_F(ClientCertificatesOfTls, MayComeWithTheirIssuers) {
  maker().make("sub", {.is_authority = true});
  maker().make("device", {.issuer = "sub"});
  maker().make("no authority");
  maker().make("forged", {.issuer = "no authority"});
  demand();
  EXPECT_EQ(refusal("device", {"sub"}), "");
  EXPECT_EQ(refusal("device"), "unable to get local issuer certificate");
  EXPECT_EQ(refusal("forged", {"no authority"}), "invalid CA certificate");
  authorities.push_back(maker().folder() / "sub.pem");
  demand();
  EXPECT_EQ(refusal("device"), "") << "the gate knows the issuer itself";
}

TEST_F(ClientCertificatesOfTls, HaveAtMostSixAuthoritiesBetween) {
  std::vector<std::string> chain;
  std::string issuer;
  for (int depth = 1; depth <= 7; ++depth) {
    const std::string name = "level " + std::to_string(depth);
    maker().make(name, {.issuer = issuer, .is_authority = true});
    maker().make("leaf", {.issuer = name});
    chain.insert(chain.begin(), name);
    issuer = name;
    demand();
    EXPECT_EQ(refusal("leaf", chain), depth <= intermediates_max ? "" : "certificate chain too long") << depth;
  }
}

TEST_F(ClientCertificatesOfTls, MustNotBeRevoked) {
  maker().make("sub", {.is_authority = true});
  maker().make("good", {.issuer = "sub"});
  maker().make("bad", {.issuer = "sub"});
  const std::string of_sub = maker().revoke("list of sub", {.revoked = {"bad"}, .issuer = "sub"});
  const std::string of_root = maker().revoke("list of root", {});
  lists = {of_sub, of_root};
  demand();
  EXPECT_EQ(refusal("good", {"sub"}), "");
  EXPECT_EQ(refusal("bad", {"sub"}), "certificate revoked");
  EXPECT_EQ(wire.refusal.subject, "/CN=bad");
  lists = {of_sub};
  demand();
  EXPECT_EQ(refusal("good", {"sub"}), "unable to get certificate CRL") << "each authority needs a list";
  lists = {of_sub, maker().revoke("list of root", {.revoked = {"sub"}})};
  demand();
  EXPECT_EQ(refusal("good", {"sub"}), "certificate revoked") << "with its authority";
}

TEST_F(ClientCertificatesOfTls, AreRefusedUnderAListThatHasRunOut) {
  maker().make("good");
  lists = {maker().revoke("short list", {.ends_in = 2})};
  demand();
  EXPECT_EQ(refusal("good"), "");
  const std::int64_t end = std::time(nullptr) + 3;
  while (std::time(nullptr) < end) std::this_thread::sleep_for(std::chrono::milliseconds(10));  // OpenSSL has no other clock
  EXPECT_EQ(refusal("good"), "CRL has expired");
}

TEST_F(ClientCertificatesOfTls, TooLongAreRefused) {
  CertificateRequest request;
  for (int i = 0; i < 60; ++i) request.alternatives.push_back({GEN_URI, "urn:" + std::to_string(i) + std::string(200, 'x')});
  maker().make("long", request);
  demand();
  connect(showing("long"));
  EXPECT_FALSE(codec->is_established());
}

// -- Tickets

TEST_F(ClientCertificatesOfTls, StayKnownInResumedSessions) {
  maker().make("charger-7");
  for (const int version : versions) {
    demand();
    connect(showing("charger-7", {}, version));
    const auto fingerprint = codec->identity()->fingerprint;
    const SessionPtr kept = session();
    for (const bool shows_again : {true, false}) {
      demand();  // as on another shard
      ClientOptions options = showing("charger-7", {}, version);
      if (!shows_again) options.certificate = nullptr;
      options.session = kept.get();
      connect(options);
      ASSERT_TRUE(codec->is_established()) << client->error;
      EXPECT_TRUE(codec->is_resumed());
      ASSERT_NE(codec->identity(), nullptr);
      EXPECT_EQ(codec->identity()->common_name, "charger-7");
      EXPECT_EQ(codec->identity()->fingerprint, fingerprint);
    }
  }
}

TEST_F(ClientCertificatesOfTls, AreShownAgainAfterAChangeOfTrust) {
  maker().make("charger-7");
  test::CertificateMaker other;
  const std::string list = maker().revoke("list a", {});
  const std::string other_list = maker().revoke("list b", {.revoked = {"charger-7"}});
  for (const int version : versions) {
    const auto resumes = [&](const SessionPtr& kept) {
      ClientOptions options = showing("charger-7", {}, version);
      options.session = kept.get();
      connect(options);
      return codec->is_established() && codec->is_resumed();
    };
    lists = {list};
    authorities = {maker().root_file()};
    demand();
    connect(showing("charger-7", {}, version));
    const SessionPtr kept = session();
    demand();
    EXPECT_TRUE(resumes(kept)) << "the same files again";
    lists = {other_list};
    demand();
    EXPECT_FALSE(resumes(kept));
    EXPECT_EQ(wire.refusal.cause, "certificate revoked");
    lists = {list};
    authorities = {maker().root_file(), other.root_file()};
    demand();
    EXPECT_FALSE(resumes(kept)) << "another authority";
    EXPECT_TRUE(codec->is_established()) << "by a full handshake";
    lists = {};
    authorities = {maker().root_file()};
    demand();
    EXPECT_FALSE(resumes(kept)) << "no list";
    lists = {list};
    demand(ClientCertificates::optional);
    EXPECT_FALSE(resumes(kept)) << "another demand";
    demand();
    EXPECT_TRUE(resumes(kept));
  }
}

/// A session without a certificate must not become one where a certificate is required.
TEST_F(ClientCertificatesOfTls, AreNotEvadedByATicket) {
  maker().make("charger-7");
  for (const int version : versions) {
    for (const auto before : {ClientCertificates::off, ClientCertificates::optional}) {
      demand(before);
      ClientOptions options{.version_min = version, .version_max = version};
      connect(options);
      const SessionPtr kept = session();
      demand();
      options.session = kept.get();
      connect(options);
      EXPECT_FALSE(codec->is_established());
      EXPECT_EQ(wire.refusal.cause, "no certificate");
    }
  }
}

TEST_F(ClientCertificatesOfTls, EndWithTheirDateAlsoInTickets) {
  maker().make("brief", {.ends_in = 1800});
  maker().make("long", {.ends_in = 86'400});
  lists = {maker().revoke("daily", {.ends_in = 3000})};
  for (const int version : versions) {
    demand();
    const auto resumes_after = [&](const std::string& name, std::int64_t seconds) {
      pretended_time = std::time(nullptr);
      connect(showing(name, {}, version));
      const SessionPtr kept = session();
      pretended_time += seconds;
      ClientOptions options = showing(name, {}, version);
      options.session = kept.get();
      connect(options);
      EXPECT_TRUE(codec->is_established()) << "by a full handshake at least: " << client->error;
      return codec->is_resumed();
    };
    EXPECT_TRUE(resumes_after("brief", 1700));
    EXPECT_FALSE(resumes_after("brief", 1900));
    EXPECT_TRUE(resumes_after("long", 2900));
    EXPECT_FALSE(resumes_after("long", 3100)) << "the list has run out";
    pretended_time = std::time(nullptr);
  }
}

}  // namespace
}  // namespace ringgate::tls
