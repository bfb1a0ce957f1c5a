#include "hooks/cloud_event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ringgate::hooks {
namespace {

Delivery sample() {
  return {.type = "device.message",
          .subject = "sensor 7",
          .id = "18c0-42",
          .unix_ms = 1'764'561'311'042,
          .content_type = "text/plain; charset=utf-8",
          .body = "21.5 \xc2\xb0",
          .attributes = {{"conn", "0000000100000002"}, {"traceparent", ""}}};
}

TEST(CloudEvent, IsRequestFieldsInBinaryMode) {
  EXPECT_EQ(event_fields(sample(), "//gate.example.org"),
            (std::vector<std::string>{"ce-specversion: 1.0", "ce-type: device.message", "ce-source: //gate.example.org",
                                      "ce-id: 18c0-42", "ce-time: 2025-12-01T03:55:11.042Z", "ce-subject: sensor%207",
                                      "ce-conn: 0000000100000002", "Content-Type: text/plain; charset=utf-8"}));
}

TEST(CloudEvent, EscapesWhatAFieldMayNotHold) {
  EXPECT_EQ(escape_attribute("a\"b%c d\r\ne\xc3\xa9~!"), "a%22b%25c%20d%0D%0Ae%C3%A9~!");
  EXPECT_EQ(escape_attribute(""), "");
}

TEST(CloudEvent, IsAnItemOfABatch) {
  std::string text;
  append_event(text, sample(), "//g");
  const auto event = nlohmann::json::parse(text);
  EXPECT_EQ(event["data"], "21.5 \xc2\xb0");
  EXPECT_EQ(event["subject"], "sensor 7");
  EXPECT_EQ(event["conn"], "0000000100000002");
  EXPECT_FALSE(event.contains("traceparent"));
  Delivery binary = sample();
  binary.content_type = "application/octet-stream";
  binary.body.assign("\0\xff", 2);
  text.clear();
  append_event(text, binary, "//g");
  EXPECT_EQ(nlohmann::json::parse(text)["data_base64"], "AP8=");
  Delivery json = sample();
  json.content_type = "application/json";
  json.body = "{\"code\":1000}";
  text.clear();
  append_event(text, json, "//g");
  EXPECT_EQ(nlohmann::json::parse(text)["data"]["code"], 1000);
}

TEST(CloudEvent, KeepsTheOrderInWhichPeopleReadAndEscapesText) {
  Delivery one = sample();
  one.subject = "a\"b\\c";
  one.body = "line\n\x01\xc2\xb0";
  std::string text;
  append_event(text, one, "//g");
  EXPECT_EQ(text,
            R"({"specversion":"1.0","type":"device.message","source":"//g","id":"18c0-42","time":"2025-12-01T03:55:11.042Z",)"
            R"("subject":"a\"b\\c","conn":"0000000100000002","datacontenttype":"text/plain; charset=utf-8","data":"line\n\u0001)"
            "\xc2\xb0\"}");
  Delivery bare{.type = "gap", .id = "gap-1"};
  text.clear();
  append_event(text, bare, "//g");
  EXPECT_EQ(text, R"({"specversion":"1.0","type":"gap","source":"//g","id":"gap-1","time":"1970-01-01T00:00:00.000Z"})");
}

TEST(CloudEvent, SurvivesTextThatIsNotUtf8) {
  Delivery bad = sample();
  bad.subject = "\xff";
  bad.body = "\xc3";
  std::string text;
  append_event(text, bad, "//g");
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
}

}  // namespace
}  // namespace ringgate::hooks
