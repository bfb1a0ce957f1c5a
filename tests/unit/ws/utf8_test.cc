#include "ws/utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "utf8_reference.h"

namespace ringgate::ws {
namespace {

using testing::encode_utf8;
using testing::reference_utf8;
using testing::Utf8Verdict;

// Every edge of the second-byte ranges and of the lead bytes.
constexpr std::uint8_t boundary_bytes[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                           0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};

/// Feeds piece by piece and checks the verdict after each against the reference over all bytes so far.
void expect_stream_follows_reference(ByteView text, std::size_t cut) {
  Utf8Stream stream;
  std::size_t end = 0;
  for (const ByteView piece : {text.first(cut), text.subspan(cut)}) {
    end += piece.size();
    const Utf8Verdict expected = reference_utf8(text.first(end));
    const bool good = stream.feed(piece);
    ASSERT_EQ(good, expected != Utf8Verdict::invalid)
        << ::testing::PrintToString(std::vector<std::uint8_t>(text.begin(), text.end())) << " cut " << cut;
    if (!good) return;
    ASSERT_EQ(stream.complete(), expected == Utf8Verdict::valid);
  }
}

TEST(Utf8Stream, FollowsTheReferenceForEveryFourBoundaryBytesInEveryCut) {
  std::vector<std::uint8_t> text(4);
  for (const auto a : boundary_bytes) {
    for (const auto b : boundary_bytes) {
      for (const auto c : boundary_bytes) {
        for (const auto d : boundary_bytes) {
          text = {a, b, c, d};
          ASSERT_EQ(valid_utf8(text), reference_utf8(text) == Utf8Verdict::valid);
          for (std::size_t cut = 0; cut <= text.size(); ++cut) expect_stream_follows_reference(text, cut);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(Utf8Stream, FollowsTheReferenceForRandomTextsInRandomCuts) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000 && !HasFatalFailure(); ++round) {
    std::string text;
    while (text.size() < random() % 200) {
      const auto scalar = static_cast<std::uint32_t>(random() % (1U << (7 + random() % 15)));
      if (scalar <= 0x10FFFF && (scalar < 0xD800 || scalar > 0xDFFF)) text += encode_utf8(scalar);
    }
    if (!text.empty() && random() % 2 == 0) text[random() % text.size()] = static_cast<char>(random());
    expect_stream_follows_reference(bytes_of(text), random() % (text.size() + 1));
  }
}

TEST(Utf8Stream, I18_TakesEveryScalarValueAloneAndPacked) {
  std::string packed;
  std::size_t count = 0;
  for (std::uint32_t scalar = 0; scalar <= 0x10FFFF; ++scalar) {
    if (scalar >= 0xD800 && scalar <= 0xDFFF) continue;
    const std::string alone = encode_utf8(scalar);
    ASSERT_TRUE(valid_utf8(bytes_of(alone))) << scalar;
    for (std::size_t cut = 0; cut <= alone.size(); ++cut) {
      Utf8Stream stream;
      ASSERT_TRUE(stream.feed(bytes_of(alone).first(cut)) && stream.feed(bytes_of(alone).subspan(cut))) << scalar;
      ASSERT_TRUE(stream.complete());
    }
    packed += alone;
    ++count;
  }
  EXPECT_EQ(count, 1'112'064U);
  EXPECT_TRUE(valid_utf8(bytes_of(packed)));
}

TEST(Utf8Stream, RefusesEverySurrogate) {
  for (std::uint32_t scalar = 0xD800; scalar <= 0xDFFF; ++scalar) {
    EXPECT_FALSE(valid_utf8(bytes_of(encode_utf8(scalar))));
    Utf8Stream stream;
    EXPECT_FALSE(stream.feed(bytes_of(encode_utf8(scalar)).first(2))) << "at the second byte";
  }
}

TEST(Utf8Stream, I14_RefusesBeforeTheCharacterIsComplete) {
  Utf8Stream stream;
  const std::vector<std::uint8_t> lead{0xF4};
  const std::vector<std::uint8_t> beyond{0x90};
  EXPECT_TRUE(stream.feed(lead));
  EXPECT_FALSE(stream.complete());
  EXPECT_FALSE(stream.feed(beyond));
}

TEST(Utf8Stream, AnAsciiPieceInsideACharacterIsRefused) {
  Utf8Stream stream;
  const std::vector<std::uint8_t> lead{0xC3};
  ASSERT_TRUE(stream.feed(lead));
  EXPECT_TRUE(stream.feed_ascii({}));
  EXPECT_FALSE(stream.feed_ascii(bytes_of("a")));
}

}  // namespace
}  // namespace ringgate::ws
