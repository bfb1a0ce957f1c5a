#include "http/uri.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ringgate::http {
namespace {

using Presence = QueryParameter::Presence;

TEST(Authority, AcceptsHostsWithAndWithoutPort) {
  for (const char* authority : {"h", "example.org", "a-b_c~d", "127.0.0.1", "127.0.0.1:8080", "h:0", "h:65535", "h:", "%41b",
                                "[::1]", "[::ffff:1.2.3.4]:443", "[2001:db8::1]:", "a!$&'()*+;=b"}) {
    EXPECT_TRUE(is_valid_authority(authority)) << authority;
  }
}

TEST(Authority, RefusesEverythingElse) {
  for (const char* authority : {"",
                                ":80",
                                "h:65536",
                                "h:99999999999999999999",
                                "h:-1",
                                "h:8x",
                                "h:80:80",
                                "a,b",
                                "h:080",
                                "h:00",
                                "[::1]:08",
                                "a b",
                                "u@h",
                                "h/",
                                "h?",
                                "h#",
                                "%4",
                                "%",
                                "%zz",
                                "[",
                                "[]",
                                "[::1",
                                "::1",
                                "[::1]x",
                                "[::1]80",
                                "[zz]",
                                "[fe80::1%eth0]",
                                "[1.2.3.4]",
                                "[:::]",
                                "h\\",
                                "h\x7f",
                                "h\xff",
                                "\xc3\xa9"}) {
    EXPECT_FALSE(is_valid_authority(authority)) << authority;
  }
}

TEST(Authority, RefusesAddressesNoLibraryCouldTake) {
  EXPECT_FALSE(is_valid_authority("[" + std::string(100, '1') + "]")) << "longer than any address";
  EXPECT_FALSE(is_valid_authority(std::string("[::1\0]", 6))) << "NUL would end the text for the library";
}

TEST(Authority, IsTheSameWithTheSchemesPortAndWithout) {
  const auto same = [](const char* a, const char* b, const char* scheme) {
    EXPECT_EQ(same_authority(a, b, scheme), same_authority(b, a, scheme));
    return same_authority(a, b, scheme);
  };
  for (const char* scheme : {"http", "ws", "HTTP"}) EXPECT_TRUE(same("h:80", "H", scheme)) << scheme;
  for (const char* scheme : {"https", "wss", "Wss"}) EXPECT_TRUE(same("h:443", "h", scheme)) << scheme;
  EXPECT_TRUE(same("[::1]:80", "[::1]", "http"));
  EXPECT_TRUE(same("h:", "h:80", "http"));
  EXPECT_TRUE(same("h:8080", "h:8080", "foo"));
  EXPECT_FALSE(same("h:443", "h", "http"));
  EXPECT_FALSE(same("h:80", "h", "wss"));
  EXPECT_FALSE(same("h:80", "h", "foo"));
  EXPECT_FALSE(same("[::80]", "[:]", "http"));
  EXPECT_FALSE(same("h:8080", "h", "http"));
  EXPECT_FALSE(same("h", "hh", "http"));
}

TEST(PercentDecode, DecodesOnce) {
  std::array<char, 8> out;
  ASSERT_EQ(percent_decode("a%62%2563+", out), 6U);
  EXPECT_EQ(std::string(out.data(), 6), "ab%63+");
}

TEST(PercentDecode, RefusesBrokenEscapesAndShortRoom) {
  std::array<char, 3> out;
  for (const char* text : {"%", "a%", "%4", "%g1", "%1g", "% 1"}) EXPECT_FALSE(percent_decode(text, out)) << text;
  EXPECT_EQ(percent_decode("%41bc", out), 3U);
  EXPECT_FALSE(percent_decode("abcd", out));
  EXPECT_EQ(percent_decode("", out), 0U);
}

TEST(QueryParameter, FindsTheNamedOne) {
  EXPECT_EQ(query_parameter("a=1&id=x=y&b", "id").value, "x=y");
  EXPECT_EQ(query_parameter("id", "id").presence, Presence::present);
  EXPECT_EQ(query_parameter("id=", "id").presence, Presence::present);
  EXPECT_EQ(query_parameter("i%64=%41", "id").value, "%41");
}

TEST(QueryParameter, IsAbsentUnlessTheWholeNameMatches) {
  for (const char* query : {"", "&", "&&=", "xid=1", "idx=1", "ID=1", "a=id", "=id"}) {
    EXPECT_EQ(query_parameter(query, "id").presence, Presence::absent) << query;
  }
}

TEST(QueryParameter, IsAbsentWhereTheNameDoesNotDecode) {
  EXPECT_EQ(query_parameter("i%=1&i%zz=2", "i%").presence, Presence::absent);
}

TEST(QueryParameter, TellsRepetitionFromConflict) {
  EXPECT_EQ(query_parameter("id=a&id=a", "id").presence, Presence::present);
  EXPECT_EQ(query_parameter("id=a&id=%61", "id").presence, Presence::present);
  EXPECT_EQ(query_parameter("id=a&id=b", "id").presence, Presence::conflicting);
  EXPECT_EQ(query_parameter("id=a&id=b&id=a", "id").presence, Presence::conflicting);
  EXPECT_EQ(query_parameter("id=a&id", "id").presence, Presence::conflicting);
}

}  // namespace
}  // namespace ringgate::http
