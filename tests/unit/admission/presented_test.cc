#include "admission/presented.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../http/request_samples.h"

namespace ringgate::admission {
namespace {

using auth::Kind;

/// "KIND:TEXT", or the reason of the refusal.
std::string found(const std::string& request, const std::vector<Kind>& kinds, bool has_client_certificate = false) {
  http::RequestHeadParser parser{{.query = http::QueryRule::as_browsers_send}};
  EXPECT_EQ(parse(parser, request).status, http::HeadStatus::complete);
  const auto presented = find_credential(parser.view(bytes_of(request)), kinds, has_client_certificate);
  if (!presented) return std::string(presented.error().facts().reason);
  return std::string(auth::word_of(presented->kind)) + ":" + presented->text;
}

std::string with_fields(const std::string& fields, const std::string& query = "deviceId=a") {
  return http::upgrade_request("GET /ws?" + query + " HTTP/1.1", fields);
}

const std::string jwt = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

TEST(FindCredential, LooksForNothingWithoutKinds) {
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\nAuthorization: Basic y\r\n"), {}), "none:");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\n"), {Kind::none}), "none:");
}

TEST(FindCredential, ReadsATokenFromEachOfItsPlaces) {
  EXPECT_EQ(found(with_fields("Authorization: Bearer abc\r\n"), {Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields("authorization: bearer   abc \r\n"), {Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields("Sec-WebSocket-Protocol: chat, ringgate.token.abc\r\n"), {Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields("", "access_token=a%62c"), {Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields("", "access%5Ftoken=abc"), {Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields("", "access_token="), {Kind::token}), "token:");
  EXPECT_EQ(found(with_fields("Authorization: Bearer\r\n"), {Kind::token}), "token:");
}

TEST(FindCredential, TellsATokenFromAJwtByItsForm) {
  const std::string bearer = "Authorization: Bearer ";
  EXPECT_EQ(found(with_fields(bearer + jwt + "\r\n"), {Kind::token, Kind::jwt}), "jwt:" + jwt);
  EXPECT_EQ(found(with_fields(bearer + jwt + "\r\n"), {Kind::jwt, Kind::token}), "jwt:" + jwt);
  EXPECT_EQ(found(with_fields(bearer + "abc\r\n"), {Kind::jwt, Kind::token}), "token:abc");
  EXPECT_EQ(found(with_fields(bearer + "a.b.c\r\n"), {Kind::jwt, Kind::token}), "jwt:a.b.c");
  EXPECT_EQ(found(with_fields(bearer + jwt + "\r\n"), {Kind::token}), "token:" + jwt);
  EXPECT_EQ(found(with_fields(bearer + "abc\r\n"), {Kind::jwt}), "jwt:abc");
}

TEST(FindCredential, TheFirstKindThatIsPresentDecides) {
  const std::string basic = "Authorization: Basic YTpi\r\n";
  EXPECT_EQ(found(with_fields(basic), {Kind::token, Kind::basic}), "basic:Basic YTpi");
  EXPECT_EQ(found(with_fields(basic, "access_token=t"), {Kind::token, Kind::basic}), "token:t");
  EXPECT_EQ(found(with_fields(basic, "access_token=t"), {Kind::basic, Kind::token}), "basic:Basic YTpi");
  EXPECT_EQ(found(with_fields(basic), {Kind::mtls, Kind::basic}, true), "mtls:");
  EXPECT_EQ(found(with_fields(basic), {Kind::mtls, Kind::basic}, false), "basic:Basic YTpi");
  EXPECT_EQ(found(with_fields("", "a=b&signature=00"), {Kind::hmac, Kind::none}), "hmac:");
  EXPECT_EQ(found(with_fields("", "a=b&%73ignature=00"), {Kind::hmac, Kind::none}), "hmac:");
}

TEST(FindCredential, NoneCountsOnlyWithoutACredential) {
  EXPECT_EQ(found(with_fields(""), {Kind::token, Kind::none}), "none:");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\n"), {Kind::none, Kind::token}), "token:x");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\n"), {Kind::basic, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("Authorization: Basic eDp5\r\n"), {Kind::jwt, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("Authorization: Digest x\r\n"), {Kind::token, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("Authorization:\r\n"), {Kind::token, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\n"), {Kind::mtls, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("", "access_token=x"), {Kind::basic, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("", "signature=00"), {Kind::token, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields("Sec-WebSocket-Protocol: ringgate.token.x\r\n"), {Kind::basic, Kind::none}), "credential_wrong");
  EXPECT_EQ(found(with_fields(""), {Kind::mtls, Kind::none}, true), "mtls:");
}

TEST(FindCredential, SaysThatOneIsMissing) {
  EXPECT_EQ(found(with_fields(""), {Kind::token}), "credential_missing");
  EXPECT_EQ(found(with_fields(""), {Kind::mtls}), "credential_missing");
  EXPECT_EQ(found(with_fields("", "sig=1"), {Kind::hmac}), "credential_missing");
}

TEST(FindCredential, DoesNotChooseBetweenTwo) {
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\nAuthorization: Bearer x\r\n"), {Kind::token}), "credential_repeated");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\nAuthorization: Basic y\r\n"), {Kind::basic}), "credential_repeated");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\n", "access_token=x"), {Kind::token}), "credential_repeated");
  EXPECT_EQ(found(with_fields("Authorization: Bearer x\r\nSec-WebSocket-Protocol: ringgate.token.x\r\n"), {Kind::jwt}),
            "credential_repeated");
  EXPECT_EQ(found(with_fields("Sec-WebSocket-Protocol: ringgate.token.x, ringgate.token.y\r\n"), {Kind::token}),
            "credential_repeated");
  EXPECT_EQ(found(with_fields("", "access_token=x&access_token=y"), {Kind::token}), "credential_repeated");
  EXPECT_EQ(found(with_fields("", "access_token=x&access_token=x"), {Kind::token}), "credential_repeated");
  EXPECT_EQ(found(with_fields("", "access_token=x&a&access%5Ftoken=x"), {Kind::token}), "credential_repeated");
}

}  // namespace
}  // namespace ringgate::admission
