#include "server/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "support/tls/certificate_maker.h"

namespace ringgate::server {
namespace {

using test::CertificateMaker;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct CertificatesOfListeners : testing::Test {
  CertificateMaker maker;
  Config config;
  std::int64_t now = std::time(nullptr);

  CertificatesOfListeners() { config.listeners.resize(1); }
  TlsConfig tls(const CertificateMaker::Files& files) const {
    return {.certificate_files = {files.certificate}, .key_files = {files.key}};
  }
  void demand(TlsConfig& tls, const std::vector<std::string>& authorities, const std::vector<std::string>& lists = {}) const {
    tls.client = ClientCertificates::required;
    tls.client_authority_files = authorities;
    tls.client_revocation_files = lists;
  }
  std::vector<std::string> faults() const {
    std::vector<std::string> causes;
    for (const StartError& each : check_certificates(config, now).faults) {
      EXPECT_EQ(each.exit_code, ExitCode::bad_configuration);
      causes.push_back(each.cause);
    }
    return causes;
  }
};

TEST_F(CertificatesOfListeners, AreAllNamedIfTheyAreBroken) {
  const auto good = maker.make("good");
  const auto expired = maker.make("expired", {.begins_in = -7200, .ends_in = -60});
  config.listeners[0].tls = tls(good);
  config.listeners[0].tls.certificate_files.push_back(expired.certificate);
  config.listeners[0].tls.key_files.push_back(expired.key);
  config.listeners[0].tls.ticket_secret_file = "/no/tickets";
  config.admin.tls = tls({good.certificate, expired.key});
  demand(config.admin.tls, {good.certificate, "/no/roots"}, {good.key});
  EXPECT_THAT(faults(),
              ElementsAre(HasSubstr("listener.0.tls.ticket_keys: /no/tickets cannot be read"),
                          HasSubstr("listener.0.tls: " + expired.certificate + " expired on "),
                          HasSubstr("admin.tls: " + expired.key + " is not the key of"),
                          HasSubstr("admin.tls.client_ca: " + good.certificate + ": /CN=good is no authority's certificate"),
                          HasSubstr("admin.tls.client_ca: /no/roots cannot be read"),
                          HasSubstr("admin.tls.crl: " + good.key + " holds no revocation list")));
}

TEST_F(CertificatesOfListeners, MustFitTogether) {
  const auto one = maker.make("one");
  const auto two = maker.make("two");
  config.listeners[0].tls = {.certificate_files = {one.certificate, two.certificate}, .key_files = {one.key, two.key}};
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("two.pem is the second certificate for the same names")));
}

TEST_F(CertificatesOfListeners, AreNotOpenedForAnAdminPortThatIsOff) {
  config.admin.tls = tls({"/no/certificate", "/no/key"});
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("admin.tls: /no/certificate cannot be read")));
  config.admin.bind = "off";
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(CertificatesOfListeners, AreKnownWithTheirEnds) {
  config.listeners[0].tls = tls(maker.make("own", {.ends_in = 13 * 86'400}));
  config.admin.tls = tls(maker.make("long", {.ends_in = 15 * 86'400}));
  const std::string list = maker.revoke("list", {.ends_in = 86'400});
  demand(config.listeners[0].tls, {maker.root_file()}, {list});
  const auto facts = facts_of(load_certificates(config, now).certificates);
  ASSERT_EQ(facts.size(), 4U);
  EXPECT_EQ(facts[1].file, maker.root_file());
  EXPECT_EQ(facts[2].file, list);
  EXPECT_EQ(facts[2].listener, "0");
  EXPECT_NEAR(static_cast<double>(facts[2].expires), static_cast<double>(now + 86'400), 10);
  EXPECT_EQ(facts[3].listener, "admin");
  const auto soon = check_certificates(config, now).ending_soon;
  ASSERT_EQ(soon.size(), 1U) << "lists live for days only";
  EXPECT_THAT(soon[0].file, HasSubstr("own.pem"));
}

}  // namespace
}  // namespace ringgate::server
