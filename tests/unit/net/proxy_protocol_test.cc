#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/limits.h"
#include "proxy_headers.h"

namespace ringgate::net {
namespace {

using namespace std::string_literals;
using test::v2_header;
using Parsed = std::expected<std::optional<ProxyHeader>, ProxyViolation>;

Parsed parse(std::string_view bytes, ProxyVersions versions = ProxyVersions::either) {
  return parse_proxy_header(bytes_of(bytes), versions);
}

/// The client as text; "none", "more", or the violation's name.
std::string outcome(std::string_view bytes, ProxyVersions versions = ProxyVersions::either) {
  const Parsed parsed = parse(bytes, versions);
  if (!parsed) return std::string(name_of(parsed.error()));
  if (!*parsed) return "more";
  EXPECT_LE((*parsed)->size, bytes.size());
  return (*parsed)->source ? (*parsed)->source->text() : "none";
}

const std::string ipv4_block("\xC0\0\2\7\x7F\0\0\1\x30\x39\x1F\x90", 12);  // 192.0.2.7:12345 to 127.0.0.1:8080
const std::string ipv6_block = "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\7" + std::string(15, '\0') + "\1\x30\x39\x1F\x90"s;

const std::vector<std::string>& good_headers() {
  static const std::vector<std::string> headers{
      "PROXY TCP4 192.0.2.7 127.0.0.1 12345 8080\r\n",
      "PROXY TCP6 2001:db8::7 ::1 12345 8080\r\n",
      "PROXY UNKNOWN\r\n",
      "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
      v2_header(0x21, 0x11, ipv4_block),
      v2_header(0x21, 0x21, ipv6_block),
      v2_header(0x20, 0x00, ""),
      v2_header(0x21, 0x11, ipv4_block + "\x04\0\2\0\0"s + "\x02\0\5gate\0"s),
      test::with_crc32c(v2_header(0x21, 0x21, ipv6_block + "\x04\0\1x\x03\0\4\0\0\0\0\x05\0\0"s)),
      v2_header(0x21, 0x31, std::string(216, 'u')),
  };
  return headers;
}

TEST(ProxyHeader, NamesTheClient) {
  EXPECT_EQ(outcome(good_headers()[0]), "192.0.2.7:12345");
  EXPECT_EQ(outcome(good_headers()[1]), "[2001:db8::7]:12345");
  EXPECT_EQ(outcome(good_headers()[2]), "none");
  EXPECT_EQ(outcome(good_headers()[3]), "none");
  EXPECT_EQ(outcome(good_headers()[4]), "192.0.2.7:12345");
  EXPECT_EQ(outcome(good_headers()[5]), "[2001:db8::7]:12345");
  EXPECT_EQ(outcome(good_headers()[6]), "none");
  EXPECT_EQ(outcome(good_headers()[7]), "192.0.2.7:12345");
  EXPECT_EQ(outcome(good_headers()[8]), "[2001:db8::7]:12345");
  EXPECT_EQ(outcome(good_headers()[9]), "unix");
  EXPECT_EQ(outcome(v2_header(0x21, 0x12, ipv4_block)), "192.0.2.7:12345") << "a client that came over UDP";
  EXPECT_EQ(outcome(v2_header(0x21, 0x10, ipv4_block)), "none") << "an unspecified transport";
  EXPECT_EQ(outcome(v2_header(0x21, 0x00, "anything")), "none");
  EXPECT_EQ(outcome(v2_header(0x20, 0xFF, "what LOCAL carries is ignored")), "none");
  EXPECT_EQ(
      outcome(v2_header(0x21, 0x21,
                        std::string(10, '\0') + "\xFF\xFF"s + ipv4_block.substr(0, 4) + std::string(16, '\0') + "\x30\x39\0\0"s)),
      "192.0.2.7:12345")
      << "IPv4 mapped into IPv6";
}

TEST(ProxyHeader, EndsWhereTheClientBegins) {
  for (const std::string& header : good_headers()) {
    for (const std::string& behind : {""s, "GET /ws HTTP/1.1\r\n\r\n"s, "\r\n"s, std::string(5000, '\x16')}) {
      const Parsed parsed = parse(header + behind);
      ASSERT_TRUE(parsed && *parsed) << header;
      EXPECT_EQ((*parsed)->size, header.size());
      EXPECT_EQ((*parsed)->source, (*parse(header))->source);
    }
  }
}

TEST(ProxyHeader, WantsMoreAtEveryCut) {
  for (const std::string& header : good_headers()) {
    const auto own = header.starts_with("PROXY") ? ProxyVersions::v1 : ProxyVersions::v2;
    const auto other = own == ProxyVersions::v1 ? ProxyVersions::v2 : ProxyVersions::v1;
    for (std::size_t cut = 0; cut < header.size(); ++cut) {
      EXPECT_EQ(outcome(header.substr(0, cut)), "more") << header << " cut at " << cut;
      EXPECT_EQ(outcome(header.substr(0, cut), own), "more");
      EXPECT_EQ(outcome(header.substr(0, cut), other), cut == 0 ? "more" : "no_header");
    }
    EXPECT_EQ(outcome(header, other), "no_header");
  }
}

/// A flipped bit never reads beyond the header, and is found out where there is a checksum.
TEST(ProxyHeader, SurvivesEveryFlippedBit) {
  for (const std::string& header : good_headers()) {
    const bool has_checksum = header == good_headers()[8];
    for (std::size_t bit = 0; bit < 8 * header.size(); ++bit) {
      std::string flipped = header;
      flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << bit % 8));
      const Parsed parsed = parse(flipped);
      EXPECT_LE(parsed && *parsed ? (*parsed)->size : 0, flipped.size());
      EXPECT_EQ(bit < 8 * 6 && outcome(flipped) != "no_header", false) << "bit " << bit;
      const std::size_t byte = bit / 8;
      const bool is_checked =
          has_checksum && byte >= 16 && (byte < 16 + 36 || byte == 55 || byte >= 59);  // the rest may hide the sum
      EXPECT_EQ(is_checked && byte < 63 && outcome(flipped) != "v2_checksum", false) << "bit " << bit;
    }
  }
}

TEST(ProxyHeader, RefusesEachBrokenRuleOfVersion1) {
  const auto line = [](const std::string& rest) { return "PROXY " + rest + "\r\n"; };
  for (const auto& [rest, name] : std::vector<std::pair<std::string, std::string>>{
           {"", "v1_protocol"},
           {"tcp4 1.1.1.1 2.2.2.2 1 2", "v1_protocol"},
           {"UDP4 1.1.1.1 2.2.2.2 1 2", "v1_protocol"},
           {"UNKNOWNX", "v1_protocol"},
           {"TCP4", "v1_fields"},
           {"TCP4 1.1.1.1 2.2.2.2 1", "v1_fields"},
           {"TCP4 1.1.1.1 2.2.2.2 1 2 3", "v1_fields"},
           {"TCP4  1.1.1.1 2.2.2.2 1 2", "v1_fields"},
           {"TCP4 1.1.1.1 2.2.2.2 1 2 ", "v1_fields"},
           {"TCP4 1.1.1.256 2.2.2.2 1 2", "v1_address"},
           {"TCP4 01.1.1.1 2.2.2.2 1 2", "v1_address"},
           {"TCP4 1.1.1.1 2.2.2 1 2", "v1_address"},
           {"TCP4 ::1 ::1 1 2", "v1_address"},
           {"TCP6 1.1.1.1 2.2.2.2 1 2", "v1_address"},
           {"TCP6 ::1%lo ::1 1 2", "v1_address"},
           {"TCP6 [::1] ::1 1 2", "v1_address"},
           {"TCP4 1.1.1.1 2.2.2.2 65536 2", "v1_port"},
           {"TCP4 1.1.1.1 2.2.2.2 01 2", "v1_port"},
           {"TCP4 1.1.1.1 2.2.2.2 +1 2", "v1_port"},
           {"TCP4 1.1.1.1 2.2.2.2 1 x", "v1_port"},
           {"TCP4 0.0.0.0 2.2.2.2 1 2", "unspecified_source"},
           {"TCP6 :: ::1 1 2", "unspecified_source"},
       })
    EXPECT_EQ(outcome(line(rest)), name) << rest;
  EXPECT_EQ(outcome("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"), "more") << "LF alone ends no line";
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\n"), "no_header");
  EXPECT_EQ(outcome("proxy "), "no_header");
}

TEST(ProxyHeader, GivesVersion1So107Bytes) {
  const std::string most = "PROXY UNKNOWN " + std::string(107 - 14 - 2, 'x') + "\r\n";
  ASSERT_EQ(most.size(), 107U);
  EXPECT_EQ(outcome(most), "none");
  EXPECT_EQ(outcome(most.substr(0, 106)), "more");
  EXPECT_EQ(outcome("PROXY UNKNOWN " + std::string(107 - 14 - 1, 'x') + "\r\n"), "v1_too_long");
  EXPECT_EQ(outcome("PROXY " + std::string(101, ' ')), "v1_too_long");
}

TEST(ProxyHeader, RefusesEachBrokenRuleOfVersion2) {
  for (unsigned version = 0; version < 16; ++version)
    EXPECT_EQ(outcome(v2_header(static_cast<std::uint8_t>(version << 4U | 1U), 0x11, ipv4_block)),
              version == 2 ? "192.0.2.7:12345" : "v2_version");
  for (unsigned command = 2; command < 16; ++command)
    EXPECT_EQ(outcome(v2_header(static_cast<std::uint8_t>(0x20U | command), 0x11, ipv4_block)), "v2_command");
  for (unsigned family = 0; family < 256; ++family) {
    const bool exists = family >> 4U < 4 && (family & 0xFU) < 3;
    const std::string name = outcome(v2_header(0x21, static_cast<std::uint8_t>(family), ipv4_block));
    EXPECT_EQ(name == "v2_family", !exists) << family << ' ' << name;
  }
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block.substr(1))), "v2_addresses");
  EXPECT_EQ(outcome(v2_header(0x21, 0x21, ipv6_block.substr(1))), "v2_addresses");
  EXPECT_EQ(outcome(v2_header(0x21, 0x31, std::string(215, 'u'))), "v2_addresses");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x04"s)), "v2_tlv");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x04\0"s)), "v2_tlv");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x04\0\1"s)), "v2_tlv");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x04\1\0x"s)), "v2_tlv");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x03\0\3xxx"s)), "v2_checksum_form");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x03\0\4xxxx\x03\0\4xxxx"s)), "v2_checksum_form");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, ipv4_block + "\x03\0\4xxxx"s)), "v2_checksum");
  EXPECT_EQ(outcome(v2_header(0x21, 0x11, std::string(12, '\0'))), "unspecified_source");
  EXPECT_EQ(outcome(v2_header(0x21, 0x21, std::string(36, '\0'))), "unspecified_source");
}

TEST(ProxyHeader, GivesVersion2FourKibibytes) {
  const std::size_t room = limits::proxy_header_bytes_max - 16 - 12 - 3;
  const auto padded = [](std::size_t bytes) {
    std::string tlv = "\x04"s + static_cast<char>(bytes >> 8U) + static_cast<char>(bytes & 0xFFU);
    return v2_header(0x21, 0x11, ipv4_block + tlv + std::string(bytes, '\0'));
  };
  EXPECT_EQ(outcome(padded(room)), "192.0.2.7:12345");
  EXPECT_EQ(outcome(padded(room).substr(0, 16)), "more");
  EXPECT_EQ(outcome(padded(room + 1).substr(0, 16)), "v2_too_long") << "told before it has come";
}

TEST(ProxyHeader, KnowsEveryViolationByAName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < proxy_violations_count; ++i) names.insert(name_of(static_cast<ProxyViolation>(i)));
  EXPECT_EQ(names.size(), proxy_violations_count);
  EXPECT_EQ(name_of(ProxyViolation::unspecified_source), "unspecified_source");
}

TEST(Crc32c, KnowsTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0)), 0x8A91'36AAU);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0xFF)), 0x62A8'AB43U);
  std::vector<std::uint8_t> rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(rising), 0x46DD'794EU);
  EXPECT_EQ(crc32c(bytes_of(std::string_view("123456789"))), 0xE306'9283U);
  EXPECT_EQ(crc32c(ByteView(rising).subspan(7), crc32c(ByteView(rising).first(7))), 0x46DD'794EU) << "in two parts";
}

}  // namespace
}  // namespace ringgate::net
