#include "http/response.h"

#include <gtest/gtest.h>

#include <string>

#include "http/chunked.h"
#include "http/rejection.h"

namespace ringgate::http {
namespace {

std::string rejection_text(Rejection rejection, Method method = Method::get) {
  std::string out;
  append_rejection(out, facts_of(rejection), method, {});
  return out;
}

TEST(Response, HasLengthTypeAndPersistence) {
  std::string out = "before";
  append_response(out, {.status = 200, .content_type = "text/plain", .body = "hi", .extra_fields = "X: y\r\n"});
  EXPECT_EQ(out,
            "beforeHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: "
            "keep-alive\r\nX: y\r\n\r\nhi");
}

TEST(Response, AnswersHeadWithoutABody) {
  std::string out;
  append_response(out, {.status = 404, .body = "body", .persistence = Persistence::close, .request_method = Method::head});
  EXPECT_EQ(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
}

TEST(Response, SendsNoContentWithoutALength) {
  std::string out;
  append_response(out, {.status = 204});
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Response, BeginsAStreamInChunksOrUntilTheEndOfTheConnection) {
  std::string out;
  append_stream_head(out, {.status = 200, .content_type = "text/event-stream"}, StreamFraming::chunked);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
  out.clear();
  append_stream_head(out, {.status = 200, .persistence = Persistence::close}, StreamFraming::until_close);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(Response, WritesChunksAsTheReaderReadsThem) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{255}, std::size_t{65536}}) {
    std::string out;
    append_chunk_head(out, size);
    out += std::string(size, 'x') + "\r\n";
    append_chunk_head(out, 0);
    ChunkedReader reader(size);
    std::string body;
    const auto progress = reader.read(bytes_of(out), body);
    ASSERT_TRUE(progress && progress->complete) << size;
    EXPECT_EQ(progress->consumed_bytes, out.size());
    EXPECT_EQ(body.size(), size);
  }
}

TEST(Response, UpgradesWithTheGivenFields) {
  std::string out;
  append_upgrade_head(out, "Sec-WebSocket-Accept: x\r\n", {});
  EXPECT_EQ(out,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
}

TEST(Response, HasATitleForEveryStatusItSendsAndAWordForOthers) {
  EXPECT_EQ(status_title(426), "Upgrade Required");
  EXPECT_EQ(status_title(299), "Unknown");
}

TEST(Rejection, SaysHowLargeALengthMayBe) {
  EXPECT_NE(rejection_text(Rejection::content_length_malformed).find("one decimal number below 2^64"), std::string::npos);
}

TEST(Rejection, HasNoBodyForHead) {
  const std::string text = rejection_text(Rejection::method_not_allowed, Method::head);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  EXPECT_NE(text.find("Allow: GET\r\n"), std::string::npos);
}

}  // namespace
}  // namespace ringgate::http
