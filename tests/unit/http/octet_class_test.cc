// The helpers beside the table. The table itself is tried octet by octet in tests/exhaustive/octets_test.cc.
#include "http/octet_class.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate::http {
namespace {

/// The octets for which `holds` does, as text.
template <typename Predicate>
std::string octets_where(Predicate holds) {
  std::string octets;
  for (unsigned octet = 0; octet < 256; ++octet) {
    if (holds(static_cast<std::uint8_t>(octet))) octets += static_cast<char>(octet);
  }
  return octets;
}

TEST(OctetClass, HasTheCoreRulesOfTheAbnf) {
  EXPECT_EQ(octets_where(is_digit), "0123456789");
  EXPECT_EQ(octets_where(is_alpha), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(octets_where(is_blank), "\t ");
  EXPECT_EQ(octets_where([](std::uint8_t octet) { return hex_value(octet) < 16; }), "0123456789ABCDEFabcdef");
}

TEST(OctetClass, GivesHexadecimalDigitsTheirValue) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  for (std::size_t i = 0; i < digits.size(); ++i)
    EXPECT_EQ(hex_value(static_cast<std::uint8_t>(digits[i])), i < 16 ? i : i - 6) << digits[i];
}

TEST(OctetClass, TokenHasOneOctetAtLeast) {
  EXPECT_TRUE(is_token("a"));
  EXPECT_TRUE(is_token("x-y!"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a\xC3\xA9"));
}

TEST(OctetClass, CaseIsIgnoredInAsciiAlone) {
  EXPECT_TRUE(equals_ignoring_case("WebSocket", "wEBsOCKET"));
  EXPECT_FALSE(equals_ignoring_case("websocket", "websockets"));
  EXPECT_FALSE(equals_ignoring_case("a[", "a{")) << "they differ in the bit that tells the cases apart";
  EXPECT_FALSE(equals_ignoring_case("\xC3\xA9", "\xC3\x89"));
}

TEST(OctetClass, TrimTakesBlanksFromBothEnds) {
  EXPECT_EQ(trim(" \ta \t b\t "), "a \t b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\r\n"), "\r\n");
}

}  // namespace
}  // namespace ringgate::http
