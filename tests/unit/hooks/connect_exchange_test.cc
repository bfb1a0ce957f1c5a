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
}

TEST(ConnectExchange, TakesNothingElseForAVerdict) {
  for (const char* body : {"", "null", "[]", "{", "\"x\"", R"({"device_id":7})", R"({"groups":"a"})", R"({"groups":[1]})",
                           R"({"message_rate":-1})", R"({"message_rate":"5"})", R"({"expires_at":1.5})"})
    EXPECT_FALSE(decision_of(200, body).has_value()) << body;
  for (const int status : {0, 201, 302, 400, 404, 500}) EXPECT_FALSE(decision_of(status, "{}").has_value()) << status;
}

}  // namespace
}  // namespace ringgate::hooks
