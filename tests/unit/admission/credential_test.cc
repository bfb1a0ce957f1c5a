// The verdicts on credentials, by kind: which one decides, what it proves, and whether it is for the device that the request claims.
#include "admission/credential.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "../http/request_samples.h"
#include "admission/admission.h"
#include "auth/password_line.h"
#include "auth/sha256.h"
#include "auth/text_coding.h"

namespace ringgate::admission {
namespace {

using auth::Kind;
using http::upgrade_request;

constexpr std::int64_t now = 1'800'000'000;
constexpr std::array<std::uint8_t, anonymous_id_random_chars> seed{};

constexpr std::array<IdSource, 1> claimed_sources{{{IdSource::Kind::query, "deviceId"}}};
constexpr std::array<IdSource, 1> path_source{{{IdSource::Kind::path}}};
constexpr std::array<IdSource, 1> alternative_source{{{IdSource::Kind::tls_alternative_name}}};
constexpr std::array<IdSource, 4> proven_sources{{{IdSource::Kind::query, "deviceId"},
                                                  {IdSource::Kind::header, "X-Device-Id"},
                                                  {IdSource::Kind::basic_user},
                                                  {IdSource::Kind::tls_common_name}}};

std::string hash_line(std::string_view token, const std::string& fields) {
  const auth::Sha256 hash = auth::sha256(bytes_of(token));
  return "sha256:" + auth::encode_hex(hash) + " " + fields + "\n";
}

const auth::Verifiers& verifiers() {
  static const auth::Verifiers all = [] {
    auth::Verifiers made;
    made.tokens = *auth::DeviceTokens::parse(hash_line("token-of-a", "device=a name=ta") +
                                                 hash_line("token-of-fleet", "group=fleet prefix=f-") +
                                                 hash_line("old-token", "device=a expires=1000"),
                                             "tokens");
    made.url_keys = *auth::UrlKeys::parse("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", "keys");
    return made;
  }();
  return all;
}

struct Case {
  std::vector<Kind> kinds;
  std::span<const IdSource> sources = claimed_sources;
  const tls::ClientIdentity* certificate = nullptr;
  bool enforces = true;
  const auth::DenyList* denied = nullptr;
  PathPattern path = "/ws";
};

/// "101 ID", "101 ID let in: REASON", or "STATUS REASON CAUSE".
std::string verdict(const Case& test, const std::string& request) {
  const std::array<RouteView, 1> routes{
      {{.path = test.path, .id_sources = test.sources, .credentials = test.kinds, .enforces_credentials = test.enforces}}};
  const GateView gate{.routes = routes,
                      .caller = {.verifiers = &verifiers(), .client_certificate = test.certificate, .now_seconds = now},
                      .denied = test.denied};
  http::RequestHeadParser parser{{.query = http::QueryRule::as_browsers_send}};
  EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  const auto admission = admit(parser.view(bytes_of(request)), gate, seed);
  if (!admission) {
    const Refusal refusal = admission.error();
    return std::to_string(refusal.facts().status) + " " + std::string(refusal.facts().reason) +
           (refusal.cause().empty() ? "" : " " + std::string(refusal.cause()));
  }
  std::string text = "101 " + std::string(admission->device_id.view());
  if (admission->let_in_for) text += " let in: " + std::string(admission->let_in_for->facts().reason);
  return text;
}

std::string bearer(const std::string& token, const std::string& query = "deviceId=a") {
  return upgrade_request("GET /ws?" + query + " HTTP/1.1", "Authorization: Bearer " + token + "\r\n");
}

TEST(Credential, ATokenIsForItsDevice) {
  const Case test{.kinds = {Kind::token}};
  EXPECT_EQ(verdict(test, bearer("token-of-a")), "101 a");
  EXPECT_EQ(verdict(test, bearer("token-of-a", "deviceId=b")), "403 device_not_covered other_device");
  EXPECT_EQ(verdict(test, bearer("token-of-b")), "401 credential_wrong token_unknown");
  EXPECT_EQ(verdict(test, bearer("old-token")), "401 credential_expired token_expired");
  EXPECT_EQ(verdict(test, upgrade_request("GET /ws?deviceId=a HTTP/1.1")), "401 credential_missing");
  EXPECT_EQ(verdict(test, bearer("token-of-a", "x=1")), "400 device_id_missing");
  EXPECT_EQ(verdict(test, bearer("token-of-a", "deviceId=a/b")), "400 bad_id") << "before any credential is judged";
}

TEST(Credential, ATokenOfAGroupIsForEveryIdWithItsPrefix) {
  const Case test{.kinds = {Kind::token}};
  EXPECT_EQ(verdict(test, bearer("token-of-fleet", "deviceId=f-17")), "101 f-17");
  EXPECT_EQ(verdict(test, bearer("token-of-fleet", "deviceId=g-17")), "403 device_not_covered other_device");
}

TEST(Credential, AWrongOneEndsTheSearchEvenIfNoneIsAllowed) {
  const Case test{.kinds = {Kind::token, Kind::none}};
  EXPECT_EQ(verdict(test, bearer("token-of-b")), "401 credential_wrong token_unknown");
  EXPECT_EQ(verdict(test, upgrade_request("GET /ws?deviceId=a HTTP/1.1")), "101 a");
  EXPECT_EQ(verdict(test, upgrade_request("GET /ws?deviceId=a HTTP/1.1", "Authorization: Basic eDp5\r\n")),
            "401 credential_wrong kind_not_taken");
}

TEST(Credential, AKindWithoutItsFileIsWrong) {
  EXPECT_EQ(verdict({.kinds = {Kind::jwt}}, bearer("x")), "401 credential_wrong no_jwt_keys_configured");
  EXPECT_EQ(verdict({.kinds = {Kind::basic}}, upgrade_request("GET /ws?deviceId=a HTTP/1.1", "Authorization: Basic YTpi\r\n")),
            "401 credential_wrong no_users_configured");
}

std::string signed_target(const std::string& path, const std::string& query, std::int64_t expires_at = now + 60) {
  static constexpr std::string_view key = "0123456789abcdef0123456789abcdef";
  return *auth::sign_url(path, query, expires_at, "k1", auth::Hmac(bytes_of(key)));
}

std::string get(const std::string& target, const std::string& fields = "") {
  return upgrade_request("GET " + target + " HTTP/1.1", fields);
}

TEST(Credential, ASignedUrlIsForTheIdThatItHolds) {
  const Case in_query{.kinds = {Kind::hmac}, .sources = proven_sources};
  EXPECT_EQ(verdict(in_query, get(signed_target("/ws", "deviceId=a"))), "101 a");
  EXPECT_EQ(verdict(in_query, get(signed_target("/ws", "deviceId=a", now - 1))), "401 credential_expired url_expired");
  EXPECT_EQ(verdict(in_query, get(signed_target("/other", "deviceId=a").replace(0, 6, "/ws"))),
            "401 credential_wrong signature_wrong");
  EXPECT_EQ(verdict(in_query, get(signed_target("/ws", "x=1"), "X-Device-Id: a\r\n")), "403 device_not_covered id_not_signed")
      << "an id in a field is not signed";
  EXPECT_EQ(verdict(in_query, get(signed_target("/ws", "deviceId=a") + "&deviceId=b")), "400 device_id_conflict");
  EXPECT_EQ(verdict(in_query, get(signed_target("/ws", "x=1"))), "400 device_id_missing");
  const Case in_path{.kinds = {Kind::hmac}, .sources = path_source, .path = "/ws/{id}"};
  EXPECT_EQ(verdict(in_path, get(signed_target("/ws/a", ""))), "101 a");
}

TEST(Credential, ACertificateProvesItsNames) {
  const tls::ClientIdentity identity{.common_name = "a", .san_uris = {"urn:dev:x"}, .san_dns = {"x.example"}, .expires = now + 1};
  Case test{.kinds = {Kind::mtls}, .certificate = &identity};
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "101 a");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=x.example")), "101 x.example");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=urn:dev:x")), "101 urn:dev:x");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=b")), "403 device_not_covered other_device");
  test.sources = proven_sources;
  EXPECT_EQ(verdict(test, get("/ws")), "101 a") << "the id comes from the common name";
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "101 a");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=x.example")), "403 device_not_covered other_device");
  const tls::ClientIdentity capital{.san_dns = {"CP-17.Example"}, .expires = now + 1};
  test = {.kinds = {Kind::mtls}, .certificate = &capital};
  EXPECT_EQ(verdict(test, get("/ws?deviceId=CP-17.Example")), "101 CP-17.Example") << "as it is written";
  EXPECT_EQ(verdict(test, get("/ws?deviceId=cp-17.example")), "101 cp-17.example") << "DNS names have no case";
  EXPECT_EQ(verdict(test, get("/ws?deviceId=Cp-17.example")), "403 device_not_covered other_device");
  test.sources = alternative_source;
  EXPECT_EQ(verdict(test, get("/ws")), "101 cp-17.example") << "one name in the end";
  test = {.kinds = {Kind::mtls}, .sources = proven_sources};
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "401 credential_missing");
  const tls::ClientIdentity nameless{.expires = now + 1};
  test.certificate = &nameless;
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "401 credential_wrong certificate_names_no_device");
  const tls::ClientIdentity ended{.common_name = "a", .expires = now};
  test.certificate = &ended;
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "401 credential_expired certificate_expired");
  const tls::ClientIdentity odd{.common_name = "a b/c", .expires = now + 1};
  test.certificate = &odd;
  EXPECT_EQ(verdict(test, get("/ws")), "400 bad_id proven_id");
  const tls::ClientIdentity reserved{.common_name = "anon-x", .expires = now + 1};
  test.certificate = &reserved;
  EXPECT_EQ(verdict(test, get("/ws")), "400 device_id_reserved proven_id");
}

TEST(Credential, ShadowModeLetsInAndSaysWhoWouldNotHaveBeen) {
  const Case test{.kinds = {Kind::token}, .enforces = false};
  EXPECT_EQ(verdict(test, bearer("token-of-a")), "101 a");
  EXPECT_EQ(verdict(test, bearer("nonsense")), "101 a let in: credential_wrong");
  EXPECT_EQ(verdict(test, bearer("token-of-a", "deviceId=b")), "101 b let in: device_not_covered");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "101 a let in: credential_missing");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a/b")), "400 bad_id");
  const Case proven{.kinds = {Kind::basic}, .sources = proven_sources, .enforces = false};
  EXPECT_TRUE(verdict(proven, get("/ws")).starts_with("101 anon-")) << "nobody is kept out";
  const auto expect_nameless = [](const Case& of, const std::string& request, const std::string& reason) {
    const std::string told = verdict(of, request);
    EXPECT_TRUE(told.starts_with("101 anon-") && told.ends_with(" let in: " + reason)) << told;
  };
  const tls::ClientIdentity odd{.common_name = "a b/c", .expires = now + 1};
  const Case odd_name{.kinds = {Kind::mtls}, .sources = proven_sources, .certificate = &odd, .enforces = false};
  expect_nameless(odd_name, get("/ws"), "bad_id");
  const tls::ClientIdentity reserved{.common_name = "anon-x", .expires = now + 1};
  const Case reserved_name{.kinds = {Kind::mtls}, .sources = proven_sources, .certificate = &reserved, .enforces = false};
  expect_nameless(reserved_name, get("/ws"), "device_id_reserved");
  const Case bound{.kinds = {Kind::token}, .sources = proven_sources, .enforces = false};
  expect_nameless(bound, bearer("token-of-a", "x=1"), "device_id_missing");
}

TEST(Credential, TheDeniedAreRefusedWithAGoodCredential) {
  auth::DenyList denied;
  Case test{.kinds = {Kind::token}, .denied = &denied};
  EXPECT_EQ(verdict(test, bearer("token-of-a")), "101 a");
  auth::Revocation revocation{.token_id = "ta", .issued_before = now, .ends_at = now + 1};
  denied.revoke(revocation, now);
  EXPECT_EQ(verdict(test, bearer("token-of-a")), "401 credential_revoked");
  EXPECT_EQ(verdict(test, bearer("token-of-fleet", "deviceId=f-1")), "101 f-1");
  denied.ban("f-1", now + 1, now);
  EXPECT_EQ(verdict(test, bearer("token-of-fleet", "deviceId=f-1")), "403 banned");
  test.kinds = {Kind::none};
  EXPECT_EQ(verdict(test, get("/ws?deviceId=f-1")), "403 banned");
  EXPECT_EQ(verdict(test, get("/ws?deviceId=a")), "101 a") << "a revocation is about credentials";
}

}  // namespace
}  // namespace ringgate::admission
