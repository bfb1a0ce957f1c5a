#include "ws/text_unmasking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "utf8_reference.h"

namespace ringgate::ws {
namespace {

using testing::encode_utf8;
using testing::reference_utf8;
using testing::Utf8Verdict;

constexpr MaskingKey key = 0xD49A3F71;
constexpr std::size_t margin = 80;
constexpr char untouched = 0x5C;

std::string masked(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(text[i] ^ static_cast<char>(key >> (8 * (i % 4))));
  return text;
}

/// Unmasks in the middle of a buffer at `offset`; checks what comes out, and that nothing else moved.
bool verdict_of(UnmaskTextFunction unmask_it, const std::string& text, std::size_t offset) {
  const std::string margins(margin + offset, untouched);
  std::string room = margins + masked(text) + margins;
  const bool valid = unmask_it(reinterpret_cast<std::uint8_t*>(room.data()) + margins.size(), text.size(), key);
  EXPECT_EQ(room, margins + text + margins);
  return valid;
}

bool inline_or_kernel(std::uint8_t* bytes, std::size_t size, MaskingKey the_key) { return unmask_text({bytes, size}, the_key); }

std::vector<TextKernel> all_kernels() {
  std::vector<TextKernel> kernels(text_kernels().begin(), text_kernels().end());
  kernels.push_back({"unmask_text", inline_or_kernel});
  return kernels;
}

bool is_valid(const std::string& text) { return reference_utf8(bytes_of(text)) == Utf8Verdict::valid; }

TEST(TextKernel, EachFollowsTheReferenceForRandomTextsOfEverySize) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const TextKernel& kernel : all_kernels()) {
    SCOPED_TRACE(kernel.name);
    for (std::size_t size = 0; size <= 400 && !HasFailure(); ++size) {
      for (int round = 0; round < 40; ++round) {
        const unsigned bits_max = round % 4 == 0 ? 7 : 21;
        std::string text;
        while (text.size() < size) {
          const auto scalar = static_cast<std::uint32_t>(random() % (1U << (7 + random() % (bits_max - 6))));
          if (scalar <= 0x10FFFF && (scalar < 0xD800 || scalar > 0xDFFF)) text += encode_utf8(scalar);
        }
        if (round % 2 == 0) text.resize(size);  // perhaps inside a character
        if (round % 3 == 0 && !text.empty()) text[random() % text.size()] = static_cast<char>(random());
        ASSERT_EQ(verdict_of(kernel.unmask_text, text, random() % 64), is_valid(text))
            << ::testing::PrintToString(std::vector<std::uint8_t>(text.begin(), text.end()));
      }
    }
  }
}

/// Every pair of bytes and every edge of RFC 3629 around the ends of blocks, of groups of blocks, and of the text.
TEST(TextKernel, EachFollowsTheReferenceForEveryFourBoundaryBytesAtEveryEdge) {
  constexpr std::uint8_t boundary_bytes[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                             0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
  constexpr std::size_t begin = 14;  // as payloads do: off the edge of a block
  constexpr std::size_t end = 400;
  alignas(64) std::array<std::uint8_t, 512> room;
  const std::string surroundings = masked(std::string(end - begin, 'x'));  // ASCII: the verdict is that of the few bytes alone
  for (const TextKernel& kernel : text_kernels()) {
    SCOPED_TRACE(kernel.name);
    for (const std::size_t edge : {begin + 3, 64UL, 128UL, 320UL, 384UL, end}) {  // in the room
      for (std::size_t before = 0; before <= 3; ++before) {
        const std::size_t at = edge - begin - (edge == end ? before + 1 : before);
        const std::size_t count = std::min<std::size_t>(4, surroundings.size() - at);
        for (const auto a : boundary_bytes) {
          for (const auto b : boundary_bytes) {
            for (const auto c : boundary_bytes) {
              for (const auto d : boundary_bytes) {
                const std::array<std::uint8_t, 4> four{a, b, c, d};
                std::ranges::copy(surroundings, room.begin() + begin);
                for (std::size_t i = 0; i < count; ++i)
                  room[begin + at + i] = static_cast<std::uint8_t>(four[i] ^ (key >> (8 * ((at + i) % 4))));
                const bool expected = reference_utf8(ByteView(four).first(count)) == Utf8Verdict::valid;
                ASSERT_EQ(kernel.unmask_text(room.data() + begin, surroundings.size(), key), expected)
                    << "at " << at << ": " << ::testing::PrintToString(four);
              }
            }
          }
        }
      }
    }
  }
}

TEST(TextKernel, EachTakesEveryScalarValueAndRefusesEverySurrogate) {
  for (const TextKernel& kernel : text_kernels()) {
    SCOPED_TRACE(kernel.name);
    std::string packed;
    for (std::uint32_t scalar = 0; scalar <= 0x10FFFF; ++scalar) {
      if (scalar >= 0xD800 && scalar <= 0xDFFF) continue;
      packed += encode_utf8(scalar);
    }
    EXPECT_TRUE(verdict_of(kernel.unmask_text, packed, 0));
    for (std::uint32_t surrogate = 0xD800; surrogate <= 0xDFFF; ++surrogate) {
      std::string text(150, 'x');
      const std::size_t at = surrogate % 148;
      text[at] = static_cast<char>(0xE0 | surrogate >> 12);
      text[at + 1] = static_cast<char>(0x80 | (surrogate >> 6 & 0x3F));
      text[at + 2] = static_cast<char>(0x80 | (surrogate & 0x3F));
      ASSERT_FALSE(verdict_of(kernel.unmask_text, text, 0)) << surrogate;
    }
  }
}

}  // namespace
}  // namespace ringgate::ws
