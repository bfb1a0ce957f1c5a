#include "hooks/connect_exchange.h"

#include <gtest/gtest.h>

namespace ringgate::hooks {
namespace {

UpgradeAccept accepted(std::string_view body) {
  auto decision = decision_of(200, body);
  EXPECT_TRUE(decision.has_value() && std::holds_alternative<UpgradeAccept>(*decision)) << body;
  return std::move(std::get<UpgradeAccept>(*decision));
}

TEST(ConnectExchange, LeavesCredentialsOutOfTheQuery) {
  EXPECT_EQ(without_credentials("a=1&access_token=secret&b=2"), "a=1&b=2");
  EXPECT_EQ(without_credentials("%61ccess_token=secret"), "");
  EXPECT_EQ(without_credentials("deviceId=d&expires=1&signature=00ff"), "deviceId=d&expires=1");
  EXPECT_EQ(without_credentials(""), "");
}

TEST(ConnectExchange, ReadsAnAcceptance) {
  const UpgradeAccept all = accepted(
      R"({"device_id":"d","groups":["a","b"],"message_rate":5,"byte_rate":1000,"subprotocol":"v1","expires_at":1764561311,"x":1})");
  EXPECT_EQ(all.device_id, "d");
  EXPECT_EQ(all.groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(all.message_rate, 5U);
  EXPECT_EQ(all.byte_rate, 1000U);
  EXPECT_EQ(all.subprotocol, "v1");
  EXPECT_EQ(all.expires_at, 1'764'561'311);
  const UpgradeAccept none = accepted("{\"device_id\":null}");
  EXPECT_FALSE(none.device_id || none.groups || none.message_rate || none.expires_at);
  EXPECT_TRUE(decision_of(204, "").has_value());
}

TEST(ConnectExchange, ReadsARefusal) {
  const auto refusal_of = [](int status, std::string_view body) { return std::get<UpgradeRefusal>(*decision_of(status, body)); };
  EXPECT_EQ(refusal_of(403, R"({"reason":"no_contract","detail":"Pay first."})").reason, "no_contract");
  EXPECT_EQ(refusal_of(403, R"({"reason":"no_contract","detail":"Pay first."})").detail, "Pay first.");
  EXPECT_EQ(refusal_of(401, "").status, 401);
  EXPECT_EQ(refusal_of(401, "<html>").reason, "refused_by_hook");
  EXPECT_EQ(refusal_of(403, R"({"reason":"Not A Reason"})").reason, "refused_by_hook");
  EXPECT_EQ(refusal_of(403, R"({"reason":7,"detail":[]})").reason, "refused_by_hook");
}

TEST(ConnectExchange, TakesNothingElseForAVerdict) {
  for (const char* body : {"", "null", "[]", "{", "\"x\""}) {
    const auto decision = decision_of(200, body);
    EXPECT_TRUE(!decision && !decision.error().is_of_a_member) << body;
  }
  for (const int status : {0, 201, 302, 400, 404, 500}) {
    const auto decision = decision_of(status, "{}");
    EXPECT_TRUE(!decision && !decision.error().is_of_a_member) << status;
  }
}

TEST(ConnectExchange, NamesTheMemberThatIsNotValid) {
  const auto cause = [](std::string_view body) {
    const auto decision = decision_of(200, body);
    EXPECT_TRUE(!decision && decision.error().is_of_a_member) << body;
    return decision ? std::string_view{} : decision.error().cause;
  };
  EXPECT_EQ(cause(R"({"device_id":7})"), "device_id is no text");
  EXPECT_EQ(cause(R"({"subprotocol":[]})"), "subprotocol is no text");
  for (const char* body : {R"({"groups":"a"})", R"({"groups":[1]})"}) EXPECT_EQ(cause(body), "groups is no list of texts");
  for (const char* value : {"-1", "\"5\"", "0.5", "-1e0", "9007199254740993.0", "1e300", "18446744073709551616", "true"})
    EXPECT_EQ(cause(std::string(R"({"byte_rate":)") + value + '}'), "byte_rate is no whole number") << value;
  for (const char* value : {"1.5", "9223372036854775808", "18446744073709551615", "1e19", "-9223372036854775809"})
    EXPECT_EQ(cause(std::string(R"({"expires_at":)") + value + '}'), "expires_at is no whole number of seconds") << value;
}

TEST(ConnectExchange, ReadsWholeNumbersHoweverTheyAreWritten) {
  EXPECT_EQ(accepted(R"({"message_rate":1e3})").message_rate, 1000U);
  EXPECT_EQ(accepted(R"({"byte_rate":5.0})").byte_rate, 5U);
  EXPECT_EQ(accepted(R"({"byte_rate":-0})").byte_rate, 0U);
  EXPECT_EQ(accepted(R"({"expires_at":4e9})").expires_at, 4'000'000'000);
  EXPECT_EQ(accepted(R"({"expires_at":9223372036854775807})").expires_at, INT64_MAX);
  EXPECT_EQ(accepted(R"({"expires_at":-1})").expires_at, -1);
}

}  // namespace
}  // namespace ringgate::hooks
