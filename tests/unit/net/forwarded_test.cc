#include "net/forwarded.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "net/address_text.h"

namespace ringgate::net {
namespace {

using Lines = std::vector<std::string_view>;

const CidrSet& trusted() {
  static const CidrSet set = *CidrSet::parse(std::vector<std::string>{"10.0.0.0/8", "2001:db8:a::/48", "unix"});
  return set;
}
ring::PeerAddress proxy() { return *parse_ipv4("10.0.0.1"); }

std::string x_forwarded_for(const Lines& lines, const ring::PeerAddress& peer = proxy()) {
  return walk_x_forwarded_for(peer, lines, trusted()).text();
}
std::string forwarded(const Lines& lines, const ring::PeerAddress& peer = proxy()) {
  return walk_forwarded(peer, lines, trusted()).text();
}

TEST(XForwardedFor, EndsAtTheFirstAddressThatIsNotTrusted) {
  EXPECT_EQ(x_forwarded_for({"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(x_forwarded_for({"198.51.100.1, 192.0.2.7"}), "192.0.2.7") << "what the client wrote itself";
  EXPECT_EQ(x_forwarded_for({"198.51.100.1, 192.0.2.7, 10.9.9.9, 10.1.1.1"}), "192.0.2.7");
  EXPECT_EQ(x_forwarded_for({"198.51.100.1", "192.0.2.7", "10.9.9.9"}), "192.0.2.7") << "lines are one list";
  EXPECT_EQ(x_forwarded_for({"10.2.2.2,10.1.1.1"}), "10.2.2.2") << "everybody is trusted: whoever is farthest away";
  EXPECT_EQ(x_forwarded_for({"192.0.2.7"}, ring::PeerAddress::unix_socket()), "192.0.2.7");
  EXPECT_EQ(x_forwarded_for({}), "10.0.0.1");
}

TEST(XForwardedFor, MeansNothingFromAStranger) {
  const ring::PeerAddress stranger{parse_ipv4("192.0.2.66")->address, 4711};
  EXPECT_EQ(x_forwarded_for({"198.51.100.1"}, stranger), "192.0.2.66:4711");
  EXPECT_EQ(forwarded({"for=198.51.100.1"}, stranger), "192.0.2.66:4711");
  EXPECT_EQ(x_forwarded_for({"198.51.100.1"}, ring::PeerAddress{}), "unknown");
}

TEST(XForwardedFor, ReadsTheFormsThatProxiesWrite) {
  EXPECT_EQ(x_forwarded_for({"192.0.2.7:4711"}), "192.0.2.7:4711");
  EXPECT_EQ(x_forwarded_for({"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(x_forwarded_for({"[2001:db8::7]"}), "2001:db8::7");
  EXPECT_EQ(x_forwarded_for({"[2001:db8::7]:4711"}), "[2001:db8::7]:4711");
  EXPECT_EQ(x_forwarded_for({"::ffff:192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(x_forwarded_for({" \t192.0.2.7 , ,\t, 10.1.1.1 ,"}), "192.0.2.7");
  EXPECT_EQ(x_forwarded_for({"192.0.2.7, 2001:db8:a::1"}), "192.0.2.7");
}

TEST(XForwardedFor, StopsAtWhatIsNoAddress) {
  for (const std::string_view bad :
       {"unknown", "_hidden", "192.0.2", "192.0.2.07", "192.0.2.7:", "192.0.2.7:65536", "192.0.2.7 x", "\"192.0.2.7\"", "[::1",
        "[]", "[192.0.2.7]", "::1]", "0.0.0.0", "::", "[::]:1", "0.0.0.0:9", "2001:db8::7:", "host.example"}) {
    const std::string line = "192.0.2.1, " + std::string(bad) + ", 10.1.1.1";
    EXPECT_EQ(x_forwarded_for({line}), "10.1.1.1") << bad;
    EXPECT_EQ(x_forwarded_for({bad}), "10.0.0.1") << bad;
  }
}

TEST(XForwardedFor, WalksSoManyHopsAndNoMore) {
  std::string line = "192.0.2.7";
  for (std::size_t i = 1; i < limits::forwarded_hops_max; ++i) line += ",10.1.1." + std::to_string(i);
  EXPECT_EQ(x_forwarded_for({line}), "192.0.2.7");
  line += ",10.2.2.2";
  EXPECT_EQ(x_forwarded_for({line}), "10.1.1.1") << "the last hop that counts";
}

TEST(Forwarded, EndsAtTheFirstAddressThatIsNotTrusted) {
  EXPECT_EQ(forwarded({"for=192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(forwarded({"For=192.0.2.7;proto=http;by=203.0.113.43"}), "192.0.2.7");
  EXPECT_EQ(forwarded({"proto=https; for=192.0.2.7 ;\thost=gate"}), "192.0.2.7");
  EXPECT_EQ(forwarded({"for=198.51.100.1, for=192.0.2.7, for=10.3.3.3"}), "192.0.2.7");
  EXPECT_EQ(forwarded({"for=198.51.100.1", "for=192.0.2.7", "for=10.3.3.3"}), "192.0.2.7");
  EXPECT_EQ(forwarded({"for=\"[2001:db8::7]:4711\""}), "[2001:db8::7]:4711");
  EXPECT_EQ(forwarded({"for=\"[2001:db8::7]\""}), "2001:db8::7");
  EXPECT_EQ(forwarded({"for=\"192.0.2.7:4711\""}), "192.0.2.7:4711");
  EXPECT_EQ(forwarded({"for=\"192.0.2.7:_secret\""}), "192.0.2.7");
  EXPECT_EQ(forwarded({" , for=192.0.2.7 ,, "}), "192.0.2.7");
  EXPECT_EQ(forwarded({"for=192.0.2.7;by=\"a,b\\\";for=1.1.1.1\""}), "192.0.2.7") << "separators within quotes";
  EXPECT_EQ(forwarded({"for=192.0.2.7;"}), "192.0.2.7");
  EXPECT_EQ(forwarded({}), "10.0.0.1");
}

TEST(Forwarded, StopsAtAMemberThatNamesNoAddress) {
  for (const std::string_view bad : {"for=unknown", "for=_hidden", "for=\"_x:80\"", "by=192.0.2.9", "for=\"2001:db8::7:\"",
                                     "for=\"\"", "for=::", "for=[::1", "for=::1]", "for=\"[::]\"", "for=0.0.0.0",
                                     "for=\"192.0.2.7:_\"", "for=\"[2001:db8::7]x\"", "for=\"192.0.2.\\7\"", "for=192.0.2"}) {
    EXPECT_EQ(forwarded({"for=192.0.2.1, " + std::string(bad) + ", for=10.1.1.1"}), "10.1.1.1") << bad;
  }
}

/// nginx and haproxy have a variable for the address, and none for its form in RFC 7239.
TEST(Forwarded, ReadsBareAddresses) {
  EXPECT_EQ(forwarded({"for=2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(forwarded({"for=2001:db8::7;proto=http"}), "2001:db8::7");
  EXPECT_EQ(forwarded({"for=\"2001:db8::7\""}), "2001:db8::7");
  EXPECT_EQ(forwarded({"for=[2001:db8::7]:4711, for=10.1.1.1:80"}), "[2001:db8::7]:4711");
  EXPECT_EQ(forwarded({"for=::ffff:192.0.2.7"}), "192.0.2.7");
}

/// nginx appends to the client's own line: quotes that a client opens must not swallow what a proxy adds.
TEST(Forwarded, CountsWhatStandsBehindTheFaultOfALine) {
  for (const std::string_view bad : {"for=\"", "for=192.0.2.1;x=\"", "for=192.0.2.1;by=192.0.2.1:80", "for", "for=", "=x",
                                     "for = 192.0.2.1", "for=192.0.2.1 proto=http", "for=192.0.2.1;for=192.0.2.2",
                                     "for=\"192.0.2.1\"x", "for=\"192.0.2.1\\", "for=192.0.2.1\x01", "for=\\\""}) {
    EXPECT_EQ(forwarded({std::string(bad) + ", for=192.0.2.7"}), "192.0.2.7") << bad;
    EXPECT_EQ(forwarded({std::string(bad) + ", for=\"[2001:db8:b::1]:80\";by=x"}), "[2001:db8:b::1]:80") << bad;
    EXPECT_EQ(forwarded({std::string(bad) + ", for=192.0.2.7,for=10.1.1.1 , "}), "192.0.2.7") << bad;
    EXPECT_EQ(forwarded({std::string(bad) + ", for=10.1.1.1"}), "10.1.1.1") << bad << ": and no further";
    EXPECT_EQ(forwarded({"for=192.0.2.8", std::string(bad) + ", for=10.1.1.1"}), "10.1.1.1") << bad << ": nor beyond its line";
    EXPECT_EQ(forwarded({bad, "for=10.1.1.1"}), "10.1.1.1") << bad;
    EXPECT_EQ(forwarded({bad}), "10.0.0.1") << bad;
  }
}

/// A piece of what a proxy has quoted is not taken for an element.
TEST(Forwarded, TakesNoPieceOfAQuotedString) {
  for (const std::string_view own :
       {"for=10.1.1.1;host=\"a,for=192.0.2.1\"", "for=10.1.1.1;host=\"a,for=192.0.2.1;x=\";proto=http",
        "for=10.1.1.1;host=\"a,for=192.0.2.1;x=\";by=\"\"", "for=10.1.1.1;host=\"a,for=192.0.2.1;x=\\\";y=\"",
        "for=10.1.1.1;host=\"a,for=192.0.2.1,\""})
    EXPECT_EQ(forwarded({"for=\" , " + std::string(own)}), "10.0.0.1") << own;
}

TEST(Forwarded, WalksSoManyHopsAndNoMore) {
  std::string line = "for=192.0.2.7";
  for (std::size_t i = 1; i < limits::forwarded_hops_max; ++i) line += ",for=10.1.1." + std::to_string(i);
  EXPECT_EQ(forwarded({line}), "192.0.2.7");
  line += ",for=10.2.2.2";
  EXPECT_EQ(forwarded({line}), "10.1.1.1");
}

}  // namespace
}  // namespace ringgate::net
