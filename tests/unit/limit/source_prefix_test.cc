#include "limit/source_prefix.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace ringgate::limit {
namespace {

ring::PeerAddress peer(const char* ipv6, std::uint16_t port = 4711) {
  ring::PeerAddress address;
  EXPECT_EQ(inet_pton(AF_INET6, ipv6, address.address.data()), 1) << ipv6;
  address.port = port;
  return address;
}

TEST(SourcePrefix, IsAWholeIpv4Address) {
  EXPECT_EQ(SourcePrefix::of(peer("::ffff:192.0.2.1", 1)), SourcePrefix::of(peer("::ffff:192.0.2.1", 2)));
  EXPECT_NE(SourcePrefix::of(peer("::ffff:192.0.2.1")), SourcePrefix::of(peer("::ffff:192.0.2.2")));
  EXPECT_NE(SourcePrefix::of(peer("::ffff:192.0.2.1")), SourcePrefix::of(peer("::ffff:192.1.2.1")));
}

TEST(SourcePrefix, IsTheFirstHalfOfAnIpv6Address) {
  EXPECT_EQ(SourcePrefix::of(peer("2001:db8:1:2::1")), SourcePrefix::of(peer("2001:db8:1:2:ffff:ffff:ffff:ffff")));
  EXPECT_NE(SourcePrefix::of(peer("2001:db8:1:2::1")), SourcePrefix::of(peer("2001:db8:1:3::1")));
}

TEST(SourcePrefix, KeepsIpv6WithoutPrefixApartFromIpv4) {
  EXPECT_NE(SourcePrefix::of(peer("::1")), SourcePrefix::of(peer("::ffff:127.0.0.1")));
  EXPECT_EQ(SourcePrefix::of(peer("::1")), SourcePrefix::of(peer("::2")));
}

TEST(SourcePrefix, IsNothingForAPeerWithoutAddress) {
  EXPECT_EQ(SourcePrefix::of({}), std::nullopt);
  EXPECT_EQ(SourcePrefix::of(ring::PeerAddress::unix_socket()), std::nullopt);
}

TEST(SourcePrefix, HasEqualBytesExactlyIfItIsEqual) {
  EXPECT_EQ(SourcePrefix::of(peer("2001:db8::1"))->bytes(), SourcePrefix::of(peer("2001:db8::2"))->bytes());
  EXPECT_NE(SourcePrefix::of(peer("2001:db8::1"))->bytes(), SourcePrefix::of(peer("2001:db9::1"))->bytes());
}

}  // namespace
}  // namespace ringgate::limit
