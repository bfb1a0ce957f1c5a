// Which id a JSON pointer finds in a message, and that nothing in a message makes it read further than it must.
#include "dispatch/correlation.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace ringgate::dispatch {
namespace {

using Id = std::optional<std::string>;

Id find(std::string_view pointer, std::string_view message) {
  const auto parsed = CorrelationPointer::parse(pointer);
  EXPECT_TRUE(parsed.has_value()) << pointer;
  return parsed ? parsed->find(message) : std::nullopt;
}

TEST(CorrelationPointer, FindsAnIdInArraysAndObjects) {
  EXPECT_EQ(find("/1", R"([2,"19223201","BootNotification",{"x":1}])"), "s19223201");
  EXPECT_EQ(find("/1", R"([3,"19223201",{}])"), "s19223201");
  EXPECT_EQ(find("/id", R"({"method":"ping","id":7})"), "n7");
  EXPECT_EQ(find("/header/id", R"({"body":{"header":{"id":1}},"header":{"x":[1,{"id":2}],"id":"q"}})"), "sq");
  EXPECT_EQ(find("/a~1b/c~0d/0", R"({"a/b":{"c~d":[-5]}})"), "n-5");
  EXPECT_EQ(find("/0", R"({"0":"member"})"), "smember");
  EXPECT_EQ(find("/", R"({"":"empty name"})"), "sempty name");
  EXPECT_EQ(find("/2/1/id", R"([[0,1],{"id":9},[{"id":8},{"id":18446744073709551615}]])"), "n18446744073709551615");
}

TEST(CorrelationPointer, AStringAndANumberThatLookAlikeDiffer) {
  EXPECT_NE(find("/id", R"({"id":7})"), find("/id", R"({"id":"7"})"));
  EXPECT_EQ(find("/id", R"({"id":"\u0041"})"), find("/id", R"({"id":"A"})"));
}

TEST(CorrelationPointer, FindsNothingWhereNothingIs) {
  for (const char* message :
       {"",       "x",      "[]",       "[1]",     "7",   "\"a\"",   "{}",      "[1,null]",  "[1,true]",        "[1,1.5]",
        "[1,{}]", "[1,[]]", "[1,\"\"]", "[[1,2],", "[1,", "{\"1\":", "[1,NaN]", "[1,1e999]", "[1,\"\\ud800\"]", "[01,\"a\"]"})
    EXPECT_EQ(find("/1", message), std::nullopt) << message;
  EXPECT_EQ(find("/01", "[0,\"a\"]"), std::nullopt) << "no index begins with a zero";
  EXPECT_EQ(find("/-", "[0,\"a\"]"), std::nullopt);
  EXPECT_EQ(find("/id/x", R"({"id":"a"})"), std::nullopt);
  EXPECT_EQ(find("/id", R"({"id":")" + std::string(limits::correlation_id_bytes_max + 1, 'x') + "\"}"), std::nullopt);
  EXPECT_TRUE(find("/id", R"({"id":")" + std::string(limits::correlation_id_bytes_max, 'x') + "\"}"));
}

TEST(CorrelationPointer, ReadsNoFurtherThanTheId) {
  EXPECT_EQ(find("/1", R"([2,"a")"), "sa");
  EXPECT_EQ(find("/1", "[2,\"a\",}}} what is this"), "sa");
  EXPECT_EQ(find("/id", R"({"id":1,"id":2})"), "n1") << "the first counts";
}

TEST(CorrelationPointer, M12_DeepNestingEndsTheReading) {
  EXPECT_EQ(find("/1", std::string(1 << 20, '[')), std::nullopt);
  EXPECT_EQ(find("/1", "[" + std::string(10'000, '[') + std::string(10'000, ']') + ",\"a\"]"), std::nullopt);
}

TEST(CorrelationPointer, RefusesWhatIsNoPointerToAPart) {
  for (const char* text : {"", "1", "id", "/~", "/~2", "/a~"}) EXPECT_FALSE(CorrelationPointer::parse(text)) << text;
  std::string deep;
  for (std::size_t i = 0; i <= limits::json_depth_max; ++i) deep += "/a";
  EXPECT_FALSE(CorrelationPointer::parse(deep));
}

}  // namespace
}  // namespace ringgate::dispatch
