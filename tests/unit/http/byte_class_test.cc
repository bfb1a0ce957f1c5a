// The helpers beside the table. The table itself is tried byte by byte in tests/exhaustive/bytes_test.cc.
#include "http/byte_class.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate::http {
namespace {

/// The bytes for which `holds` does, as text.
template <typename Predicate>
std::string bytes_where(Predicate holds) {
  std::string bytes;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (holds(static_cast<std::uint8_t>(byte))) bytes += static_cast<char>(byte);
  }
  return bytes;
}

TEST(ByteClass, HasTheCoreRulesOfTheAbnf) {
  EXPECT_EQ(bytes_where(is_digit), "0123456789");
  EXPECT_EQ(bytes_where(is_alpha), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(bytes_where(is_blank), "\t ");
  EXPECT_EQ(bytes_where([](std::uint8_t byte) { return hex_value(byte) < 16; }), "0123456789ABCDEFabcdef");
}

TEST(ByteClass, GivesHexadecimalDigitsTheirValue) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  for (std::size_t i = 0; i < digits.size(); ++i)
    EXPECT_EQ(hex_value(static_cast<std::uint8_t>(digits[i])), i < 16 ? i : i - 6) << digits[i];
}

TEST(ByteClass, TokenHasOneByteAtLeast) {
  EXPECT_TRUE(is_token("a"));
  EXPECT_TRUE(is_token("x-y!"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a\xC3\xA9"));
}

TEST(ByteClass, CaseIsIgnoredInAsciiAlone) {
  EXPECT_TRUE(equals_ignoring_case("WebSocket", "wEBsOCKET"));
  EXPECT_FALSE(equals_ignoring_case("websocket", "websockets"));
  EXPECT_FALSE(equals_ignoring_case("a[", "a{")) << "they differ in the bit that tells the cases apart";
  EXPECT_FALSE(equals_ignoring_case("\xC3\xA9", "\xC3\x89"));
}

TEST(ByteClass, TrimTakesBlanksFromBothEnds) {
  EXPECT_EQ(trim(" \ta \t b\t "), "a \t b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\r\n"), "\r\n");
}

}  // namespace
}  // namespace ringgate::http
