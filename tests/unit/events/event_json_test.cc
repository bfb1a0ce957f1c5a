#include "events/event_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "unit/events/samples.h"

namespace ringgate::events {
namespace {

using nlohmann::json;

constexpr std::uint64_t boot = 0x0123'4567'89AB'CDEF;

json shown(const Bytes& record, EventEncoder::Payload payload = EventEncoder::Payload::inside, std::string_view more = {}) {
  EventEncoder encoder(boot, {"/ws", "/other"});
  std::string text;
  encoder.append_json(text, record.view(), payload, more);
  return json::parse(text);
}

TEST(EventJson, AMessage) {
  const json event = shown(message_record("dev\"1", "say \"hi\"\n", 7));
  EXPECT_EQ(event,
            json::parse(R"({"type":"device.message","id":"0123456789abcdef-0","time":"2027-01-15T08:00:00.123Z","device":"dev\"1",
    "conn":"0100000200000003","epoch":"117964800000000000","seq":7,"route":"/ws","text":"say \"hi\"\n"})"));
}

TEST(EventJson, ABinaryMessageInBase64) {
  Bytes record =
      written({.type = EventType::message, .detail = 2, .route = 1, .device_id = "a", .payload = bytes_of("\x01\xFF\x02\x03")});
  EXPECT_EQ(shown(record)["base64"], "Af8CAw==");
  EXPECT_EQ(shown(record)["route"], "/other");
  const json behind = shown(record, EventEncoder::Payload::behind, ",\"more\":1");
  EXPECT_EQ(behind["kind"], "binary");
  EXPECT_EQ(behind["bytes"], 4);
  EXPECT_EQ(behind["more"], 1);
  EXPECT_FALSE(behind.contains("base64"));
}

TEST(EventJson, TheOtherTypes) {
  const std::vector<std::string> groups{"fleet", "north"};
  const json connected =
      shown(written({.type = EventType::connected, .device_id = "a", .groups = groups, .payload = bytes_of("192.0.2.1:5")}));
  EXPECT_EQ(connected["type"], "device.connected");
  EXPECT_EQ(connected["remote"], "192.0.2.1:5");
  EXPECT_EQ(connected["groups"], json(groups));
  EXPECT_FALSE(connected.contains("traceparent"));
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string traced_payload = "192.0.2.1:5\n" + trace;
  const json traced = shown(written({.type = EventType::connected, .device_id = "a", .payload = bytes_of(traced_payload)}));
  EXPECT_EQ(traced["remote"], "192.0.2.1:5");
  EXPECT_EQ(traced["traceparent"], trace);

  const std::array<std::uint64_t, 6> end{4409 | std::uint64_t{1} << 16, 10, 20, 30, 40, 50};
  const json disconnected =
      shown(written({.type = EventType::disconnected, .words = end, .device_id = "a", .payload = bytes_of("replaced")}));
  EXPECT_EQ(disconnected["type"], "device.disconnected");
  EXPECT_EQ(disconnected["code"], 4409);
  EXPECT_EQ(disconnected["reason"], "replaced");
  EXPECT_EQ(disconnected["ended_by"], "gate");
  EXPECT_EQ(disconnected["duration_ms"], 10);
  EXPECT_EQ(disconnected["bytes_in"], 20);
  EXPECT_EQ(disconnected["bytes_out"], 30);
  EXPECT_EQ(disconnected["messages_in"], 40);
  EXPECT_EQ(disconnected["messages_out"], 50);

  const std::array<std::uint64_t, 1> older{0xAB};
  EXPECT_EQ(shown(written({.type = EventType::replaced, .words = older, .device_id = "a"}))["replaced_conn"], "00000000000000ab");
  const std::array<std::uint64_t, 1> queued{12345};
  const json slow = shown(written({.type = EventType::slow, .detail = 1, .words = queued, .device_id = "a"}));
  EXPECT_EQ(slow["state"], "refused");
  EXPECT_EQ(slow["queued_bytes"], 12345);
  const std::array<std::uint64_t, 1> expires{1'800'000'000};
  const json expiring = shown(
      written({.type = EventType::credential_expiring, .words = expires, .device_id = "a", .payload = bytes_of("jwt the id")}));
  EXPECT_EQ(expiring["credential"], "jwt");
  EXPECT_EQ(expiring["token_id"], "the id");
  EXPECT_EQ(expiring["expires_at"], "2027-01-15T08:00:00.000Z");

  const std::array<std::uint64_t, event_types_count> missing{1, 0, 0, 5, 0, 0, 0};
  const json gap = shown(written({.type = EventType::gap, .words = missing}));
  EXPECT_EQ(gap["reason"], "dropped");
  EXPECT_EQ(gap["missed"], 6);
  EXPECT_EQ(gap["by_type"], json::parse(R"({"device.connected":1,"device.message":5})"));
  EXPECT_FALSE(gap.contains("device"));
}

TEST(EventJson, StringsOfAllCharacters) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  all += "\u00e9\u20ac\U0001F600";
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i)
      text += random() % 4 == 0 ? std::string(1, static_cast<char>(random() % 0x80)) : std::string("abc\u20ac");
    if (round == 0) text = all;
    std::string out;
    append_json_string(out, text);
    ASSERT_EQ(json::parse(out), json(text)) << out;
  }
}

TEST(EventJson, SseHasIdEventAndData) {
  EventEncoder encoder(boot, {"/ws"});
  std::string text;
  encoder.append_sse(text, message_record("a", "x").view());
  EXPECT_TRUE(text.starts_with("id: 0123456789abcdef-0\nevent: device.message\ndata: {")) << text;
  EXPECT_TRUE(text.ends_with("}\n\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
}

TEST(EventId, ReadsWhatIsWrittenAndNothingElse) {
  EXPECT_EQ(EventId::parse("0123456789abcdef-42"), (EventId{boot, 42}));
  for (const char* wrong :
       {"", "0123456789abcdef", "0123456789abcdef-", "0123456789abcdef-x", "123456789abcdef-1", "0123456789abcdef-1 ",
        "0123456789abcdeg-1", "0123456789abcdef-01", "0123456789abcdef-99999999999999999999", "-123456789abcdef-1"})
    EXPECT_FALSE(EventId::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace ringgate::events
