#include "http/host_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/date_field.h"

namespace ringgate::http {
namespace {

TEST(HostName, IsTheAuthorityWithoutPortAndFinalDot) {
  EXPECT_EQ(host_of("gate.example:8080"), "gate.example");
  EXPECT_EQ(host_of("gate.example."), "gate.example");
  EXPECT_EQ(host_of("gate.example.:1"), "gate.example");
  EXPECT_EQ(host_of("[::1]:8080"), "[::1]");
  EXPECT_EQ(host_of("[::1]"), "[::1]");
  EXPECT_EQ(host_of("."), ".");
}

TEST(HostName, KnowsLoopbackNames) {
  for (const char* name : {"localhost", "LocalHost", "a.localhost", "a.b.LOCALHOST"}) EXPECT_TRUE(is_loopback_name(name)) << name;
  for (const char* name : {"", "ocalhost", "xlocalhost", "localhost.example", "localhost.localdomain", "127.0.0.1"})
    EXPECT_FALSE(is_loopback_name(name)) << name;
}

TEST(HostName, KnowsAddresses) {
  for (const char* host : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "[::1]", "[2001:db8::1]"})
    EXPECT_TRUE(is_ip_literal(host)) << host;
  for (const char* host : {"", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.1.example", "256.0.0.1", "1.2.3.4.5", "gate"})
    EXPECT_FALSE(is_ip_literal(host)) << host;
}

TEST(HostName, IsListedHoweverTheListSpellsIt) {
  const std::vector<std::string> hosts{"Gate.Example.", "[2001:0DB8:0:0::1]", "192.0.2.7"};
  for (const char* host : {"gate.example", "GATE.example", "[2001:db8::1]", "[2001:db8:0:0:0:0:0:1]", "192.0.2.7"})
    EXPECT_TRUE(is_listed(host, hosts)) << host;
  for (const char* host : {"", "gate", "gate.example.org", "[2001:db8::2]", "[::]", "2001:db8::1"})
    EXPECT_FALSE(is_listed(host, hosts)) << host;
  EXPECT_FALSE(is_listed("", {}));
}

TEST(DateField, SaysTheTimeAsRfc9110HasIt) {
  DateField field;
  EXPECT_EQ(field.at(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(field.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(field.at(1'709'210'096), "Thu, 29 Feb 2024 12:34:56 GMT");
  EXPECT_EQ(field.at(4'102'444'799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(DateField, IsMadeOnceASecond) {
  DateField field;
  const std::string_view first = field.at(100);
  const_cast<char&>(first.front()) = '!';  // would be overwritten
  EXPECT_EQ(field.at(100).front(), '!');
  EXPECT_NE(field.at(101).front(), '!');
}

}  // namespace
}  // namespace ringgate::http
