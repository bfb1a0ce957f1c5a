#include "http/response.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace ringgate::http {
namespace {

std::string rejection_text(Rejection rejection, Method method = Method::get) {
  std::string out;
  append_rejection(out, rejection, method, {});
  return out;
}

TEST(Response, HasLengthTypeAndPersistence) {
  std::string out = "before";
  append_response(out, {.status = 200, .content_type = "text/plain", .body = "hi", .extra_fields = "X: y\r\n"});
  EXPECT_EQ(out,
            "beforeHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: "
            "keep-alive\r\nX: y\r\n\r\nhi");
}

TEST(Response, AnswersHeadWithoutABody) {
  std::string out;
  append_response(out, {.status = 404, .body = "body", .persistence = Persistence::close, .request_method = Method::head});
  EXPECT_EQ(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
}

TEST(Response, SendsNoContentWithoutALength) {
  std::string out;
  append_response(out, {.status = 204});
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Response, HasATitleForEveryStatusItSendsAndAWordForOthers) {
  EXPECT_EQ(status_title(426), "Upgrade Required");
  EXPECT_EQ(status_title(299), "Unknown");
}

TEST(Rejection, IsAProblemDocumentThatClosesWhateverTheReason) {
  std::set<std::string> reasons;
  for (const RejectionFacts& facts : rejection_facts) {
    const std::string text = rejection_text(facts.rejection);
    const std::size_t body_begin = text.find("\r\n\r\n") + 4;
    const std::string head = text.substr(0, body_begin);
    const auto body = nlohmann::json::parse(text.substr(body_begin));
    EXPECT_EQ(head.find("HTTP/1.1 " + std::to_string(facts.status) + ' '), 0U);
    EXPECT_NE(head.find("\r\nContent-Type: application/problem+json\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nContent-Length: " + std::to_string(text.size() - body_begin) + "\r\n"), std::string::npos);
    EXPECT_EQ(body.at("type"), "about:blank");
    EXPECT_EQ(body.at("status"), facts.status);
    EXPECT_EQ(body.at("title"), std::string{status_title(facts.status)});
    EXPECT_NE(body.at("title"), "Unknown") << facts.status;
    EXPECT_FALSE(body.at("detail").get<std::string>().empty());
    EXPECT_TRUE(reasons.insert(body.at("reason")).second) << facts.reason;
    EXPECT_EQ(facts.reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos);
  }
}

TEST(Rejection, CarriesTheFieldsItsStatusDemands) {
  for (const RejectionFacts& facts : rejection_facts) {
    const auto carries = [&](std::string_view line) { return facts.extra_fields.find(line) != std::string_view::npos; };
    EXPECT_EQ(carries("Allow: GET\r\n"), facts.status == 405) << facts.reason;
    EXPECT_EQ(carries("Upgrade: websocket\r\n"), facts.status == 426) << facts.reason;
    EXPECT_EQ(carries("Retry-After: "), facts.status == 503 || facts.status == 429) << facts.reason;
    EXPECT_EQ(carries("Sec-WebSocket-Version: 13\r\n"), facts.reason.starts_with("websocket_version_")) << facts.reason;
  }
}

TEST(Rejection, HasNoBodyForHead) {
  const std::string text = rejection_text(Rejection::method_not_allowed, Method::head);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  EXPECT_NE(text.find("Allow: GET\r\n"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::http
