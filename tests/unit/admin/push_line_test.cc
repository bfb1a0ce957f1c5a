// Lines of a batch: what one means, and that anything ambiguous is refused (rows M11 to M14 of the abuse list).
#include "admin/push_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ringgate::admin {
namespace {

using Json = nlohmann::json;

Refusal fault_of(std::string_view line) {
  const auto read = read_push_line(line, IdCharacters::strict);
  EXPECT_FALSE(read.has_value()) << line.substr(0, 200);
  return read ? Refusal::path_unknown : read.error().refusal;
}

PushLine good(std::string_view line) {
  const auto read = read_push_line(line, IdCharacters::strict);
  EXPECT_TRUE(read.has_value()) << line.substr(0, 200);
  return read.value_or(PushLine{.device_id = {}, .payload = {}, .id = {}});
}

TEST(PushLine, SaysDevicePayloadAndType) {
  const PushLine text = good(R"({"device":"pump-1","text":"on \u00e9\n\u0000"})");
  EXPECT_EQ(text.device_id, "pump-1");
  EXPECT_EQ(text.payload, std::string("on \xc3\xa9\n\0", 7));
  EXPECT_EQ(text.type, MessageType::text);
  EXPECT_FALSE(text.id);
  const PushLine binary = good(R"( {"base64":"AP8=","device":"pump-1"} )");
  EXPECT_EQ(binary.payload, std::string("\0\xff", 2));
  EXPECT_EQ(binary.type, MessageType::binary);
  EXPECT_EQ(good(R"({"device":"a","text":"x","type":"binary"})").type, MessageType::binary);
  EXPECT_EQ(good(R"({"device":"a","base64":"eA==","type":"text"})").type, MessageType::text);
  EXPECT_EQ(good(R"({"device":"a","text":""})").payload, "");
  EXPECT_EQ(good(R"({"device":"a","base64":""})").payload, "");
}

TEST(PushLine, AnIdIsRepeatedAsItWas) {
  EXPECT_EQ(good(R"({"device":"a","text":"","id":"q\"\u0001"})").id, R"("q\"\u0001")");
  EXPECT_EQ(good(R"({"device":"a","text":"","id":18446744073709551615})").id, "18446744073709551615");
  EXPECT_EQ(good(R"({"device":"a","text":"","id":-5})").id, "-5");
  const auto refused = read_push_line(R"({"id":7,"device":"","text":""})", IdCharacters::strict);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().id, "7");
  EXPECT_EQ(fault_of(R"({"device":"a","text":"","id":")" + std::string(129, 'x') + "\"}"), Refusal::bad_line);
}

TEST(PushLine, TakesTheOptionsOfAPush) {
  const PushLine push = good(
      R"({"device":"a","text":"x","ttl":30,"coalesce_key":"state","idempotency_key":"m-1","conn":"0123456789abcdef","wait":"acked","timeout":"500ms"})");
  EXPECT_EQ(push.options.ttl_ns, 30'000'000'000U);
  EXPECT_EQ(push.options.coalesce_key, "state");
  EXPECT_EQ(push.options.id, "m-1");
  EXPECT_EQ(push.options.only_to, std::vector<ConnectionRef>{{0x0123'4567'89ab'cdefU}});
  EXPECT_EQ(push.options.wait, PushLevel::acked);
  EXPECT_EQ(push.options.timeout_ns, 500'000'000U);
  EXPECT_TRUE(good(R"({"device":"a","text":"x"})").options.is_plain());
  for (const char* ttl : {"60", "60.0", "6e1"})
    EXPECT_EQ(good(R"({"device":"a","text":"x","ttl":)" + std::string(ttl) + "}").options.ttl_ns, 60'000'000'000U) << ttl;
  EXPECT_TRUE(good(R"({"device":"a","text":"x","conn":"*"})").options.only_to.empty());
  EXPECT_EQ(good(R"({"device":"a","text":"x","idempotency_key":"a \"b"})").options.id, "a \"b");
  const auto option_fault = [](std::string_view member) {
    return fault_of(R"({"device":"a","text":"x",)" + std::string(member) + "}");
  };
  EXPECT_EQ(option_fault(R"("ttl":"30")"), Refusal::bad_line);
  EXPECT_EQ(option_fault(R"("ttl":1.5)"), Refusal::bad_line);
  EXPECT_EQ(option_fault(R"("ttl":-1)"), Refusal::bad_ttl);
  EXPECT_EQ(option_fault(R"("wait":7)"), Refusal::bad_line);
  EXPECT_EQ(option_fault(R"("wait":"read")"), Refusal::bad_wait);
  EXPECT_EQ(option_fault(R"("timeout":"5")"), Refusal::bad_timeout);
  EXPECT_EQ(option_fault(R"("coalesce_key":"")"), Refusal::bad_coalesce_key);
  EXPECT_EQ(option_fault(R"("idempotency_key":"a\u0001b")"), Refusal::bad_idempotency_key);
  EXPECT_EQ(option_fault(R"("conn":"x y")"), Refusal::bad_if_match);
  EXPECT_EQ(option_fault(R"("conn":"x\",\"y")"), Refusal::bad_if_match) << "one connection, no list";
  EXPECT_EQ(option_fault(R"("ttl":1,"ttl":1)"), Refusal::bad_line);
}

TEST(PushLine, M11_WhatIsNoWholeObjectIsRefused) {
  for (const char* line :
       {"", " ", "{", "[]", "null", "7", "\"a\"", "{}", R"({"device":"a","text":"x"} x)", R"({"device":"a","text":"x"}{})",
        R"({"device":"a","text":"x",})", R"({"device":"a" "text":"x"})", "{'device':'a','text':'x'}",
        R"([{"device":"a","text":"x"}])", R"({"device":"a","text":"x"}])", "\xef\xbb\xbf{"})
    EXPECT_EQ(fault_of(line), Refusal::bad_line) << line;
  EXPECT_EQ(fault_of(std::string_view("{\"device\":\"a\",\"text\":\"x\"}\0", 26)), Refusal::bad_line);
}

TEST(PushLine, M12_DeepNestingIsRefusedAtItsFirstBracket) {
  EXPECT_EQ(fault_of(std::string(1 << 20, '[')), Refusal::bad_line);
  EXPECT_EQ(fault_of(R"({"device":)" + std::string(10'000, '[')), Refusal::bad_line);
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += R"({"device":)";
  EXPECT_EQ(fault_of(objects), Refusal::bad_line);
  EXPECT_EQ(fault_of(R"({"device":"a","text":{"x":1}})"), Refusal::bad_line);
  EXPECT_EQ(fault_of(R"({"device":"a","text":["x"]})"), Refusal::bad_line);
}

TEST(PushLine, M13_WhatHasTwoMeaningsIsRefused) {
  for (const char* line : {R"({"device":"a","device":"b","text":"x"})",
                           R"({"device":"a","text":"x","text":"x"})",
                           R"({"device":"a","\u0064evice":"b","text":"x"})",
                           R"({"device":"a","text":"x","base64":"eA=="})",
                           R"({"device":"a"})",
                           R"({"text":"x"})",
                           R"({"device":"a","text":NaN})",
                           R"({"device":"a","text":"x","id":NaN})",
                           R"({"device":"a","text":"x","id":1e999})",
                           R"({"device":"a","text":"x","id":-1e999})",
                           R"({"device":"a","text":"x","id":1.5})",
                           R"({"device":"a","text":"x","id":18446744073709551616})",
                           R"({"device":"a","text":"x","id":Infinity})",
                           R"({"device":"a","text":"\ud800"})",
                           R"({"device":"\ud800","text":"x"})",
                           R"({"device":"a","text":"\udc00\ud800"})",
                           "{\"device\":\"a\",\"text\":\"\xff\"}",
                           "{\"device\":\"a\",\"text\":\"\xed\xa0\x80\"}",
                           "{\"device\":\"a\",\"text\":\"\x01\"}",
                           R"({"device":1,"text":"x"})",
                           R"({"device":"a","text":1})",
                           R"({"device":"a","text":true})",
                           R"({"device":"a","text":null})",
                           R"({"device":"a","text":"x","type":"ping"})",
                           R"({"device":"a","text":"x","type":1})",
                           R"({"device":"a","text":"x","other":1})",
                           R"({"device":"a","text":"x","Text":"y"})"})
    EXPECT_EQ(fault_of(line), Refusal::bad_line) << line;
  for (const char* line :
       {R"({"device":"\u0000","text":"x"})", R"({"device":"a\u0000b","text":"x"})", R"({"device":"","text":"x"})",
        R"({"device":"..","text":"x"})", R"({"device":"a/b","text":"x"})", R"({"device":"a b","text":"x"})"})
    EXPECT_EQ(fault_of(line), Refusal::bad_id) << line;
}

TEST(PushLine, M14_Base64IsStrict) {
  for (const char* text :
       {"eA", "eA=", "eA===", "e===", "=", "====", "eB==", "eA==\\n", " eA==", "e A=", "eA==eA==", "-_8=", "*AA="})
    EXPECT_EQ(fault_of(R"({"device":"a","base64":")" + std::string(text) + "\"}"), Refusal::bad_base64) << text;
  EXPECT_EQ(fault_of(R"({"device":"a","base64":"/w==","type":"text"})"), Refusal::invalid_utf8);
}

}  // namespace
}  // namespace ringgate::admin
