#include "auth/jwt_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "auth/strict_json.h"

namespace ringgate::auth {
namespace {

using testing::ElementsAre;

constexpr std::int64_t now = 1'800'000'000;

std::expected<JwtClaims, JwtFault> read(const std::string& text, const JwtRules& rules = {}) {
  const auto object = parse_object(text);
  EXPECT_TRUE(object) << text;
  return read_claims(object->get(), rules, now);
}

/// The reason why claims with a good `exp` and `members` are refused, or "none".
std::string_view fault(const std::string& members, const JwtRules& rules = {}) {
  const auto claims = read(R"({"exp":1800000100)" + std::string(members.empty() ? "" : ",") + members + "}", rules);
  return claims ? "none" : facts_of(claims.error()).reason;
}

std::string_view fault_of_all(const std::string& members, const JwtRules& rules = {}) {
  const auto claims = read('{' + members + '}', rules);
  return claims ? "none" : facts_of(claims.error()).reason;
}

std::string list_of(std::size_t count, const std::string& name) {
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + name + '"';
  return text + ']';
}

TEST(JwtClaims, AreWhatTheTokenSays) {
  const auto claims = read(R"({"sub":"d\u00e9","jti":"t1","iat":1799999999.5,"nbf":0,"exp":1800000100.9,"groups":["a","b c"],
                              "iss":"anybody","ringgate":{"limits":{"message_rate":5,"byte_rate":9007199254740992},"later":1}})");
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->id, "d\xc3\xa9");
  EXPECT_EQ(claims->subject, claims->id);
  EXPECT_EQ(claims->token_id, "t1");
  EXPECT_THAT(claims->groups, ElementsAre("a", "b c"));
  EXPECT_EQ(claims->expires_at, 1'800'000'100);
  EXPECT_EQ(claims->issued_at, 1'799'999'999) << "rounded down, so that a revocation of that second covers it";
  EXPECT_EQ(claims->limits.message_rate, 5U);
  EXPECT_EQ(claims->limits.byte_rate, std::uint64_t{1} << 53U);
}

TEST(JwtClaims, AreEmptyWhereTheTokenSaysNothing) {
  const auto claims = read("{}", {.expiry_required = false});
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->id, "");
  EXPECT_EQ(claims->subject, "");
  EXPECT_EQ(claims->token_id, "");
  EXPECT_TRUE(claims->groups.empty());
  EXPECT_EQ(claims->expires_at, std::nullopt);
  EXPECT_EQ(claims->issued_at, std::nullopt);
  EXPECT_EQ(claims->limits.message_rate, std::nullopt);
}

TEST(JwtClaims, TakeIdAndGroupsFromConfiguredMembers) {
  const auto claims = read(R"({"exp":1800000100,"sub":"s","device":"d","teams":["t"],"groups":7})",
                           {.id_claim = "device", .groups_claim = "teams"});
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->id, "d");
  EXPECT_EQ(claims->subject, "s");
  EXPECT_THAT(claims->groups, ElementsAre("t"));
}

TEST(JwtClaims, ExpireAtExpPlusLeeway) {
  const auto at = [](std::int64_t exp, std::int64_t leeway) {
    return fault_of_all("\"exp\":" + std::to_string(exp), {.leeway_seconds = leeway});
  };
  EXPECT_EQ(at(now + 1, 0), "none");
  EXPECT_EQ(at(now, 0), "jwt_expired");
  EXPECT_EQ(at(now - 59, 60), "none");
  EXPECT_EQ(at(now - 60, 60), "jwt_expired");
  EXPECT_EQ(at(0, 60), "jwt_expired");
  EXPECT_EQ(at(std::int64_t{1} << 53, 60), "none");
  EXPECT_EQ(fault_of_all(R"("exp":1800000000.9)", {.leeway_seconds = 0}), "jwt_expired") << "rounded against the token";
}

TEST(JwtClaims, BeginAtNbfMinusLeeway) {
  EXPECT_EQ(fault(R"("nbf":1800000060)"), "none");
  EXPECT_EQ(fault(R"("nbf":1800000061)"), "jwt_not_yet_valid");
  EXPECT_EQ(fault(R"("nbf":1800000060.1)"), "jwt_not_yet_valid") << "rounded against the token";
}

TEST(JwtClaims, AreNotOfTheFuture) {
  EXPECT_EQ(fault(R"("iat":1800000060)"), "none");
  EXPECT_EQ(fault(R"("iat":1800000061)"), "jwt_issued_in_future");
}

TEST(JwtClaims, NeedAnExpiryUnlessToldOtherwise) {
  EXPECT_EQ(fault_of_all(R"("sub":"a")"), "jwt_expiry_missing");
  EXPECT_EQ(fault_of_all(R"("sub":"a")", {.expiry_required = false}), "none");
  EXPECT_EQ(fault_of_all(R"("exp":1)", {.expiry_required = false}), "jwt_expired");
}

TEST(JwtClaims, HaveTimesThatAreNumbersInRange) {
  for (const char* const name : {"exp", "nbf", "iat"}) {
    for (const char* const value :
         {"\"1800000100\"", "-1", "-0.5", "9007199254740993", "9.1e15", "1e300", "true", "null", "[]", "{}"})
      EXPECT_EQ(fault_of_all('"' + std::string(name) + "\":" + value, {.expiry_required = false}), "jwt_bad_time")
          << name << value;
    EXPECT_NE(fault_of_all('"' + std::string(name) + "\":-0.0", {.expiry_required = false}), "jwt_bad_time");
    EXPECT_NE(fault_of_all('"' + std::string(name) + "\":9007199254740992", {.expiry_required = false}), "jwt_bad_time");
  }
}

TEST(JwtClaims, AreOfATrustedIssuer) {
  const JwtRules rules{.issuers = {"https://a", "https://b"}};
  EXPECT_EQ(fault(R"("iss":"https://b")", rules), "none");
  EXPECT_EQ(fault(R"("iss":"https://b/")", rules), "jwt_wrong_issuer");
  EXPECT_EQ(fault(R"("iss":"HTTPS://b")", rules), "jwt_wrong_issuer");
  EXPECT_EQ(fault("", rules), "jwt_wrong_issuer");
  EXPECT_EQ(fault(R"("iss":["https://a"])", rules), "jwt_bad_claim");
  EXPECT_EQ(fault(R"("iss":7)"), "jwt_bad_claim");
  EXPECT_EQ(fault(R"("iss":"x")"), "none");
}

TEST(JwtClaims, AreForUs) {
  const JwtRules rules{.audiences = {"gate", "other"}};
  EXPECT_EQ(fault(R"("aud":"gate")", rules), "none");
  EXPECT_EQ(fault(R"("aud":["x","other"])", rules), "none");
  EXPECT_EQ(fault(R"("aud":"Gate")", rules), "jwt_wrong_audience");
  EXPECT_EQ(fault(R"("aud":["x"])", rules), "jwt_wrong_audience");
  EXPECT_EQ(fault(R"("aud":[])", rules), "jwt_wrong_audience");
  EXPECT_EQ(fault("", rules), "jwt_wrong_audience");
  EXPECT_EQ(fault(R"("aud":["gate",7])", rules), "jwt_bad_claim");
  EXPECT_EQ(fault(R"("aud":null)", rules), "jwt_bad_claim");
}

TEST(JwtClaims, AreRefusedIfTheyNameAnAudienceAndNobodySaysThatItIsUs) {
  EXPECT_EQ(fault(R"("aud":"gate")"), "jwt_wrong_audience");
  EXPECT_EQ(fault(R"("aud":[])"), "jwt_wrong_audience");
  EXPECT_EQ(fault(""), "none");
}

TEST(JwtClaims, HaveTextsOfLimitedLength) {
  for (const char* const name : {"sub", "jti"}) {
    const std::string member = '"' + std::string(name) + "\":";
    EXPECT_EQ(fault(member + '"' + std::string(256, 'x') + '"'), "none");
    EXPECT_EQ(fault(member + '"' + std::string(257, 'x') + '"'), "jwt_bad_claim");
    for (const char* const value : {"\"\"", "7", "null", "[\"a\"]"})
      EXPECT_EQ(fault(member + value), "jwt_bad_claim") << name << value;
  }
  EXPECT_EQ(fault(R"("device":7)", {.id_claim = "device"}), "jwt_bad_claim");
}

TEST(JwtClaims, HaveALimitedListOfGroups) {
  EXPECT_EQ(fault("\"groups\":" + list_of(64, std::string(128, 'g'))), "none");
  EXPECT_EQ(fault("\"groups\":" + list_of(65, "g")), "jwt_bad_groups");
  EXPECT_EQ(fault("\"groups\":" + list_of(1, std::string(129, 'g'))), "jwt_bad_groups");
  for (const char* const value : {"\"a\"", "{}", "null", "[\"\"]", "[7]"})
    EXPECT_EQ(fault("\"groups\":" + std::string(value)), "jwt_bad_groups") << value;
  EXPECT_EQ(fault(R"("groups":[])"), "none");
}

TEST(JwtClaims, HaveLimitsThatAreKnownAndCountable) {
  for (const char* const value :
       {"7", "null", R"({"limits":7})", R"({"limits":{"message_rate":0}})", R"({"limits":{"message_rate":-1}})",
        R"({"limits":{"byte_rate":1.5}})", R"({"limits":{"byte_rate":"1"}})", R"({"limits":{"rate":1}})",
        R"({"limits":{"byte_rate":9007199254740993}})"})
    EXPECT_EQ(fault("\"ringgate\":" + std::string(value)), "jwt_bad_limits") << value;
  for (const char* const value : {"{}", R"({"limits":{}})", R"({"limits":{"byte_rate":1}})", R"({"other":7})"})
    EXPECT_EQ(fault("\"ringgate\":" + std::string(value)), "none") << value;
}

TEST(JwtFaults, HaveEachAReasonAndASentence) {
  std::set<std::string_view> reasons, details;
  for (const JwtFaultRow& row : jwt_fault_rows) {
    EXPECT_TRUE(row.reason.starts_with("jwt_")) << row.reason;
    EXPECT_EQ(row.reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << row.reason;
    EXPECT_TRUE(row.detail.ends_with('.') || row.detail.ends_with('?')) << row.detail;
    EXPECT_EQ(row.detail.find_first_of("\"\\"), std::string_view::npos) << "needs no escaping in JSON";
    EXPECT_EQ(&facts_of(row.fault), &row);
    reasons.insert(row.reason);
    details.insert(row.detail);
  }
  EXPECT_EQ(reasons.size(), jwt_faults_count);
  EXPECT_EQ(details.size(), jwt_faults_count);
}

}  // namespace
}  // namespace ringgate::auth
