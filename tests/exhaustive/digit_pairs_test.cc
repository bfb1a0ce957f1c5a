// Every pair of bytes where two hexadecimal digits belong: as a chunk size, and behind a percent sign in a
// path, a query, a host and a device id. 22 bytes are digits, so 484 of the 65,536 pairs are.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

#include "admission/identity.h"
#include "domain.h"
#include "http/chunked.h"
#include "http/request_head_parser.h"
#include "http/uri.h"

namespace ringgate::exhaustive {
namespace {

using http::HeadStatus;
using http::Rejection;

constexpr std::string_view digits = "0123456789abcdef";

int digit(char c) {
  const std::size_t at = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

struct Pair {
  std::string text;
  std::optional<unsigned> value;  // if both are digits
};

/// Calls `check` for each of the pairs; it returns whether the pair was taken.
template <typename Check>
unsigned count_taken(Check check) {
  unsigned taken = 0;
  for (unsigned i = 0; i < byte_pairs_count; ++i) {
    Pair pair{{static_cast<char>(i / 256), static_cast<char>(i % 256)}, {}};
    const int high = digit(pair.text[0]);
    const int low = digit(pair.text[1]);
    if (high >= 0 && low >= 0) pair.value = static_cast<unsigned>(16 * high + low);
    taken += check(pair) ? 1 : 0;
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "at the pair " << i / 256 << ", " << i % 256;
      return taken;
    }
  }
  return taken;
}

constexpr unsigned good_pairs_count = 22 * 22;
constexpr unsigned with_a_zero_in_front_count = 22;

TEST(EveryPairOfDigits, IsAChunkSize) {
  EXPECT_EQ(count_taken([](const Pair& pair) {
              const std::string data(pair.value.value_or(0), 'x');
              const bool empty = pair.value == 0U;
              const std::string input = pair.text + "\r\n" + data + (empty ? "\r\n" : "\r\n0\r\n\r\n");
              bool complete = false;
              for (const std::size_t piece : {input.size(), std::size_t{1}}) {
                http::ChunkedReader reader{255};
                std::string body;
                complete = false;
                for (std::size_t i = 0; i < input.size(); i += piece) {
                  const auto progress = reader.read(bytes_of(input).subspan(i, piece), body);
                  if (!progress) break;
                  complete = progress->complete;
                }
                EXPECT_EQ(complete, pair.value.has_value() && pair.text[0] != '0');
                if (complete) {
                  EXPECT_EQ(body, data);
                }
              }
              return complete;
            }),
            good_pairs_count - with_a_zero_in_front_count);
  report_tried(byte_pairs_count, "pairs as a chunk size");
}

TEST(EveryPairOfDigits, IsAByteBehindAPercentSign) {
  EXPECT_EQ(count_taken([](const Pair& pair) {
              std::array<char, 1> out{};
              const auto size = http::percent_decode("%" + pair.text, out);
              EXPECT_EQ(size.has_value(), pair.value.has_value());
              if (size) {
                EXPECT_EQ(static_cast<unsigned char>(out[0]), *pair.value);
              }
              EXPECT_EQ(http::is_valid_authority("h%" + pair.text), pair.value.has_value());
              return size.has_value();
            }),
            good_pairs_count);
  report_tried(byte_pairs_count, "pairs behind a percent sign");
}

// A path with an escaped control byte is refused: no path of ours has one, and a log line would carry it on.
TEST(EveryPairOfDigits, IsTakenInATargetUnlessItHidesAControlByteInThePath) {
  const auto status_of = [](const std::string& target) {
    const std::string head = "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
    http::RequestHeadParser parser;
    return parser.resume(bytes_of(head)).status;
  };
  EXPECT_EQ(count_taken([&](const Pair& pair) {
              const bool control = pair.value && (*pair.value < 0x20 || *pair.value == 0x7F);
              const bool taken = status_of("/a%" + pair.text + "b") == HeadStatus::complete;
              EXPECT_EQ(taken, pair.value.has_value() && !control);
              EXPECT_EQ(status_of("/a?b=%" + pair.text + "c") == HeadStatus::complete, pair.value.has_value());
              return taken;
            }),
            // Of the 22 * 22 pairs, 0x and 1x are 2 * 22 controls, and 7f and 7F are delete.
            good_pairs_count - 2 * 22 - 2);
  report_tried(byte_pairs_count, "pairs in a path and a query");
}

TEST(EveryPairOfDigits, NamesADeviceIfItIsInTheAlphabetOfIds) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@-";
  const auto sources = std::array{*admission::parse_id_source("query:id")};
  count_taken([&](const Pair& pair) {
    const std::string head = "GET /?id=a%" + pair.text + "b HTTP/1.1\r\nHost: h\r\n\r\n";
    http::RequestHeadParser parser;
    if (parser.resume(bytes_of(head)).status != HeadStatus::complete) {
      EXPECT_FALSE(pair.value);
      return false;
    }
    const auto id = admission::read_device_id({parser.view(bytes_of(head)), {}}, sources, IdCharacters::strict);
    const bool in_alphabet = pair.value && alphabet.find(static_cast<char>(*pair.value)) != std::string_view::npos;
    EXPECT_EQ(id.has_value(), in_alphabet);
    if (in_alphabet) {
      EXPECT_EQ((*id)->view(), std::string("a") + static_cast<char>(*pair.value) + "b");
    }
    return in_alphabet;
  });
  report_tried(byte_pairs_count, "pairs in a device id");
}

}  // namespace
}  // namespace ringgate::exhaustive
