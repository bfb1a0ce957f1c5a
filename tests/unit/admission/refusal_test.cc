#include "admission/refusal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "http/response.h"

namespace ringgate::admission {
namespace {

TEST(Refusal, IsTheRejectionItWasMadeOf) {
  EXPECT_EQ(&Refusal(http::Rejection::host_missing).facts(), &http::facts_of(http::Rejection::host_missing));
  EXPECT_EQ(&Refusal(ws::Rejection::http10_refused).facts(), &ws::facts_of(ws::Rejection::http10_refused));
  EXPECT_EQ(&Refusal(ws::Rejection::extensions_malformed).facts(), &ws::facts_of(ws::Rejection::extensions_malformed));
  EXPECT_EQ(&Refusal(Rejection::origin_repeated).facts(), &facts_of(Rejection::origin_repeated));
  EXPECT_EQ(Refusal(Rejection::device_connections).index(), Refusal::count - 1);
  const Refusal with_cause = Refusal(Rejection::credential_wrong).because("password_wrong");
  EXPECT_EQ(with_cause, Rejection::credential_wrong);
  EXPECT_EQ(with_cause.cause(), "password_wrong");
  EXPECT_EQ(&with_cause.facts(), &facts_of(Rejection::credential_wrong)) << "the peer is not told";
}

TEST(Refusal, IsAProblemDocumentThatClosesWhateverTheReason) {
  std::set<std::string> reasons;
  for (std::size_t index = 0; index < Refusal::count; ++index) {
    const http::RejectionFacts& facts = Refusal::at(index).facts();
    std::string text;
    http::append_rejection(text, facts, http::Method::get, {});
    const std::size_t body_begin = text.find("\r\n\r\n") + 4;
    const std::string head = text.substr(0, body_begin);
    const auto body = nlohmann::json::parse(text.substr(body_begin));
    EXPECT_EQ(head.find("HTTP/1.1 " + std::to_string(facts.status) + ' '), 0U);
    EXPECT_NE(head.find("\r\nContent-Type: application/problem+json\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nContent-Length: " + std::to_string(text.size() - body_begin) + "\r\n"), std::string::npos);
    EXPECT_EQ(body.at("type"), "about:blank");
    EXPECT_EQ(body.at("status"), facts.status);
    EXPECT_EQ(body.at("title"), std::string{http::status_title(facts.status)});
    EXPECT_NE(body.at("title"), "Unknown") << facts.status;
    EXPECT_FALSE(body.at("detail").get<std::string>().empty());
    EXPECT_TRUE(reasons.insert(body.at("reason")).second) << facts.reason;
    EXPECT_EQ(facts.reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos);
  }
}

TEST(Refusal, CarriesTheFieldsItsStatusDemands) {
  for (std::size_t index = 0; index < Refusal::count; ++index) {
    const http::RejectionFacts& facts = Refusal::at(index).facts();
    const auto carries = [&](std::string_view line) { return facts.extra_fields.find(line) != std::string_view::npos; };
    EXPECT_EQ(carries("Allow: GET\r\n"), facts.status == 405) << facts.reason;
    EXPECT_EQ(carries("Upgrade: websocket\r\n"), facts.status == 426) << facts.reason;
    EXPECT_EQ(carries("Retry-After: "), facts.status == 503 || facts.status == 429 || facts.status == 409) << facts.reason;
    EXPECT_EQ(carries("Sec-WebSocket-Version: 13\r\n"), facts.reason.starts_with("websocket_version_")) << facts.reason;
  }
}

}  // namespace
}  // namespace ringgate::admission
