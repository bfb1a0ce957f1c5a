// Whether references beyond an agreed window are found: made by hand, one byte within and one beyond, and against the reference
// on what zlib makes with its full window.
#include "ws/window_check.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "deflate_blocks.h"
#include "inflating.h"

namespace ringgate::ws {
namespace {

/// What stands before the one reference of a message, and what it is made of.
enum class Filler { stored, fixed, final_stored, final_fixed };

constexpr Filler fillers[] = {Filler::stored, Filler::fixed, Filler::final_stored, Filler::final_fixed};

void fill(BlockWriter& blocks, Filler filler, std::string_view text) {
  const bool is_final = filler == Filler::final_stored || filler == Filler::final_fixed;
  const Final final = is_final ? Final::yes : Final::no;
  if (filler == Filler::stored || filler == Filler::final_stored) return blocks.stored(final, text);
  blocks.begin_fixed(final);
  blocks.literals(text);
  blocks.end_fixed(final);
}

/// `text`, then `length` bytes from `distance` back.
Bytes message(Filler filler, std::string_view text, unsigned length, unsigned distance) {
  BlockWriter blocks;
  fill(blocks, filler, text);
  blocks.begin_fixed(Final::no);
  blocks.match(length, distance);
  blocks.end_fixed(Final::no);
  return blocks.message();
}

class WindowCheck : public Inflating {
 protected:
  /// True if the message is good for an Inflater that was told of the window.
  bool taken(ByteView payload, std::uint8_t bits, InflateHistory* history = nullptr) {
    const std::string text = inflate(payload, {.bytes_max = no_ceiling, .window_bits = bits}, history);
    EXPECT_TRUE(text == invalid || text.front() != '<') << text;
    return text != invalid;
  }
};

TEST_F(WindowCheck, KnowsTheLastByteOfTheWindowInOneMessage) {
  for (std::uint8_t bits = window_bits_min; bits < window_bits_max; ++bits) {
    const unsigned window = 1U << bits;
    const std::string text = "-" + random_bytes(2 * window + 10, bits);
    for (const Filler filler : fillers) {
      for (const unsigned length : {3U, 4U, 258U}) {
        EXPECT_TRUE(taken(message(filler, text, length, window), bits)) << int{bits};
        EXPECT_FALSE(taken(message(filler, text, length, window + 1), bits)) << int{bits};
        EXPECT_FALSE(taken(message(filler, text, length, 2 * window), bits)) << int{bits};
      }
    }
  }
}

TEST_F(WindowCheck, KnowsTheLastByteOfTheWindowAcrossMessages) {
  for (std::uint8_t bits = window_bits_min; bits < window_bits_max; ++bits) {
    const unsigned window = 1U << bits;
    const std::string earlier = random_bytes(2 * window, bits);
    for (const Filler filler : fillers) {
      for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{window} - 1, std::size_t{window} + 5}) {
        const std::string text = "-" + random_bytes(size, bits + 1U);
        InflateHistory history(bits);
        history.append(bytes_of(earlier));
        EXPECT_TRUE(taken(message(filler, text, 10, window), bits, &history)) << int{bits} << " " << size;
        EXPECT_FALSE(taken(message(filler, text, 10, window + 1), bits, &history)) << int{bits} << " " << size;
      }
    }
  }
}

TEST_F(WindowCheck, SeesReferencesBehindManyFinalBlocks) {
  const std::uint8_t bits = 10;
  const unsigned window = 1U << bits;
  for (const unsigned distance : {window, window + 1}) {
    BlockWriter blocks;
    for (unsigned i = 0; i < 300; ++i) fill(blocks, fillers[i % 4], "telemetry-" + std::to_string(1000 + i));
    blocks.begin_fixed(Final::yes);
    blocks.match(50, distance);
    blocks.end_fixed(Final::yes);
    fill(blocks, Filler::fixed, "and more");
    EXPECT_EQ(taken(blocks.message(), bits), distance == window);
  }
}

TEST_F(WindowCheck, RefusesReferencesToBeforeTheFirstByte) {
  EXPECT_TRUE(taken(message(Filler::fixed, "-234567890", 3, 10), 8));
  EXPECT_FALSE(taken(message(Filler::fixed, "-234567890", 3, 11), 8));
  EXPECT_FALSE(taken(message(Filler::final_fixed, "-234567890", 3, 11), 8));
  InflateHistory history(8);
  history.append(bytes_of("before"));
  EXPECT_TRUE(taken(message(Filler::fixed, "-234567890", 3, 16), 8, &history));
  EXPECT_FALSE(taken(message(Filler::fixed, "-234567890", 3, 40), 8, &history));
}

// An Inflater asks only of messages that it could inflate; of any other the answer must be no, and not a read behind the end.
TEST_F(WindowCheck, RefusesAMessageWithoutEnd) {
  BlockWriter blocks;
  blocks.stored_header(Final::no, 1000, 65'535 - 1000);
  EXPECT_FALSE(stays_in_window(blocks.message(), {}, window_bits_min));
}

TEST_F(WindowCheck, TakesMessagesOfEveryEnd) {
  EXPECT_TRUE(stays_in_window(Bytes{0x00}, {}, 8));
  EXPECT_TRUE(stays_in_window(Bytes{0x01}, {}, 8));
  EXPECT_TRUE(stays_in_window(Bytes{0x03, 0x00}, {}, 8));
  EXPECT_TRUE(stays_in_window(Bytes{0x03, 0x00, 0x00}, {}, 8));
  EXPECT_TRUE(stays_in_window(Bytes{0x03, 0x00, 0x03, 0x00}, bytes_of("before"), 8));
}

/// A client that heeds no window: any level, any kind of text, with context or without.
struct Sample {
  std::string text;
  std::string earlier;
  Bytes payload;
};

Sample sample(std::mt19937& random) {
  const auto size = 1 + random() % (random() % 16 == 0 ? 40'000 : 4000);
  const auto some_text = [&](std::size_t bytes) {
    switch (random() % 3) {
      case 0: return telemetry(bytes, random() % 9);
      case 1: return random_bytes(bytes, random());
      default: {
        std::string text = random_bytes(1 + random() % bytes, random());
        while (text.size() < bytes) text += text;
        text.resize(bytes);
        return text;
      }
    }
  };
  Sample made{.text = some_text(size), .earlier = {}, .payload = {}};
  ZlibClient client({.level = 1 + static_cast<int>(random() % 9), .strategy = random() % 4 == 0 ? Z_FIXED : Z_DEFAULT_STRATEGY});
  if (random() % 2 == 0) {
    made.earlier = random() % 2 == 0 ? made.text : some_text(1 + random() % 4000);
    client.deflate(made.earlier);
  }
  made.payload = client.deflate(made.text);
  return made;
}

TEST_F(WindowCheck, AgreesWithTheReferenceOnTenThousandMessages) {
  std::size_t within_count = 0;
  std::size_t checks_count = 0;
  for (unsigned seed = 0; seed < 10'000; ++seed) {
    std::mt19937 random(seed);
    const Sample made = sample(random);
    const Reference reference = inflate_by_reference(made.payload, made.earlier);
    ASSERT_TRUE(reference.valid) << "seed " << seed;
    ASSERT_EQ(reference.bytes, made.text) << "seed " << seed;
    // The windows on both sides of the furthest reference, where the answer changes.
    std::uint8_t bits = window_bits_min;
    while (bits < window_bits_max - 1 && (std::size_t{1} << bits) < reference.farthest) ++bits;
    for (const int near : {bits - 1, bits + 0, bits + 1}) {
      if (near < window_bits_min || near >= window_bits_max) continue;
      const std::size_t window = std::size_t{1} << near;
      const std::size_t kept = std::min(made.earlier.size(), window);
      const bool within = reference.farthest <= window;
      ASSERT_EQ(stays_in_window(made.payload, bytes_of(made.earlier).last(kept), static_cast<std::uint8_t>(near)), within)
          << "seed " << seed << ", window bits " << near << ", furthest " << reference.farthest;
      within_count += within ? 1U : 0U;
      ++checks_count;
    }
  }
  EXPECT_GT(within_count, checks_count / 4);
  EXPECT_LT(within_count, 3 * checks_count / 4);
}

/// In steps of one symbol, and in an allocation of its very size, so that AddressSanitizer sees a read behind its end.
bool stays_in_window_by_steps(const std::vector<std::uint8_t>& payload, std::uint8_t window_bits) {
  WindowChecker checker;
  checker.start(window_bits, 0);
  auto answer = WindowChecker::Answer::goes_on;
  while (answer == WindowChecker::Answer::goes_on) answer = checker.resume(payload, 1);
  return answer == WindowChecker::Answer::stays;
}

TEST_F(WindowCheck, JudgesGarbageAlikeInOneCallAndInMany) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (unsigned i = 0; i < 200'000; ++i) {
    std::vector<std::uint8_t> payload(1 + random() % 48);
    for (std::uint8_t& byte : payload) byte = static_cast<std::uint8_t>(random());
    // Half of them begin with a block that has codes of its own.
    if (i % 2 == 0) payload[0] = static_cast<std::uint8_t>((payload[0] & 0xF9U) | 4U);
    ASSERT_EQ(stays_in_window(payload, {}, 9), stays_in_window_by_steps(payload, 9)) << testing::PrintToString(payload);
  }
}

TEST_F(WindowCheck, RefusesABlockOfTheReservedType) {
  for (const std::uint8_t first : {std::uint8_t{6}, std::uint8_t{7}})
    EXPECT_FALSE(stays_in_window(std::vector<std::uint8_t>{first, 0, 0}, {}, 9));
}

}  // namespace
}  // namespace ringgate::ws
