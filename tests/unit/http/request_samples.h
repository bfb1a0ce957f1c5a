// Requests to start from, and parsing them in every cut. Each call to the parser gets a fresh copy of the
// bytes, so that a kept pointer or a read behind the end is found by the sanitizers.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_head_parser.h"

namespace ringgate::http {

/// The good upgrade, with another request line and further field lines (each ending in CRLF) if wanted.
inline std::string upgrade_request(std::string_view request_line = "GET /ws?deviceId=abc123 HTTP/1.1",
                                   std::string_view more_fields = "") {
  return std::string{request_line} +
         "\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
         "dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\n" +
         std::string{more_fields} + "\r\n";
}

/// A request with these field lines after `Host: h`; `\r\n` is added to each.
inline std::string request_with(std::initializer_list<std::string_view> lines) {
  std::string request = "GET /ws HTTP/1.1\r\nHost: h\r\n";
  for (const std::string_view line : lines) request.append(line).append("\r\n");
  return request + "\r\n";
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// Bytes that may hold NUL, from a literal.
template <std::size_t Size>
std::string bytes(const char (&literal)[Size]) {
  return std::string(literal, Size - 1);
}

inline bool operator==(const HeadSpan& a, const HeadSpan& b) { return a.offset == b.offset && a.length == b.length; }
inline bool operator==(const FieldLine& a, const FieldLine& b) { return a.name == b.name && a.value == b.value; }
inline bool operator==(const RequestHead& a, const RequestHead& b) {
  return a.method_text == b.method_text && a.target == b.target && a.authority == b.authority && a.path == b.path &&
         a.query == b.query && a.host == b.host && a.method == b.method && a.minor_version == b.minor_version &&
         a.fields == b.fields;
}
inline bool operator==(const HeadVerdict& a, const HeadVerdict& b) {
  return a.status == b.status && a.head_bytes == b.head_bytes && a.rejection == b.rejection;
}
inline std::ostream& operator<<(std::ostream& out, const HeadVerdict& verdict) {
  if (verdict.status == HeadStatus::need_more) return out << "need_more";
  if (verdict.status == HeadStatus::complete) return out << "complete after " << verdict.head_bytes;
  return out << "rejected: " << facts_of(verdict.rejection).reason;
}

/// Gives `request` to `parser` up to each of the growing `lengths`, then whole.
inline HeadVerdict parse(RequestHeadParser& parser, std::string_view request, std::initializer_list<std::size_t> lengths = {}) {
  const auto resume = [&](std::size_t length) {
    const std::vector<std::uint8_t> copy(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(length));
    return parser.resume(copy);
  };
  for (const std::size_t length : lengths) {
    if (const HeadVerdict verdict = resume(length); verdict.status != HeadStatus::need_more) return verdict;
  }
  return resume(request.size());
}

/// Bytes needed until the verdict is there, fed one by one; the whole size if it never is.
inline std::size_t bytes_until_verdict(std::string_view request) {
  RequestHeadParser parser;
  for (std::size_t length = 0; length <= request.size(); ++length) {
    if (parser.resume(bytes_of(request.substr(0, length))).status != HeadStatus::need_more) return length;
  }
  return request.size();
}

/// Parses `request` whole, byte by byte, and cut in two at every offset (large ones: at 256 offsets),
/// expects one verdict and one layout, and returns the verdict.
inline HeadVerdict parse_in_every_cut(std::string_view request, const HeadRules& rules = {}) {
  RequestHeadParser whole{rules};
  const HeadVerdict expected = parse(whole, request);
  RequestHeadParser by_byte{rules};
  HeadVerdict last;
  for (std::size_t length = 0; length <= request.size(); ++length) {
    last = by_byte.resume(bytes_of(request.substr(0, length)));
    if (last.status != HeadStatus::need_more) break;
  }
  EXPECT_EQ(last, expected);
  EXPECT_TRUE(by_byte.head() == whole.head());
  const std::size_t stride = request.size() <= 2048 ? 1 : request.size() / 256;
  for (std::size_t cut = 0; cut <= request.size(); cut += stride) {
    RequestHeadParser split{rules};
    EXPECT_EQ(parse(split, request, {cut}), expected) << "cut at " << cut;
    EXPECT_TRUE(split.head() == whole.head()) << "cut at " << cut;
  }
  return expected;
}

}  // namespace ringgate::http
