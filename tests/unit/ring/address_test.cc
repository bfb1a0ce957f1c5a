// Addresses as people write them.
#include <gtest/gtest.h>

#include "ring/ring.h"

namespace ringgate::ring {
namespace {

TEST(ListenAddress, ReadsLiteralAddressesAndWritesThemTheSame) {
  struct Good {
    const char* text;
    const char* host;
    std::uint16_t port;
  };
  for (const Good& good :
       {Good{"127.0.0.1:8080", "127.0.0.1", 8080}, Good{"0.0.0.0:0", "0.0.0.0", 0},
        Good{"255.255.255.255:65535", "255.255.255.255", 65535}, Good{"[::1]:8080", "::1", 8080}, Good{"[::]:1", "::", 1},
        Good{"[2001:db8::7]:443", "2001:db8::7", 443}, Good{"[::ffff:10.0.0.1]:9", "::ffff:10.0.0.1", 9}}) {
    const auto address = parse_listen_address(good.text);
    ASSERT_TRUE(address) << address.error();
    EXPECT_EQ(address->host, good.host);
    EXPECT_EQ(address->port, good.port);
    EXPECT_EQ(address->text(), good.text);
  }
}

TEST(PeerAddress, KnowsLoopback) {
  const auto ipv4 = [](std::uint8_t first, std::uint8_t last) {
    return PeerAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, first, 0, 0, last}, 4711};
  };
  EXPECT_TRUE(ipv4(127, 1).is_loopback());
  EXPECT_TRUE(ipv4(127, 255).is_loopback());
  EXPECT_FALSE(ipv4(126, 1).is_loopback());
  EXPECT_FALSE(ipv4(128, 1).is_loopback());
  PeerAddress ipv6{{}, 4711};
  ipv6.address[15] = 1;
  EXPECT_TRUE(ipv6.is_loopback());
  ipv6.address[0] = 0xFE;
  EXPECT_FALSE(ipv6.is_loopback());
  EXPECT_TRUE(ipv6.is_known());
  EXPECT_FALSE(PeerAddress{}.is_known());
  EXPECT_FALSE(PeerAddress{}.is_loopback());
}

TEST(ListenAddress, RefusesEverythingElseWithASentence) {
  using namespace std::string_view_literals;
  for (const std::string_view bad : {""sv,
                                     ":"sv,
                                     "8080"sv,
                                     ":8080"sv,
                                     "127.0.0.1"sv,
                                     "127.0.0.1:"sv,
                                     "127.0.0.1:x"sv,
                                     "127.0.0.1:80x"sv,
                                     "127.0.0.1: 80"sv,
                                     "127.0.0.1:+80"sv,
                                     "127.0.0.1:-1"sv,
                                     "127.0.0.1:65536"sv,
                                     "127.0.0.1:99999999999"sv,
                                     "127.0.0:80"sv,
                                     "127.0.0.1.2:80"sv,
                                     "256.0.0.1:80"sv,
                                     "127.0.0.01:80"sv,
                                     "localhost:80"sv,
                                     "example.org:80"sv,
                                     "::1:80"sv,
                                     "::1"sv,
                                     "[::1]"sv,
                                     "[::1]80"sv,
                                     "[::1:80"sv,
                                     "::1]:80"sv,
                                     "[]:80"sv,
                                     "[]"sv,
                                     "[127.0.0.1]:80"sv,
                                     "[::1%lo]:80"sv,
                                     "[[::1]]:80"sv,
                                     "[::g]:80"sv,
                                     " 127.0.0.1:80"sv,
                                     "127.0.0.1 :80"sv,
                                     "127.0.0.1\0:80"sv,
                                     "[::1\0]:80"sv,
                                     "127.0.0.1:80\0"sv}) {
    const auto address = parse_listen_address(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_NE(address.error().find("is not an address"), std::string::npos) << address.error();
    EXPECT_NE(address.error().find("127.0.0.1:8080"), std::string::npos) << address.error();
  }
}

TEST(PeerAddress, IsWrittenAsPeopleReadIt) {
  EXPECT_EQ(PeerAddress{}.text(), "unknown");
  EXPECT_EQ((PeerAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}, 4711}.text()), "127.0.0.1:4711");
  EXPECT_EQ((PeerAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 4711}.text()), "[::1]:4711");
  EXPECT_EQ((PeerAddress{{0x20, 0x01, 0x0D, 0xB8}, 65535}.text()), "[2001:db8::]:65535");
}

TEST(ListenAddress, ReadsThePathOfAUnixSocket) {
  const auto address = parse_listen_address("unix:/run/ringgate/a b:0");
  ASSERT_TRUE(address) << address.error();
  EXPECT_TRUE(address->is_unix());
  EXPECT_TRUE(address->is_loopback());
  EXPECT_EQ(address->path, "/run/ringgate/a b:0");
  EXPECT_EQ(address->text(), "unix:/run/ringgate/a b:0");
  EXPECT_TRUE(parse_listen_address("unix:/" + std::string(106, 'x')));
  EXPECT_FALSE(parse_listen_address("127.0.0.1:1")->is_unix());
}

TEST(ListenAddress, RefusesOtherPathsWithASentence) {
  using namespace std::string_literals;
  for (const std::string& bad : {"unix:"s, "unix:x"s, "unix:@abstract"s, "unix:./x"s, "unix:/"s + std::string(107, 'x'),
                                 "unix:/a\0b"s, "unix:/a\nb"s, "Unix:/x"s, "/run/x"s}) {
    const auto address = parse_listen_address(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_NE(address.error().find("is not an address"), std::string::npos) << address.error();
  }
}

TEST(PeerAddress, SaysWhatItKnows) {
  EXPECT_EQ(PeerAddress{}.text(), "unknown");
  EXPECT_EQ(PeerAddress::unix_socket().text(), "unix");
  EXPECT_TRUE(PeerAddress::unix_socket().is_known());
  EXPECT_TRUE(PeerAddress::unix_socket().is_loopback());
  EXPECT_FALSE(PeerAddress::unix_socket().is_ipv4());
  PeerAddress ipv4{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7}, 0};
  EXPECT_EQ(ipv4.text(), "192.0.2.7");
  EXPECT_TRUE(ipv4.is_ipv4());
  PeerAddress ipv6{{0x20, 0x01, 0x0D, 0xB8}, 0};
  EXPECT_EQ(ipv6.text(), "2001:db8::");
  ipv6.port = 1;
  EXPECT_EQ(ipv6.text(), "[2001:db8::]:1");
  EXPECT_FALSE(ipv6.is_unix());
}

}  // namespace
}  // namespace ringgate::ring
