#include "load/http_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate::load {
namespace {

TEST(HttpAnswer, WaitsForTheLastByteOfTheBody) {
  const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const auto answer = parse_answer(bytes_of(text).first(cut));
    ASSERT_TRUE(answer) << cut;
    EXPECT_FALSE(answer->has_value()) << cut;
  }
  const std::string with_next = text + "HTTP/1.1 2";
  const auto answer = parse_answer(bytes_of(with_next));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->status, 404);
  EXPECT_EQ((*answer)->body, "hello");
  EXPECT_EQ((*answer)->size, text.size());
}

TEST(HttpAnswer, NamesEachFault) {
  const auto fault = [](std::string_view text) { return parse_answer(bytes_of(text)).error(); };
  EXPECT_EQ(fault("HTTP/1.0 200 OK\r\n\r\n"), AnswerFault::status_line);
  EXPECT_EQ(fault("HTTP/1.1 2x0 OK\r\n\r\n"), AnswerFault::status_line);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), AnswerFault::field_line);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\n\r\n"), AnswerFault::content_length);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"), AnswerFault::content_length);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), AnswerFault::chunked);
  EXPECT_EQ(fault(std::string(answer_head_bytes_max, 'x')), AnswerFault::too_long);
}

}  // namespace
}  // namespace ringgate::load
