#include "http/body.h"

#include <gtest/gtest.h>

#include <expected>
#include <ostream>
#include <string>
#include <vector>

#include "request_samples.h"

namespace ringgate::http {
namespace {

using Framing = std::expected<BodyFraming, Rejection>;

Framing framing_of(const std::string& request) {
  RequestHeadParser parser;
  EXPECT_EQ(parse(parser, request).status, HeadStatus::complete) << request;
  return body_framing(parser.view(bytes_of(request)));
}

struct FramingRow {
  std::string id;
  std::vector<std::string_view> lines;
  std::expected<BodyFraming, Rejection> framing;

  friend void PrintTo(const FramingRow& row, std::ostream* out) { *out << row.id; }
};

class BodyFramingRow : public testing::TestWithParam<FramingRow> {};

TEST_P(BodyFramingRow, IsReadInOneWayOrRefused) {
  const FramingRow& row = GetParam();
  std::string request = "POST /x HTTP/1.1\r\nHost: h\r\n";
  for (const std::string_view line : row.lines) request.append(line).append("\r\n");
  const Framing framing = framing_of(request + "\r\n");
  ASSERT_EQ(framing.has_value(), row.framing.has_value());
  if (framing) {
    EXPECT_EQ(framing->kind, row.framing->kind);
    EXPECT_EQ(framing->content_length, row.framing->content_length);
  } else {
    EXPECT_EQ(facts_of(framing.error()).reason, facts_of(row.framing.error()).reason);
  }
}

using R = Rejection;
constexpr BodyFraming chunked{.kind = BodyFraming::Kind::chunked};

constexpr BodyFraming length(std::uint64_t bytes) { return {.kind = BodyFraming::Kind::content_length, .content_length = bytes}; }

Framing refused(Rejection rejection) { return std::unexpected{rejection}; }

INSTANTIATE_TEST_SUITE_P(
    D, BodyFramingRow,
    testing::ValuesIn(std::vector<FramingRow>{
        {"none", {}, BodyFraming{}},
        {"D03_zero", {"Content-Length: 0"}, length(0)},
        {"five", {"content-length:\t5 "}, length(5)},
        {"leading_zeros", {"Content-Length: 005"}, refused(R::content_length_malformed)},
        {"two_zeros", {"Content-Length: 00"}, refused(R::content_length_malformed)},
        {"D05_both", {"Transfer-Encoding: chunked", "Content-Length: 5"}, refused(R::framing_ambiguous)},
        {"D25_both", {"Content-Length: 5", "Transfer-Encoding: chunked"}, refused(R::framing_ambiguous)},
        {"D13_two_lengths", {"Content-Length: 5", "Content-Length: 6"}, refused(R::content_length_repeated)},
        {"D14_same_length_twice", {"Content-Length: 5", "Content-Length: 5"}, refused(R::content_length_repeated)},
        {"D14_list", {"Content-Length: 5, 5"}, refused(R::content_length_malformed)},
        {"D15_plus", {"Content-Length: +5"}, refused(R::content_length_malformed)},
        {"D16_minus", {"Content-Length: -1"}, refused(R::content_length_malformed)},
        {"D16_minus_zero", {"Content-Length: -0"}, refused(R::content_length_malformed)},
        {"D16_minus_long", {"Content-Length: -123456789123456789123456789"}, refused(R::content_length_malformed)},
        {"D17_hex", {"Content-Length: 0x5"}, refused(R::content_length_malformed)},
        {"D17_underscore", {"Content-Length: 5_0"}, refused(R::content_length_malformed)},
        {"D17_space", {"Content-Length: 5 0"}, refused(R::content_length_malformed)},
        {"D17_semicolon", {"Content-Length: 5;"}, refused(R::content_length_malformed)},
        {"D17_point", {"Content-Length: 5.0"}, refused(R::content_length_malformed)},
        {"D17_letters", {"Content-Length: abc"}, refused(R::content_length_malformed)},
        {"D17_letters_behind", {"Content-Length: 5abc"}, refused(R::content_length_malformed)},
        {"D18_empty", {"Content-Length:"}, refused(R::content_length_malformed)},
        {"D19_two_to_64", {"Content-Length: 18446744073709551616"}, refused(R::content_length_malformed)},
        {"D19_two_to_64_less_one", {"Content-Length: 18446744073709551615"}, length(UINT64_MAX)},
        {"D19_two_to_63", {"Content-Length: 9223372036854775808"}, length(1ULL << 63U)},
        {"D19_40_digits", {"Content-Length: 1234567890123456789012345678901234567890"}, refused(R::content_length_malformed)},
        {"chunked", {"Transfer-Encoding: Chunked"}, chunked},
        {"chunked_among_empty_members", {"Transfer-Encoding: , chunked,"}, chunked},
        {"D26_xchunked", {"Transfer-Encoding: xchunked"}, refused(R::transfer_encoding_unsupported)},
        {"D26_identity", {"Transfer-Encoding: identity"}, refused(R::transfer_encoding_unsupported)},
        {"D26_gzip", {"Transfer-Encoding: gzip"}, refused(R::transfer_encoding_unsupported)},
        {"D26_gzip_chunked", {"Transfer-Encoding: gzip, chunked"}, refused(R::transfer_encoding_unsupported)},
        {"D27_chunked_identity", {"Transfer-Encoding: chunked, identity"}, refused(R::transfer_encoding_not_final)},
        {"D27_chunked_gzip", {"Transfer-Encoding: chunked, gzip"}, refused(R::transfer_encoding_not_final)},
        {"D28_chunked_chunked", {"Transfer-Encoding: chunked, chunked"}, refused(R::transfer_encoding_repeated)},
        {"D28_two_lines", {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, refused(R::transfer_encoding_repeated)},
        {"D28_two_lines_of_two_codings",
         {"Transfer-Encoding: gzip", "Transfer-Encoding: chunked"},
         refused(R::transfer_encoding_repeated)},
        {"D29_quoted", {"Transfer-Encoding: \"chunked\""}, refused(R::transfer_encoding_malformed)},
        {"D29_parameter", {"Transfer-Encoding: chunked;q=1"}, refused(R::transfer_encoding_malformed)},
        {"D29_inner_space", {"Transfer-Encoding: chu nked"}, refused(R::transfer_encoding_malformed)},
        {"D30_empty", {"Transfer-Encoding:"}, refused(R::transfer_encoding_malformed)},
        {"D30_commas", {"Transfer-Encoding: ,,"}, refused(R::transfer_encoding_malformed)},
    }),
    [](const auto& tested) { return tested.param.id; });

TEST(BodyFraming, D29_ControlsAroundTheCodingFailInTheHead) {
  for (const std::string& coding : {bytes("\x0b"
                                          "chunked"),
                                    bytes("\x0c"
                                          "chunked"),
                                    bytes("chunked\0")}) {
    EXPECT_EQ(parse_in_every_cut(request_with({"Transfer-Encoding: " + coding})).rejection, R::field_value_malformed);
  }
}

TEST(BodyFraming, D31_HasNoTransferEncodingInHttp10) {
  const Framing framing = framing_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_FALSE(framing);
  EXPECT_EQ(framing.error(), R::transfer_encoding_in_http10);
}

TEST(Expectation, IsOneToContinueOrRefused) {
  const auto of = [](const std::string& version, const std::string& lines) {
    const std::string request = "POST / HTTP/" + version + "\r\nHost: h\r\n" + lines + "\r\n";
    RequestHeadParser parser;
    EXPECT_EQ(parse(parser, request).status, HeadStatus::complete);
    return expects_continue(parser.view(bytes_of(request)));
  };
  EXPECT_EQ(of("1.1", ""), false);
  EXPECT_EQ(of("1.1", "Expect: 100-Continue\r\n"), true);
  EXPECT_EQ(of("1.1", "Expect: ,100-continue,\r\nExpect: 100-continue\r\n"), true);
  EXPECT_EQ(of("1.1", "Expect: ,\r\n"), false) << "a list of nothing";
  EXPECT_EQ(of("1.0", "Expect: 100-continue\r\n"), false);
  for (const std::string other : {"x", "100-continue, x", "100-continue=1", "\"100-continue\"", "100-continuee"})
    EXPECT_EQ(of("1.1", "Expect: " + other + "\r\n").error(), R::expectation_unsupported) << other;
}

TEST(BodyReader, D24_TakesExactlyTheDeclaredBytesInEveryCut) {
  const std::string input = "helloGET /x";
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    BodyReader reader{length(5), 100};
    std::string body;
    const auto first = reader.read(bytes_of(input.substr(0, cut)), body);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->complete, cut >= 5);
    const auto second = reader.read(bytes_of(input.substr(first->consumed_bytes)), body);
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->complete);
    EXPECT_EQ(first->consumed_bytes + second->consumed_bytes, 5U);
    EXPECT_EQ(body, "hello");
  }
}

TEST(BodyReader, DecodesChunksUpToTheSameLimit) {
  EXPECT_TRUE(chunked.has_body());
  BodyReader reader{chunked, 5};
  std::string body;
  const auto progress = reader.read(bytes_of("5\r\nhello\r\n0\r\n\r\nGET"), body);
  ASSERT_TRUE(progress);
  EXPECT_TRUE(progress->complete);
  EXPECT_EQ(progress->consumed_bytes, 15U);
  EXPECT_EQ(body, "hello");
  EXPECT_EQ((BodyReader{chunked, 4}.read(bytes_of("5\r\n"), body).error()), R::body_too_large);
}

TEST(BodyReader, CompletesAtOnceWithoutABody) {
  std::string body;
  for (const BodyFraming framing : {BodyFraming{}, length(0)}) {
    const auto progress = BodyReader{framing, 10}.read(bytes_of("next"), body);
    ASSERT_TRUE(progress);
    EXPECT_TRUE(progress->complete);
    EXPECT_EQ(progress->consumed_bytes, 0U);
    EXPECT_TRUE(body.empty());
  }
}

TEST(BodyReader, D21_RefusesATooLargeLengthBeforeAnyByte) {
  std::string body;
  BodyReader reader{length(999'999'999), 1024};
  ASSERT_FALSE(reader.check_length());
  EXPECT_EQ(reader.check_length().error(), R::body_too_large);
  EXPECT_EQ(reader.read({}, body).error(), R::body_too_large);
  EXPECT_TRUE(BodyReader(length(1024), 1024).check_length());
  EXPECT_LT(body.capacity(), 100U);
}

TEST(BodyReader, D23_IsIncompleteWhileBytesAreMissing) {
  std::string body;
  const auto progress = BodyReader{length(10), 100}.read(bytes_of("12345"), body);
  ASSERT_TRUE(progress);
  EXPECT_FALSE(progress->complete);
}

}  // namespace
}  // namespace ringgate::http
