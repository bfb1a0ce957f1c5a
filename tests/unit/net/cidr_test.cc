#include "net/cidr.h"

#include <gtest/gtest.h>

#include "net/address_text.h"

namespace ringgate::net {
namespace {

ring::PeerAddress peer(std::string_view text) {
  const auto address = text.contains(':') ? parse_ipv6(text) : parse_ipv4(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(ring::PeerAddress{});
}

bool contains(std::string_view cidr, const ring::PeerAddress& address) {
  const auto parsed = parse_cidr(cidr);
  EXPECT_TRUE(parsed) << cidr;
  return parsed && parsed->contains(address);
}

TEST(Cidr, ContainsWhatSharesItsPrefix) {
  EXPECT_TRUE(contains("10.0.0.0/8", peer("10.255.0.1")));
  EXPECT_FALSE(contains("10.0.0.0/8", peer("11.0.0.0")));
  EXPECT_TRUE(contains("192.0.2.128/25", peer("192.0.2.128")));
  EXPECT_FALSE(contains("192.0.2.128/25", peer("192.0.2.127")));
  EXPECT_TRUE(contains("192.0.2.7", peer("192.0.2.7")));
  EXPECT_FALSE(contains("192.0.2.7", peer("192.0.2.6")));
  EXPECT_TRUE(contains("2001:db8::/32", peer("2001:db8:ffff::1")));
  EXPECT_FALSE(contains("2001:db8::/32", peer("2001:db9::")));
  EXPECT_TRUE(contains("::1", peer("::1")));
  EXPECT_TRUE(contains("fe80::/10", peer("febf::1")));
  EXPECT_FALSE(contains("fe80::/10", peer("fec0::1")));
}

TEST(Cidr, JudgesEveryPrefixLengthByEachBit) {
  for (unsigned bits = 0; bits <= 32; ++bits) {
    const auto whole = parse_cidr("0.0.0.0/" + std::to_string(bits));
    ASSERT_TRUE(whole);
    for (unsigned bit = 0; bit < 32; ++bit) {
      ring::PeerAddress one = peer("0.0.0.0");
      one.port = 9;
      one.address[12 + bit / 8] = static_cast<std::uint8_t>(0x80U >> bit % 8);
      EXPECT_EQ(whole->contains(one), bit >= bits) << bits << ' ' << bit;
    }
  }
  for (unsigned bits = 0; bits <= 128; ++bits) {
    const auto whole = parse_cidr("::/" + std::to_string(bits));
    ASSERT_TRUE(whole);
    for (unsigned bit = 0; bit < 128; ++bit) {
      ring::PeerAddress one{{}, 9};
      one.address[bit / 8] = static_cast<std::uint8_t>(0x80U >> bit % 8);
      EXPECT_EQ(whole->contains(one), bit >= bits) << bits << ' ' << bit;
    }
  }
}

TEST(Cidr, KeepsFamiliesApart) {
  EXPECT_TRUE(contains("0.0.0.0/0", peer("192.0.2.1")));
  EXPECT_TRUE(contains("0.0.0.0/0", peer("::ffff:192.0.2.1")));
  EXPECT_FALSE(contains("0.0.0.0/0", peer("::1")));
  EXPECT_TRUE(contains("::/0", peer("2001:db8::1")));
  EXPECT_FALSE(contains("::/0", peer("192.0.2.1")));
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", peer("10.1.2.3")));
  EXPECT_TRUE(contains("::ffff:10.0.0.1", peer("10.0.0.1")));
  EXPECT_FALSE(contains("::fffe:0:0/95", peer("10.0.0.1")));
  for (const char* cidr : {"0.0.0.0/0", "::/0", "::"}) {
    EXPECT_FALSE(contains(cidr, ring::PeerAddress{})) << cidr;
    EXPECT_FALSE(contains(cidr, ring::PeerAddress::unix_socket())) << cidr;
  }
  EXPECT_TRUE(contains("unix", ring::PeerAddress::unix_socket()));
  EXPECT_FALSE(contains("unix", peer("127.0.0.1")));
  EXPECT_FALSE(contains("unix", ring::PeerAddress{}));
}

TEST(Cidr, RefusesEverythingElse) {
  using namespace std::string_view_literals;
  for (const std::string_view bad : {""sv,
                                     "/"sv,
                                     "10.0.0.0/"sv,
                                     "/8"sv,
                                     "10.0.0.0/33"sv,
                                     "10.0.0.0/08"sv,
                                     "10.0.0.0/+8"sv,
                                     "10.0.0.0/-1"sv,
                                     "10.0.0.0/8/8"sv,
                                     "10.0.0.1/8"sv,
                                     "10.0.0.0/8 "sv,
                                     " 10.0.0.0/8"sv,
                                     "10.0.0/8"sv,
                                     "10.0.0.00/8"sv,
                                     "010.0.0.0/8"sv,
                                     "10/8"sv,
                                     "::/129"sv,
                                     "2001:db8::1/32"sv,
                                     "[::1]"sv,
                                     "::1%lo"sv,
                                     "fe80::1%eth0/64"sv,
                                     "localhost"sv,
                                     "Unix"sv,
                                     "unix/0"sv,
                                     "unix:"sv,
                                     "10.0.0.0\0"sv,
                                     "10.0.0.0/8\0"sv,
                                     "::ffff:10.0.0.1/104"sv,
                                     "0.0.0.0/256"sv,
                                     "::/65536"sv}) {
    EXPECT_FALSE(parse_cidr(bad)) << bad;
  }
}

TEST(CidrSet, ContainsThePeersOfItsEntries) {
  const std::vector<std::string> texts{"127.0.0.0/8", "2001:db8::/32", "unix"};
  const auto set = CidrSet::parse(texts);
  ASSERT_TRUE(set);
  EXPECT_FALSE(set->is_empty());
  EXPECT_TRUE(set->contains(peer("127.0.0.9")));
  EXPECT_TRUE(set->contains(peer("2001:db8::9")));
  EXPECT_TRUE(set->contains(ring::PeerAddress::unix_socket()));
  EXPECT_FALSE(set->contains(peer("128.0.0.1")));
  EXPECT_FALSE(set->contains(ring::PeerAddress{}));
  EXPECT_TRUE(CidrSet{}.is_empty());
  EXPECT_FALSE(CidrSet{}.contains(peer("127.0.0.1")));
}

TEST(CidrSet, HoldsSoManyEntriesAndNoMore) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < CidrSet::entries_max; ++i) texts.push_back("10.0.0." + std::to_string(i));
  const auto set = CidrSet::parse(texts);
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->contains(peer("10.0.0.63")));
  texts.emplace_back("10.1.0.0");
  EXPECT_FALSE(CidrSet::parse(texts));
  EXPECT_FALSE(CidrSet::parse(std::vector<std::string>{"10.0.0.0/8", "nonsense"}));
}

}  // namespace
}  // namespace ringgate::net
