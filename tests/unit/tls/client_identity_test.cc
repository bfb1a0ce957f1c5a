#include "tls/client_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "support/tls/certificate_maker.h"

namespace ringgate::tls {
namespace {

using namespace std::string_literals;
using test::CertificateMaker;
using test::CertificateRequest;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

std::unique_ptr<const ClientIdentity> identity_of(const CertificateRequest& request) {
  static CertificateMaker maker;
  maker.make("client", request);
  return read_client_identity(maker.certificate("client"));
}

TEST(ClientIdentity, HasTheNamesOfTheCertificate) {
  const auto identity = identity_of({.subject = {{"O", "Fleet, Inc"}, {"CN", "charger-7"}},
                                     .alternatives = {{GEN_URI, "urn:dev:7"},
                                                      {GEN_DNS, "Seven.Fleet.Test"},
                                                      {GEN_EMAIL, "seven@fleet.test"},
                                                      {GEN_URI, "spiffe://fleet.test/7"}}});
  EXPECT_EQ(identity->common_name, "charger-7");
  EXPECT_THAT(identity->san_uris, ElementsAre("urn:dev:7", "spiffe://fleet.test/7"));
  EXPECT_THAT(identity->san_dns, ElementsAre("Seven.Fleet.Test"));
  EXPECT_EQ(identity->subject, "CN=charger-7,O=Fleet\\, Inc");
  EXPECT_EQ(identity->fault, NameFault::none);
  EXPECT_NEAR(static_cast<double>(identity->expires), static_cast<double>(std::time(nullptr) + 90 * 86'400), 10);
  EXPECT_NE(identity->fingerprint, identity_of({})->fingerprint);
}

TEST(ClientIdentity, MayHaveNoNames) {
  const auto identity = identity_of({.names = {}, .subject = {{"O", "Fleet"}}});
  EXPECT_EQ(identity->common_name, "");
  EXPECT_THAT(identity->san_uris, IsEmpty());
  EXPECT_THAT(identity->san_dns, IsEmpty());
  EXPECT_EQ(identity->fault, NameFault::none);
}

TEST(ClientIdentity, ReadsTheKindsOfStringAsUtf8) {
  EXPECT_EQ(identity_of({.subject = {{"CN", "\0L\0\xE4\0d\0e"s, V_ASN1_BMPSTRING}}})->common_name, "L\u00E4de");
  EXPECT_EQ(identity_of({.subject = {{"CN", "L\xE4"s, V_ASN1_T61STRING}}})->common_name, "L\u00E4");
  EXPECT_EQ(identity_of({.subject = {{"CN", "L\u00E4"s, V_ASN1_UTF8STRING}}})->common_name, "L\u00E4");
  EXPECT_EQ(identity_of({.subject = {{"CN", "plain", V_ASN1_PRINTABLESTRING}}})->common_name, "plain");
}

/// In a broken encoding a certificate is none for OpenSSL.
TEST(ClientIdentity, HasNoCommonNameThatCouldBeReadInTwoWays) {
  const CertificateRequest unusable[] = {{.subject = {{"CN", "charger\0.evil"s}}},
                                         {.subject = {{"CN", "charger\n7"}}},
                                         {.subject = {{"CN", ""}}},
                                         {.subject = {{"CN", "\0a\0\0\0b"s, V_ASN1_BMPSTRING}}},
                                         {.subject = {{"CN", std::string(256, 'x')}}},
                                         {.subject = {{"CN", "*.fleet.test"}}},
                                         {.subject = {{"CN", "*"}}}};
  for (const CertificateRequest& request : unusable) {
    const auto identity = identity_of(request);
    EXPECT_EQ(identity->common_name, "") << identity->subject;
    EXPECT_EQ(identity->fault, NameFault::unusable) << identity->subject;
  }
  EXPECT_EQ(identity_of({.subject = {{"CN", std::string(255, 'x')}}})->common_name, std::string(255, 'x'));
  const auto two = identity_of({.subject = {{"CN", "charger-7"}, {"O", "Fleet"}, {"CN", "charger-8"}}});
  EXPECT_EQ(two->common_name, "");
  EXPECT_EQ(two->fault, NameFault::ambiguous);
}

TEST(ClientIdentity, HasNoAlternativeNameThatCouldBeReadInTwoWays) {
  const auto identity = identity_of({.alternatives = {{GEN_URI, "urn:a\0b"s},
                                                      {GEN_URI, "urn:a b"},
                                                      {GEN_URI, "urn:\xC3\xA4"},
                                                      {GEN_URI, ""},
                                                      {GEN_URI, std::string(256, 'u')},
                                                      {GEN_DNS, "a.test\0.evil.test"s},
                                                      {GEN_DNS, "*.fleet.test"},
                                                      {GEN_DNS, "a b.test"},
                                                      {GEN_URI, "urn:good"},
                                                      {GEN_DNS, "good.test"}}});
  EXPECT_THAT(identity->san_uris, ElementsAre("urn:good"));
  EXPECT_THAT(identity->san_dns, ElementsAre("good.test"));
  EXPECT_EQ(identity->fault, NameFault::unusable);
}

TEST(ClientIdentity, IsBounded) {
  CertificateRequest request;
  for (int i = 0; i < 1000; ++i) {
    request.alternatives.push_back({GEN_URI, "urn:" + std::to_string(i)});
    request.alternatives.push_back({GEN_DNS, std::to_string(i) + ".test"});
    request.subject.push_back({"OU", "unit " + std::to_string(i)});
  }
  const auto identity = identity_of(request);
  EXPECT_EQ(identity->san_uris.size(), identity_names_max);
  EXPECT_EQ(identity->san_dns.size(), identity_names_max);
  EXPECT_EQ(identity->fault, NameFault::too_many);
  EXPECT_EQ(identity->subject.size(), identity_subject_bytes_max);
}

TEST(ClientIdentity, HasASubjectThatBreaksNoLog) {
  const auto identity = identity_of({.subject = {{"CN", "a\n\"b\"\x1B[31m\u00E4"}}});
  EXPECT_THAT(identity->subject, StartsWith("CN=a\\0A"));
  for (const char c : identity->subject) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << identity->subject;
}

}  // namespace
}  // namespace ringgate::tls
