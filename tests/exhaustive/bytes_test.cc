// Every byte in every kind of place that a request has, against the ABNF of RFC 9110, RFC 9112 and RFC 3986
// written out as ranges of bytes; and the small numbers that stand there: version, port, key.
#include <gtest/gtest.h>

#include <bitset>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "domain.h"
#include "http/byte_class.h"
#include "http/chunked.h"
#include "http/request_head_parser.h"
#include "http/uri.h"
#include "ws/handshake.h"

namespace ringgate::exhaustive {
namespace {

using http::HeadStatus;
using http::Rejection;
using ByteSet = std::bitset<bytes_count>;
using Range = std::pair<unsigned, unsigned>;

ByteSet set_of(std::initializer_list<Range> ranges) {
  ByteSet set;
  for (const auto& [first, last] : ranges) {
    for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
  }
  return set;
}

// RFC 9110 section 5.6.2, without the delimiters "(),/:;<=>?@[\]{} and DQUOTE.
const ByteSet tchar = set_of({{0x21, 0x21},
                              {0x23, 0x27},
                              {0x2A, 0x2B},
                              {0x2D, 0x2E},
                              {0x30, 0x39},
                              {0x41, 0x5A},
                              {0x5E, 0x7A},
                              {0x7C, 0x7C},
                              {0x7E, 0x7E}});
// RFC 3986 appendix A: pchar without pct-encoded, and "/" and "?".
const ByteSet target =
    set_of({{0x21, 0x21}, {0x24, 0x24}, {0x26, 0x3B}, {0x3D, 0x3D}, {0x3F, 0x5A}, {0x5F, 0x5F}, {0x61, 0x7A}, {0x7E, 0x7E}});
// The same: unreserved and sub-delims; without the comma, which we refuse in a host (see uri.h).
const ByteSet host = set_of({{0x21, 0x21},
                             {0x24, 0x24},
                             {0x26, 0x2B},
                             {0x2D, 0x2E},
                             {0x30, 0x39},
                             {0x3B, 0x3B},
                             {0x3D, 0x3D},
                             {0x41, 0x5A},
                             {0x5F, 0x5F},
                             {0x61, 0x7A},
                             {0x7E, 0x7E}});
// RFC 9110 section 5.5: field-vchar, SP and HTAB.
const ByteSet value = set_of({{0x09, 0x09}, {0x20, 0x7E}, {0x80, 0xFF}});
// RFC 9110 section 5.6.4: qdtext.
const ByteSet quoted = set_of({{0x09, 0x09}, {0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x7E}, {0x80, 0xFF}});

TEST(EveryByte, IsInTheClassesOfTheAbnf) {
  const std::vector<std::pair<std::uint8_t, ByteSet>> classes{{http::byte_token, tchar},
                                                              {http::byte_target, target},
                                                              {http::byte_host, host},
                                                              {http::byte_value, value},
                                                              {http::byte_quoted, quoted}};
  for (const auto& [byte_class, expected] : classes) {
    for (unsigned byte = 0; byte < bytes_count; ++byte) {
      ASSERT_EQ(http::is_in(static_cast<std::uint8_t>(byte), byte_class), expected[byte]) << byte;
    }
  }
  report_tried(classes.size() * bytes_count, "bytes in a class");
}

ByteSet with(ByteSet set, std::initializer_list<char> more) {
  for (const char c : more) set.set(static_cast<unsigned char>(c));
  return set;
}

/// A place in a text where any byte may stand, and those bytes with which the text is good.
struct Place {
  std::string before;
  std::string after;
  ByteSet good;
};

std::string text_with(const Place& place, unsigned byte) { return place.before + static_cast<char>(byte) + place.after; }

/// A target that is well-formed and names another host than Host does is no fault of a byte.
bool is_well_formed(const http::HeadVerdict& verdict) {
  return verdict.status == HeadStatus::complete ||
         (verdict.status == HeadStatus::rejected && verdict.rejection == Rejection::authority_conflict);
}

bool head_is_taken(const std::string& head) {
  http::RequestHeadParser whole;
  const bool taken = is_well_formed(whole.resume(bytes_of(head)));
  http::RequestHeadParser by_byte;
  for (std::size_t size = 1; size < head.size(); ++size) by_byte.resume(bytes_of(head).first(size));
  EXPECT_EQ(is_well_formed(by_byte.resume(bytes_of(head))), taken) << head;
  return taken;
}

bool chunks_are_taken(const std::string& chunks) {
  const auto read = [&](std::size_t piece_bytes) {
    http::ChunkedReader reader{1000};
    std::string body;
    for (std::size_t i = 0; i < chunks.size(); i += piece_bytes) {
      const ByteView rest = bytes_of(chunks).subspan(i);
      const auto progress = reader.read(rest.first(std::min(rest.size(), piece_bytes)), body);
      if (!progress) return false;
      if (progress->complete) return i + progress->consumed_bytes == chunks.size() && body == "x";
    }
    return false;
  };
  const bool taken = read(chunks.size());
  EXPECT_EQ(read(1), taken) << chunks;
  return taken;
}

void expect_only_the_good(const std::vector<Place>& places, bool (*is_taken)(const std::string&)) {
  for (const Place& place : places) {
    for (unsigned byte = 0; byte < bytes_count; ++byte) {
      ASSERT_EQ(is_taken(text_with(place, byte)), place.good[byte]) << place.before << " with " << byte;
    }
  }
}

TEST(EveryByte, IsTakenInARequestHeadWhereTheAbnfHasIt) {
  const std::string fields = " HTTP/1.1\r\nHost: h\r\n\r\n";
  std::vector<Place> places{
      {"", "ET /ws" + fields, tchar},
      {"G", "T /ws" + fields, tchar},
      {"GET", " /ws" + fields, tchar},
      {"GET /w", "s" + fields, target},
      {"GET /ws?", "x" + fields, target},
      {"GET /ws?a=%4", "" + fields, set_of({{'0', '9'}, {'A', 'F'}, {'a', 'f'}})},
      {"GET http://h", "i/ws" + fields, with(host, {'/', '?'})},  // those two end the authority
      {"GET /ws HTTP/1.1\r\nHost: h\r\n", "X: v\r\n\r\n", tchar},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX", "Y: v\r\n\r\n", with(tchar, {':'})},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX", ": v\r\n\r\n", with(tchar, {':'})},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX:", "v\r\n\r\n", value},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX: v", "v\r\n\r\n", value},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX: v", "\r\n\r\n", value},
      {"GET /ws HTTP/1.1\r\nHost: h", "i\r\n\r\n", host},
      {"GET /ws HTTP/1.1\r\nHost: h:", "\r\n\r\n", with(set_of({{'0', '9'}}), {' ', '\t'})},
      {"GET /ws HTTP/1.1\r\nHost: h\r\nX: v\r", "\r\n", set_of({{'\n', '\n'}})},
      {"GET /ws HTTP/1.1\r\nHost: h\r\n\r", "", set_of({{'\n', '\n'}})},
  };
  const std::string version = "HTTP/1.1\r\n";
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto byte = static_cast<unsigned char>(version[i]);
    places.push_back({"GET /ws " + version.substr(0, i), version.substr(i + 1) + "Host: h\r\n\r\n",
                      i == 7 ? set_of({{'0', '9'}}) : set_of({{byte, byte}})});
  }
  expect_only_the_good(places, head_is_taken);
  report_tried(places.size() * bytes_count, "bytes in a request head");
}

TEST(EveryByte, IsTakenInChunkedCodingWhereTheAbnfHasIt) {
  const std::string rest = "\r\nx\r\n0\r\n\r\n";
  const std::vector<Place> places{
      {"", rest, set_of({{'1', '1'}})},
      {"0", rest, {}},  // a number has one spelling: no zero in front
      {"1", "a" + rest, with({}, {';'})},
      {"1;", rest, tchar},
      {"1;a", "b" + rest, with(tchar, {';', '='})},
      {"1;a=", "b" + rest, with(tchar, {' ', '\t'})},
      {"1;a=b", rest, tchar},
      {"1;a=\"", "\"" + rest, quoted},
      {"1;a=\"\\", "\"" + rest, value},
      {"1;a=\"b\"", "c" + rest, with({}, {';'})},
      {"1;a ", "b" + rest, with({}, {';', '='})},
      {"1 ", "a" + rest, with({}, {';'})},
      {"1\r", "x\r\n0\r\n\r\n", with({}, {'\n'})},
      {"1\r\nx", "\n0\r\n\r\n", with({}, {'\r'})},
      {"1\r\nx\r", "0\r\n\r\n", with({}, {'\n'})},
      {"1\r\nx\r\n0\r", "\r\n", with({}, {'\n'})},
      {"1\r\nx\r\n0\r\n", "\n", with({}, {'\r'})},
      {"1\r\nx\r\n0\r\n\r", "", with({}, {'\n'})},
      {"1\r\nx\r\n0\r\n", "T: v\r\n\r\n", tchar},
      {"1\r\nx\r\n0\r\nZ", ": v\r\n\r\n", with(tchar, {':'})},
      {"1\r\nx\r\n0\r\nT: ", "v\r\n\r\n", value},
      {"1\r\nx\r\n0\r\nT: v\r", "\r\n", with({}, {'\n'})},
  };
  expect_only_the_good(places, chunks_are_taken);
  report_tried(places.size() * bytes_count, "bytes in chunked coding");
}

TEST(EveryByte, IsTakenInAKeyWhereBase64Of16BytesHasIt) {
  const std::string sample = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3; unused bits may be anything (RFC 4648, 3.5)
  const ByteSet alphabet = set_of({{'A', 'Z'}, {'a', 'z'}, {'0', '9'}, {'+', '+'}, {'/', '/'}});
  std::uint64_t taken = 0;
  for (std::size_t place = 0; place < sample.size(); ++place) {
    const ByteSet good = place < 22 ? alphabet : with({}, {'='});
    for (unsigned byte = 0; byte < bytes_count; ++byte) {
      std::string key = sample;
      key[place] = static_cast<char>(byte);
      ASSERT_EQ(ws::is_valid_key(key), good[byte]) << byte << " at " << place;
      taken += good[byte] ? 1 : 0;
    }
  }
  EXPECT_EQ(taken, 22U * 64 + 2);
  report_tried(sample.size() * bytes_count, "bytes in a key");
}

TEST(EveryVersion, IsTakenIfItsMajorNumberIsOne) {
  for (unsigned pair = 0; pair < byte_pairs_count; ++pair) {
    const auto major = static_cast<char>(pair / 256);
    const auto minor = static_cast<char>(pair % 256);
    const std::string head = std::string("GET / HTTP/") + major + '.' + minor + "\r\nHost: h\r\n\r\n";
    http::RequestHeadParser parser;
    const http::HeadVerdict verdict = parser.resume(bytes_of(head));
    const bool two_digits = major >= '0' && major <= '9' && minor >= '0' && minor <= '9';
    ASSERT_EQ(verdict.status == HeadStatus::complete, two_digits && major == '1') << pair;
    if (verdict.status == HeadStatus::complete) continue;
    ASSERT_EQ(verdict.rejection == Rejection::version_unsupported, two_digits) << pair;
  }
  report_tried(byte_pairs_count, "pairs of version digits");
}

TEST(EveryPort, UpTo99999IsTakenIfItHas16Bits) {
  for (unsigned port = 0; port <= 99'999; ++port) {
    ASSERT_EQ(http::is_valid_authority("h:" + std::to_string(port)), port <= 65'535) << port;
    ASSERT_EQ(http::is_valid_authority("[::1]:" + std::to_string(port)), port <= 65'535) << port;
  }
  report_tried(100'000, "ports");
}

}  // namespace
}  // namespace ringgate::exhaustive
