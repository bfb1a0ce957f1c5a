// Requests of the admin API as text, and what is expected of those that are no proper HTTP.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringgate::admin::testing {

/// The good push of `body` to `id`, with further field lines (each ending in CRLF) in place of Content-Length
/// if given.
inline std::string push_request(std::string_view body, std::string_view id = "dev", std::string_view framing = "") {
  std::string request = "POST /v1/devices/" + std::string(id) + "/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n";
  request += framing.empty() ? "Content-Length: " + std::to_string(body.size()) + "\r\n" : std::string(framing);
  return request + "\r\n" + std::string(body);
}

inline std::string get_request(std::string_view path, std::string_view fields = "", std::string_view method = "GET") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

/// A row of the abuse list: bytes, and the status of the one answer that ends the connection.
struct AbuseRow {
  std::string name;
  std::string bytes;
  int status;
};

inline std::string chunked(std::string_view body) { return push_request(body, "dev", "Transfer-Encoding: chunked\r\n"); }

/// Section D (body framing) as far as it concerns the admin port, and its neighbours.
inline std::vector<AbuseRow> framing_rows() {
  std::vector<AbuseRow> rows;
  const auto framed = [&](std::string name, std::string_view fields, int status, std::string_view body = "hello") {
    rows.push_back({std::move(name), push_request(body, "dev", fields), status});
  };
  framed("D13 two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", 400);
  framed("D13 two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n", 400);
  framed("D13 a list of lengths", "Content-Length: 5, 5\r\n", 400);
  framed("D15 plus", "Content-Length: +5\r\n", 400);
  for (const char* text : {"-1", "-0", "-123456789123456789123456789"})
    framed(std::string("D16 ") + text, std::string("Content-Length: ") + text + "\r\n", 400);
  for (const char* text : {"0x5", "5_0", "5 0", "5;", "5.0", "abc", "5abc"})
    framed(std::string("D17 ") + text, std::string("Content-Length: ") + text + "\r\n", 400);
  framed("D18 empty length", "Content-Length:\r\n", 400);
  framed("D19 2^64", "Content-Length: 18446744073709551616\r\n", 400);
  framed("D19 2^63", "Content-Length: 9223372036854775808\r\n", 413);
  framed("D19 40 digits", "Content-Length: " + std::string(40, '9') + "\r\n", 400);
  framed("D21 huge", "Content-Length: 999999999\r\n", 413, "");
  framed("D25 TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400);
  framed("D25 CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400);
  for (const char* text : {"xchunked", "identity", "gzip"})
    framed(std::string("D26 ") + text, std::string("Transfer-Encoding: ") + text + "\r\n", 501);
  for (const char* text : {"chunked, identity", "chunked, gzip"})
    framed(std::string("D27 ") + text, std::string("Transfer-Encoding: ") + text + "\r\n", 400);
  framed("D28 chunked twice", "Transfer-Encoding: chunked, chunked\r\n", 400);
  framed("D28 two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400);
  for (const char* text : {"\x0b"
                           "chunked",
                           "\x0c"
                           "chunked",
                           "\"chunked\"", "chunked;q=1", "chu nked"})
    framed(std::string("D29 ") + text, std::string("Transfer-Encoding: ") + text + "\r\n", 400);
  framed("D29 NUL", std::string("Transfer-Encoding: chunked\0\r\n", 29), 400);
  framed("D30 space before the colon", "Transfer-Encoding : chunked\r\n", 400);
  framed("D30 empty", "Transfer-Encoding:\r\n", 400);
  rows.push_back({"D31 chunked in HTTP/1.0",
                  "POST /v1/devices/dev/messages HTTP/1.0\r\nHost: a\r\nContent-Type: text/plain\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                  400});
  for (const char* size : {"5 ", " 5", "+5", "-5", "0x5", "5_0", "g"})
    rows.push_back({std::string("D32 ") + size, chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D33 17 digits", chunked("FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D33 16 digits", chunked("7FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), 413});
  rows.push_back({"D34 leading zeros", chunked(std::string(1000, '0') + "5\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D36 longer than its size", chunked("5\r\nhello!\r\n0\r\n\r\n"), 400});
  rows.push_back({"D36 shorter than its size", chunked("5\r\nhell\r\n0\r\n\r\n"), 400});
  rows.push_back({"D36 no CRLF", chunked("5\r\nhello0\r\n\r\n"), 400});
  rows.push_back({"D37 empty extension", chunked("5;\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D37 NUL", chunked(std::string("5;a=\0\r\nhello\r\n0\r\n\r\n", 19)), 400});
  rows.push_back({"D37 CR", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D37 LF", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400});
  rows.push_back({"D38 long extension", chunked("5;a=" + std::string(65536, 'x') + "\r\nhello\r\n0\r\n\r\n"), 400});
  std::string small_chunks;
  for (int i = 0; i < 10'000; ++i) small_chunks += "1;a=" + std::string(100, 'x') + "\r\nx\r\n";
  rows.push_back({"D38 many small chunks", chunked(small_chunks + "0\r\n\r\n"), 400});
  rows.push_back({"D40 trailers", chunked("0\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"), 431});
  rows.push_back({"B bare LF", "GET /healthz HTTP/1.1\nHost: a\n\n", 400});
  rows.push_back({"B folded line", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400});
  rows.push_back({"C no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400});
  rows.push_back({"A HTTP/2.0", "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505});
  rows.push_back({"A TLS hello", std::string("\x16\x03\x01\x00\xf8\x01\x00", 7), 400});
  return rows;
}

}  // namespace ringgate::admin::testing
