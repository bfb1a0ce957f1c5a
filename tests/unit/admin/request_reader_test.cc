#include "admin/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "requests.h"

namespace ringgate::admin {
namespace {

using namespace testing;

constexpr std::size_t body_bytes_max = 4096;

struct Outcome {
  std::vector<Request> requests;
  int rejected_with = 0;  // 0: was not
  RequestReader::Phase phase = RequestReader::Phase::idle;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Gives `bytes` to one reader, in pieces that end at each of `ends`, each in memory of its own.
Outcome read_cut(std::string_view bytes, const std::vector<std::size_t>& ends) {
  RequestReader reader(body_bytes_max);
  Outcome outcome;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const std::vector<std::uint8_t> piece(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                          bytes.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
    for (ByteView rest = piece; !rest.empty();) {
      const ReadProgress progress = reader.read(rest);
      if (progress.status == ReadStatus::rejected) {
        outcome.rejected_with = http::facts_of(progress.rejection).status;
        return outcome;
      }
      if (progress.status == ReadStatus::complete) outcome.requests.push_back(reader.take());
      rest = rest.subspan(progress.consumed_bytes);
    }
  }
  outcome.phase = reader.phase();
  return outcome;
}

Outcome read_whole(std::string_view bytes) { return read_cut(bytes, {bytes.size()}); }

/// Reads whole, byte by byte, and cut in two at every offset (large ones: at 64), and expects one outcome.
Outcome read_in_every_cut(std::string_view bytes) {
  const Outcome whole = read_whole(bytes);
  std::vector<std::size_t> each;
  for (std::size_t end = 1; end <= bytes.size(); ++end) each.push_back(end);
  EXPECT_TRUE(read_cut(bytes, each) == whole) << "byte by byte";
  const std::size_t stride = bytes.size() <= 2048 ? 1 : bytes.size() / 64;
  for (std::size_t cut = 0; cut <= bytes.size(); cut += stride)
    EXPECT_TRUE(read_cut(bytes, {cut, bytes.size()}) == whole) << "cut at " << cut;
  return whole;
}

TEST(RequestReader, ReadsPipelinedRequestsInEveryCut) {
  const Outcome outcome = read_in_every_cut(push_request("hello") + get_request("/metrics?x=1") +
                                            chunked("2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n") + "\r\n" +
                                            get_request("/healthz", "Connection: close\r\n", "HEAD"));
  ASSERT_EQ(outcome.requests.size(), 4U);
  EXPECT_EQ(outcome.requests[0].path, "/v1/devices/dev/messages");
  EXPECT_EQ(outcome.requests[0].body, "hello");
  EXPECT_EQ(outcome.requests[0].content_type, "text/plain");
  EXPECT_EQ(outcome.requests[1].path, "/metrics");
  EXPECT_EQ(outcome.requests[1].query, "x=1");
  EXPECT_EQ(outcome.requests[1].body, "");
  EXPECT_FALSE(outcome.requests[1].content_type);
  EXPECT_EQ(outcome.requests[2].body, "abc");
  EXPECT_EQ(outcome.requests[3].method, http::Method::head);
  EXPECT_EQ(outcome.requests[3].persistence, http::Persistence::close);
  EXPECT_EQ(outcome.phase, RequestReader::Phase::idle);
}

TEST(RequestReader, RefusesEveryAmbiguousFramingInEveryCut) {
  for (const AbuseRow& row : framing_rows()) {
    SCOPED_TRACE(row.name);
    const Outcome outcome = read_in_every_cut(row.bytes);
    EXPECT_EQ(outcome.rejected_with, row.status);
    EXPECT_TRUE(outcome.requests.empty());
  }
}

TEST(RequestReader, TakesABodyUpToItsLimitAndNotOneMore) {
  const std::string largest(body_bytes_max, 'x');
  EXPECT_EQ(read_whole(push_request(largest)).requests.at(0).body, largest);
  EXPECT_EQ(read_whole(push_request(largest + "x")).rejected_with, 413);
  EXPECT_EQ(read_whole(chunked("1000\r\n" + largest + "\r\n0\r\n\r\n")).requests.at(0).body, largest);
  EXPECT_EQ(read_whole(chunked("1000\r\n" + largest + "\r\n1\r\nx\r\n0\r\n\r\n")).rejected_with, 413);
}

TEST(RequestReader, SaysThatABodyFollowsBeforeItIsThere) {
  RequestReader reader(body_bytes_max);
  const std::string head = push_request("", "dev", "Content-Length: 2\r\nExpect: 100-Continue\r\n");
  EXPECT_EQ(reader.read(bytes_of(head)).status, ReadStatus::body_follows);
  EXPECT_TRUE(reader.request().expects_continue);
  EXPECT_EQ(reader.phase(), RequestReader::Phase::body);
  EXPECT_EQ(reader.read(bytes_of("ok")).status, ReadStatus::complete);
  EXPECT_EQ(reader.take().body, "ok");
}

TEST(RequestReader, ExpectsNothingOfHttp10) {
  const std::string head = "POST /v1/broadcast HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  const Outcome outcome = read_whole(head + "ok");
  EXPECT_FALSE(outcome.requests.at(0).expects_continue);
  EXPECT_EQ(outcome.requests.at(0).persistence, http::Persistence::close);
}

TEST(RequestReader, RefusesEveryOtherExpectation) {
  EXPECT_EQ(read_in_every_cut(push_request("x", "dev", "Content-Length: 1\r\nExpect: later\r\n")).rejected_with, 417);
  EXPECT_EQ(read_in_every_cut(get_request("/", "Expect: 100-continue, later\r\n")).rejected_with, 417);
  EXPECT_FALSE(read_whole(get_request("/", "Expect: ,\r\n")).requests.at(0).expects_continue);
}

TEST(RequestReader, KeepsToTheSizesOfHeadsItIsGiven) {
  const auto status_of = [](const http::HeadRules& rules, const std::string& fields) {
    RequestReader reader(body_bytes_max, rules);
    return reader.read(bytes_of(get_request("/", fields))).status;
  };
  const std::string cookie = "Cookie: " + std::string(20'000, 'c') + "\r\n";
  EXPECT_EQ(status_of({}, cookie), ReadStatus::rejected);
  EXPECT_EQ(status_of({.head_bytes_max = 32 * 1024}, cookie), ReadStatus::complete);
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "X: y\r\n";
  EXPECT_EQ(status_of({}, lines), ReadStatus::complete);
  EXPECT_EQ(status_of({.fields_max = 16}, lines), ReadStatus::rejected);
}

Request read_get(std::string_view fields, std::string_view path = "/") {
  return read_whole(get_request(path, fields)).requests.at(0);
}

TEST(RequestReader, KnowsRequestsOfWebPages) {
  for (const char* fields : {"origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n", "sec-fetch-site: same-site\r\n",
                             "Sec-Fetch-Site:\r\n", "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n"})
    EXPECT_TRUE(read_get(fields).is_from_web_page) << fields;
  for (const char* fields : {"", "Sec-Fetch-Site: none\r\n", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Mode: cors\r\n"})
    EXPECT_FALSE(read_get(fields).is_from_web_page) << fields;
}

TEST(RequestReader, SeesNoUpgradeButThatToWebsocket) {
  EXPECT_TRUE(read_get("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n").asks_for_websocket);
  EXPECT_TRUE(read_get("Upgrade: h2c, WebSocket\r\nConnection: upgrade\r\n").asks_for_websocket);
  EXPECT_FALSE(read_get("Upgrade: websocket\r\n").asks_for_websocket) << "without the connection option it is not for us";
  EXPECT_FALSE(read_get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAM\r\n").asks_for_websocket);
  EXPECT_FALSE(
      read_whole("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").requests.at(0).asks_for_websocket);
}

TEST(RequestReader, KnowsEncodedBodies) {
  for (const char* fields : {"Content-Encoding: gzip\r\n", "Content-Encoding: identity, br\r\n",
                             "Content-Encoding: identity\r\nContent-Encoding: deflate\r\n"})
    EXPECT_TRUE(read_get(fields).is_encoded) << fields;
  for (const char* fields : {"", "Content-Encoding:\r\n", "Content-Encoding: Identity\r\n", "Content-Encoding: ,, identity,\r\n"})
    EXPECT_FALSE(read_get(fields).is_encoded) << fields;
}

TEST(RequestReader, ReadsAQueryAsFormsWriteIt) {
  EXPECT_EQ(read_get("", "/x?reason=a+b%2Bc+").query, "reason=a%20b%2Bc%20");
  EXPECT_EQ(read_get("", "/x+y").path, "/x+y") << "a path is no form";
}

TEST(RequestReader, KeepsNoRepeatedContentType) {
  EXPECT_FALSE(read_get("Content-Type: a/b\r\nContent-Type: a/b\r\n").content_type);
}

TEST(RequestReader, KeepsNothingOfOneRequestForTheNext) {
  const Outcome outcome = read_whole(push_request("first") + get_request("/healthz"));
  EXPECT_EQ(outcome.requests.at(1).body, "");
  EXPECT_FALSE(outcome.requests.at(1).content_type);
}

TEST(RequestReader, HandsABodyOutInPiecesWhoseLengthHasNoLimit) {
  const std::string head = "POST /pieces HTTP/1.1\r\nHost: h\r\nIf-match: \"x\"\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string bytes = head + "6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\nGET";
  for (std::size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    RequestReader reader(4, {}, [](const Request& request) { return request.path == "/pieces"; });
    std::string content;
    ReadStatus status = ReadStatus::need_more;
    std::size_t at = 0;
    for (std::size_t end = piece_bytes; status != ReadStatus::complete && at < bytes.size(); end += piece_bytes) {
      while (at < std::min(end, bytes.size()) && status != ReadStatus::complete) {
        const ReadProgress progress = reader.read(bytes_of(bytes.substr(at, std::min(end, bytes.size()) - at)));
        at += progress.consumed_bytes;
        status = progress.status;
        ASSERT_NE(status, ReadStatus::rejected);
        if (status == ReadStatus::piece || status == ReadStatus::complete) content += reader.take_piece();
      }
    }
    EXPECT_EQ(status, ReadStatus::complete) << "in pieces of " << piece_bytes;
    EXPECT_EQ(content, "first second");
    EXPECT_EQ(reader.request().field("If-Match"), "\"x\"");
    EXPECT_EQ(bytes.substr(at), "GET");
  }
}

}  // namespace
}  // namespace ringgate::admin
