#include "http/octet_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ringgate::http {
namespace {

std::size_t first_stop(ByteView octets, std::size_t from, std::size_t end) {
  while (from < end && (octets[from] >= 0x20 && octets[from] != 0x7f)) ++from;
  return from;
}

// Every octet at every place of three words, before octets that a borrow could reach, from every place.
TEST(EndOfPlainValue, IsTheFirstControlWhereverItStands) {
  for (const unsigned around : {0x20U, 0x21U, 0x7eU, 0x80U, 0xffU}) {
    for (std::size_t place = 0; place < 24; ++place) {
      for (unsigned octet = 0; octet < 256; ++octet) {
        std::vector<std::uint8_t> octets(24, static_cast<std::uint8_t>(around));
        octets[place] = static_cast<std::uint8_t>(octet);
        for (std::size_t from = 0; from <= place; ++from)
          ASSERT_EQ(end_of_plain_value(octets, from, 24), first_stop(octets, from, 24)) << place << ' ' << octet << ' ' << from;
      }
    }
  }
}

TEST(EndOfPlainValue, IsTheLowestOfSeveral) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      std::vector<std::uint8_t> octets(8, 'a');
      octets[3] = static_cast<std::uint8_t>(first);
      octets[4] = static_cast<std::uint8_t>(second);
      ASSERT_EQ(end_of_plain_value(octets, 0, 8), first_stop(octets, 0, 8)) << first << ' ' << second;
    }
  }
}

TEST(EndOfPlainValue, NeverLooksBehindTheEnd) {
  const std::vector<std::uint8_t> octets(16, '\r');
  std::vector<std::uint8_t> plain(16, 'a');
  for (std::size_t end = 0; end <= 16; ++end) {
    EXPECT_EQ(end_of_plain_value(octets, end, end), end);
    std::copy(octets.begin(), octets.end() - static_cast<std::ptrdiff_t>(end), plain.begin() + static_cast<std::ptrdiff_t>(end));
    EXPECT_EQ(end_of_plain_value(plain, 0, end), end);
    plain.assign(16, 'a');
  }
}

TEST(EndOfRun, StopsAtTheFirstOctetOfAnotherClass) {
  const ByteView octets = bytes_of("/a/b?c#d");
  EXPECT_EQ(end_of_run(octets, 0, 8, octet_token), 0U);
  EXPECT_EQ(end_of_run(octets, 1, 8, octet_token), 2U);
  EXPECT_EQ(end_of_run(octets, 0, 8, octet_target), 6U);
  EXPECT_EQ(end_of_run(octets, 0, 3, octet_target), 3U);
  EXPECT_EQ(end_of_run(octets, 6, 8, octet_target), 6U);
}

}  // namespace
}  // namespace ringgate::http
