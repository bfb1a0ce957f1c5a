#include "auth/strict_json.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace ringgate::auth {
namespace {

std::string nested(std::size_t depth) { return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}"; }

TEST(StrictJson, ReadsMembers) {
  const auto object = parse_object(" {\"a\":\"b\\u00e9\",\"n\":null,\"i\":1} \n");
  ASSERT_TRUE(object);
  EXPECT_EQ(string_in(member_of(object->get(), "a")), "b\xc3\xa9");
  EXPECT_NE(member_of(object->get(), "n"), nullptr);
  EXPECT_EQ(string_in(member_of(object->get(), "n")), std::nullopt);
  EXPECT_EQ(string_in(member_of(object->get(), "i")), std::nullopt);
  EXPECT_EQ(member_of(object->get(), "x"), nullptr);
  EXPECT_EQ(string_in(nullptr), std::nullopt);
}

TEST(StrictJson, RefusesTwoMembersOfOneNameAtAnyDepth) {
  for (const char* const text :
       {R"({"a":1,"a":1})", R"({"a":1,"\u0061":2})", R"({"a":{"b":1,"b":2}})", R"({"a":[{"b":1,"c":3,"b":2}]})"}) {
    const auto object = parse_object(text);
    ASSERT_FALSE(object) << text;
    EXPECT_EQ(object.error(), JsonFault::duplicate_member) << text;
  }
  EXPECT_TRUE(parse_object(R"({"a":{"a":1},"b":{"a":1}})"));
}

TEST(StrictJson, RefusesWhatIsNoObject) {
  using namespace std::string_literals;
  for (const std::string& text : {""s,
                                  " "s,
                                  "[]"s,
                                  "1"s,
                                  "\"a\""s,
                                  "null"s,
                                  "{"s,
                                  "{} {}"s,
                                  "{}x"s,
                                  "{\"a\":1,}"s,
                                  "{'a':1}"s,
                                  "{\"a\":NaN}"s,
                                  "{\"a\":1e999}"s,
                                  "{\"a\":123456789012345678901}"s,
                                  "{\"a\":01}"s,
                                  "{}\0"s,
                                  "{\"a\":1\0}"s,
                                  "{\"a\":true\0}"s,
                                  "{\"a\":1\0,\"b\":2}"s,
                                  "{\"a\":\"\\u0000\"}"s,
                                  "{\"a\":\"\0\"}"s,
                                  "{\"a\\u0000\":1}"s,
                                  "{\"a\":\"\xff\"}"s,
                                  "{\"a\":\"\xc0\x80\"}"s,
                                  "{\"a\":\"\xed\xa0\x80\"}"s,
                                  "{\"a\":\"\\ud800\"}"s,
                                  "\xef\xbb\xbf{}"s}) {
    const auto object = parse_object(text);
    ASSERT_FALSE(object) << text;
    EXPECT_EQ(object.error(), JsonFault::malformed) << text;
  }
}

TEST(StrictJson, IsNestedToALimit) {
  EXPECT_TRUE(parse_object(nested(limits::json_depth_max)));
  EXPECT_FALSE(parse_object(nested(limits::json_depth_max + 1)));
  EXPECT_FALSE(parse_object(std::string(100'000, '[')));
  EXPECT_TRUE(parse_object(R"({"a":")" + std::string(100, '[') + R"(\"[","b":"\\"})")) << "brackets in a string do not count";
}

}  // namespace
}  // namespace ringgate::auth
