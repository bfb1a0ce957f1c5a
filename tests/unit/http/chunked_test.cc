#include "http/chunked.h"

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/limits.h"
#include "request_samples.h"

namespace ringgate::http {
namespace {

constexpr std::size_t body_bytes_max = 4096;

struct Decoded {
  std::string body;
  std::size_t consumed_bytes = 0;
  bool complete = false;
  std::optional<Rejection> rejection;
  bool operator==(const Decoded&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& decoded) {
  out << '"' << decoded.body << "\" after " << decoded.consumed_bytes << (decoded.complete ? " complete" : "");
  return decoded.rejection ? out << ' ' << facts_of(*decoded.rejection).reason : out;
}

/// Gives pieces of `piece_bytes` bytes to one reader; the first one is `first_bytes` long.
Decoded decode(std::string_view input, std::size_t first_bytes, std::size_t piece_bytes) {
  ChunkedReader reader{body_bytes_max};
  Decoded decoded;
  std::size_t size = first_bytes;
  while (!decoded.complete) {
    const std::string_view rest = input.substr(decoded.consumed_bytes);
    const std::vector<std::uint8_t> piece(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(std::min(size, rest.size())));
    const auto progress = reader.read(piece, decoded.body);
    if (!progress) {
      decoded.rejection = progress.error();
      decoded.consumed_bytes = 0;  // an error does not say how far it came
      return decoded;
    }
    decoded.consumed_bytes += progress->consumed_bytes;
    decoded.complete = progress->complete;
    if (decoded.consumed_bytes == input.size()) break;
    size = piece_bytes;
  }
  return decoded;
}

Decoded decode_in_every_cut(std::string_view input) {
  const Decoded whole = decode(input, input.size(), input.size());
  EXPECT_EQ(decode(input, 1, 1), whole);
  const std::size_t stride = input.size() <= 2048 ? 1 : input.size() / 256;
  for (std::size_t cut = 1; cut < input.size(); cut += stride) EXPECT_EQ(decode(input, cut, input.size()), whole) << cut;
  return whole;
}

TEST(ChunkedReader, JoinsChunksAndStopsBehindTheTrailers) {
  const std::string coded = "5\r\nhello\r\n6;a\r\n world\r\nA\r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\n";
  const Decoded decoded = decode_in_every_cut(coded + "GET /");
  EXPECT_EQ(decoded.body, "hello world0123456789");
  EXPECT_TRUE(decoded.complete);
  EXPECT_EQ(decoded.consumed_bytes, coded.size());
}

TEST(ChunkedReader, AcceptsEveryFormOfExtension) {
  for (const std::string_view extension :
       {";a", ";a=b", ";a=\"b c;\\\"\"", ";a;b=c;d", " ;a", "\t; a = b ; c", ";a=\"\"", ";a=\"\\\\\"", ";a ;b"}) {
    std::string coded = "2";
    coded.append(extension).append("\r\nhi\r\n0").append(extension).append("\r\n\r\n");
    const Decoded decoded = decode_in_every_cut(coded);
    EXPECT_TRUE(decoded.complete) << extension;
    EXPECT_EQ(decoded.body, "hi");
  }
}

struct Row {
  std::string id;
  std::string input;
  Rejection rejection;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.id; }
};

class ChunkedReaderRow : public testing::TestWithParam<Row> {};

TEST_P(ChunkedReaderRow, IsRefusedInEveryCut) {
  const Decoded decoded = decode_in_every_cut(GetParam().input);
  ASSERT_TRUE(decoded.rejection) << decoded;
  EXPECT_EQ(facts_of(*decoded.rejection).reason, facts_of(GetParam().rejection).reason);
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string small_chunks(std::size_t count, std::string_view extension) {
  std::string chunk = "1";
  chunk.append(extension).append("\r\nx\r\n");
  return repeated(chunk, count);
}

using R = Rejection;

INSTANTIATE_TEST_SUITE_P(
    D, ChunkedReaderRow,
    testing::ValuesIn(std::vector<Row>{
        {"D32_space_behind", "5 \r\nhello\r\n", R::chunk_extension_malformed},
        {"D32_space_before", " 5\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_plus", "+5\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_minus", "-5\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_hex_prefix", "0x5\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_underscore", "5_0\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_no_hex", "g\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_empty_size", "\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_extension_without_size", ";a\r\nhello\r\n", R::chunk_size_malformed},
        {"D32_lf_behind_size", "5\nhello\r\n", R::chunk_size_malformed},
        {"D32_cr_behind_size", "5\rhello\r\n", R::line_ending_malformed},
        {"D33_17_digits", "FFFFFFFFFFFFFFFFF\r\n", R::chunk_size_malformed},
        {"D33_16_digits", "FFFFFFFFFFFFFFFF\r\n", R::body_too_large},
        {"D33_largest_signed", "7FFFFFFFFFFFFFFF\r\n", R::body_too_large},
        {"D33_sum_wraps", "1\r\nx\r\nFFFFFFFFFFFFFFFF\r\n", R::body_too_large},
        {"D33_limit_plus_1", "1001\r\n", R::body_too_large},
        {"D34_leading_zeros", std::string(1000, '0') + "5\r\nhello\r\n", R::chunk_size_malformed},
        {"D34_one_leading_zero", "05\r\nhello\r\n", R::chunk_size_malformed},
        {"D34_two_zeros", "00\r\n\r\n", R::chunk_size_malformed},
        {"trailer_that_frames", "0\r\nContent-Length: 5\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_frames_in_another_case", "0\r\nX: y\r\ntRANSFER-eNCODING: chunked\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_routes", "0\r\nhost: other\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_authenticates", "0\r\nAuthorization: Bearer x\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_keeps_a_connection", "0\r\nKeep-Alive: timeout=5\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_keeps_a_proxys_connection", "0\r\nProxy-Connection: keep-alive\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_expects", "0\r\nExpect: 100-continue\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_names_another_scheme", "0\r\nX-Forwarded-Proto: https\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_names_another_peer", "0\r\nX-Real-IP: 127.0.0.1\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_names_another_origin", "0\r\nOrigin: http://h\r\n\r\n", R::trailer_forbidden},
        {"trailer_that_vouches_for_a_page", "0\r\nSec-Fetch-Site: none\r\n\r\n", R::trailer_forbidden},
        {"D36_data_longer", "4\r\nhello\r\n0\r\n\r\n", R::chunk_data_malformed},
        {"D36_data_shorter", "6\r\nhello\r\n0\r\n\r\n", R::chunk_data_malformed},
        {"D36_no_crlf", "5\r\nhello0\r\n\r\n", R::chunk_data_malformed},
        {"D36_lf_behind_data", "5\r\nhello\n0\r\n\r\n", R::chunk_data_malformed},
        {"D37_no_name", "5;\r\nhello\r\n", R::chunk_extension_malformed},
        {"D37_nul", bytes("5;a=\0\r\nhello\r\n"), R::chunk_extension_malformed},
        {"D37_no_value", "5;a=\r\nhello\r\n", R::chunk_extension_malformed},
        {"D37_bare_cr", "5;a\rb\r\nhello\r\n", R::line_ending_malformed},
        {"D37_bare_lf", "5;a\nb\r\nhello\r\n", R::chunk_extension_malformed},
        {"D37_open_quote", "5;a=\"b\r\nhello\r\n", R::chunk_extension_malformed},
        {"D37_text_behind_quote", "5;a=\"b\"c\r\nhello\r\n", R::chunk_extension_malformed},
        {"D37_space_before_crlf", "5;a \r\nhello\r\n", R::chunk_extension_malformed},
        {"D38_64KB_extension", "5;" + std::string(65'536, 'a') + "\r\nhello\r\n", R::chunk_overhead_too_large},
        {"D38_many_extensions", small_chunks(10'000, ";" + std::string(99, 'a')), R::chunk_overhead_too_large},
        {"D38_quoted_extension", "5;a=\"" + std::string(2000, 'a'), R::chunk_overhead_too_large},
        {"D40_long_trailers", "0\r\nX: " + std::string(1'000'000, 'a'), R::trailers_too_large},
        {"D40_many_trailers", "0\r\n" + repeated("X:\r\n", 5000), R::trailers_too_large},
        {"trailer_without_colon", "0\r\nX\r\n\r\n", R::trailer_malformed},
        {"trailer_without_name", "0\r\n: x\r\n\r\n", R::trailer_malformed},
        {"trailer_folded", "0\r\nX: a\r\n b\r\n\r\n", R::trailer_malformed},
        {"trailer_bare_lf", "0\r\nX: a\n\r\n", R::trailer_malformed},
        {"end_bare_lf", "0\r\n\n", R::trailer_malformed},
        {"end_bare_cr", "0\r\n\rX", R::line_ending_malformed},
    }),
    [](const auto& tested) { return tested.param.id; });

TEST(ChunkedReader, PassesOverTrailersThatOnlyLookLikeForbiddenOnes) {
  for (const std::string name :
       {"Hos", "Hostt", "X-Host", "Expected", "Origins", "Sec-Fetch-Mode", "X-Real-IPs", "Server-Timing", "Digest",
        "Content-Lengt", "Content-Length-", "Authorization-Info", "T", "Transfer-Encoding-Of-Somebody-Else"})
    EXPECT_TRUE(decode_in_every_cut("0\r\n" + name + ": v\r\n\r\n").complete) << name;
}

TEST(ChunkedReader, TakesABodyOfExactlyTheLimit) {
  const std::string data(body_bytes_max, 'x');
  const Decoded decoded = decode_in_every_cut("1000\r\n" + data + "\r\n0\r\n\r\n");
  EXPECT_TRUE(decoded.complete);
  EXPECT_EQ(decoded.body, data);
  EXPECT_EQ(decode_in_every_cut("800\r\n" + data.substr(0, 2048) + "\r\n801\r\n").rejection, R::body_too_large);
}

TEST(ChunkedReader, LetsSmallChunksPassWithinTheBudget) {
  const Decoded decoded = decode(small_chunks(500, "") + "0\r\n\r\n", 1, 1);
  EXPECT_TRUE(decoded.complete);
  EXPECT_EQ(decoded.body.size(), 500U);
}

TEST(ChunkedReader, HasOneVerdictForEveryFlippedBit) {
  const std::string good = "5;a=\"b\\c\"\r\nhello\r\n1f\r\n0123456789abcdef0123456789abcde\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    decode_in_every_cut(flipped);
  }
}

}  // namespace
}  // namespace ringgate::http
