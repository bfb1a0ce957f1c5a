#include "http/byte_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ringgate::http {
namespace {

std::size_t first_stop(ByteView bytes, std::size_t from, std::size_t end) {
  while (from < end && (bytes[from] >= 0x20 && bytes[from] != 0x7f)) ++from;
  return from;
}

// Every byte at every place of three words, before bytes that a borrow could reach, from every place.
TEST(EndOfPlainValue, IsTheFirstControlWhereverItStands) {
  for (const unsigned around : {0x20U, 0x21U, 0x7eU, 0x80U, 0xffU}) {
    for (std::size_t place = 0; place < 24; ++place) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        std::vector<std::uint8_t> bytes(24, static_cast<std::uint8_t>(around));
        bytes[place] = static_cast<std::uint8_t>(byte);
        for (std::size_t from = 0; from <= place; ++from)
          ASSERT_EQ(end_of_plain_value(bytes, from, 24), first_stop(bytes, from, 24)) << place << ' ' << byte << ' ' << from;
      }
    }
  }
}

TEST(EndOfPlainValue, IsTheLowestOfSeveral) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      std::vector<std::uint8_t> bytes(8, 'a');
      bytes[3] = static_cast<std::uint8_t>(first);
      bytes[4] = static_cast<std::uint8_t>(second);
      ASSERT_EQ(end_of_plain_value(bytes, 0, 8), first_stop(bytes, 0, 8)) << first << ' ' << second;
    }
  }
}

TEST(EndOfPlainValue, NeverLooksBehindTheEnd) {
  const std::vector<std::uint8_t> bytes(16, '\r');
  std::vector<std::uint8_t> plain(16, 'a');
  for (std::size_t end = 0; end <= 16; ++end) {
    EXPECT_EQ(end_of_plain_value(bytes, end, end), end);
    std::copy(bytes.begin(), bytes.end() - static_cast<std::ptrdiff_t>(end), plain.begin() + static_cast<std::ptrdiff_t>(end));
    EXPECT_EQ(end_of_plain_value(plain, 0, end), end);
    plain.assign(16, 'a');
  }
}

TEST(EndOfRun, StopsAtTheFirstByteOfAnotherClass) {
  const ByteView bytes = bytes_of("/a/b?c#d");
  EXPECT_EQ(end_of_run(bytes, 0, 8, byte_token), 0U);
  EXPECT_EQ(end_of_run(bytes, 1, 8, byte_token), 2U);
  EXPECT_EQ(end_of_run(bytes, 0, 8, byte_target), 6U);
  EXPECT_EQ(end_of_run(bytes, 0, 3, byte_target), 3U);
  EXPECT_EQ(end_of_run(bytes, 6, 8, byte_target), 6U);
}

}  // namespace
}  // namespace ringgate::http
