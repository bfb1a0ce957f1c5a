// What compressed messages mean: blocks of every kind, cut, damaged and out of the ordinary. What they may cost is in
// inflater_limits_test.cc.
#include "ws/inflater.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "deflate_blocks.h"
#include "inflating.h"

namespace ringgate::ws {
namespace {

class InflaterTest : public Inflating {
 protected:
  std::string inflate_bytes(Bytes bytes) { return inflate(bytes); }

  /// By the reference, in the words of inflate().
  static std::string expected(ByteView payload, ByteView history = {}) {
    const Reference reference = inflate_by_reference(payload, text_of(history));
    return reference.valid ? reference.bytes : invalid;
  }
};

TEST_F(InflaterTest, TakesTheExamplesOfTheRfc) {  // RFC 7692 section 7.2.3
  EXPECT_EQ(inflate_bytes({0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00}), "Hello");
  EXPECT_EQ(inflate_bytes({0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00}), "Hello");
  EXPECT_EQ(inflate_bytes({0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00}), "Hello");
  EXPECT_EQ(inflate_bytes({0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00}), "Hello");
  InflateHistory history(15);
  EXPECT_EQ(inflate(Bytes{0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00}, {.bytes_max = no_ceiling}, &history), "Hello");
  EXPECT_EQ(inflate(Bytes{0xF2, 0x00, 0x11, 0x00, 0x00}, {.bytes_max = no_ceiling}, &history), "Hello");
}

TEST_F(InflaterTest, TakesEmptyMessagesOfAnyForm) {
  EXPECT_EQ(inflate_bytes({0x00}), "");                          // K12
  EXPECT_EQ(inflate_bytes({0x02, 0x00}), "");                    // an empty block of fixed codes before
  EXPECT_EQ(inflate_bytes({0x03, 0x00}), "");                    // the same, marked final, and nothing behind
  EXPECT_EQ(inflate_bytes({0x03, 0x00, 0x00}), "");              // and with
  EXPECT_EQ(inflate_bytes({0x01, 0x00, 0x00, 0xFF, 0xFF}), "");  // an empty stored block marked final
  EXPECT_EQ(inflate_bytes({0x01}), "");                          // whose lengths were left off (section 7.2.1, step 3)
}

TEST_F(InflaterTest, RefusesAPayloadOfNoBytes) { EXPECT_EQ(inflate_bytes({}), invalid); }

TEST_F(InflaterTest, RefusesWhatIsNoBlock) {
  EXPECT_EQ(inflate_bytes({0x07}), invalid);  // K13: block type 3
  EXPECT_EQ(inflate_bytes({0x06}), invalid);
  EXPECT_EQ(inflate_bytes({0x00, 0x05, 0x00, 0xFA, 0xFE, 'H', 'e', 'l', 'l', 'o', 0x00}), invalid);  // K14: LEN ≠ ~NLEN
  EXPECT_EQ(inflate_bytes({0x00, 0x00, 0x00, 0x00, 0x00, 0x00}), invalid);
}

/// A block of dynamic codes whose code lengths have these lengths, in the order of RFC 1951 section 3.2.7.
Bytes dynamic_block(std::initializer_list<unsigned> lengths_of_code_lengths) {
  BlockWriter block;
  block.bits(0b100, 3);
  block.bits(0, 10);
  block.bits(static_cast<unsigned>(lengths_of_code_lengths.size()) - 4, 4);
  for (const unsigned length : lengths_of_code_lengths) block.bits(length, 3);
  block.bits(0, 400);
  return block.bytes();
}

TEST_F(InflaterTest, RefusesCodesWithTooManyOrTooFewWords) {    // K15
  EXPECT_EQ(inflate(dynamic_block({1, 1, 1, 0})), invalid);     // one word too many
  EXPECT_EQ(inflate(dynamic_block({2, 2, 2, 0})), invalid);     // one too few
  EXPECT_EQ(inflate(dynamic_block({0, 0, 0, 1, 1})), invalid);  // none for the end of the block
  EXPECT_EQ(inflate(dynamic_block({1, 0, 0, 1})), invalid);     // the same, or a length repeated before there was one
  BlockWriter too_many_literals;
  too_many_literals.bits(0b100, 3);
  too_many_literals.bits(31, 5);
  too_many_literals.bits(0, 400);
  EXPECT_EQ(inflate(too_many_literals.bytes()), invalid);
}

TEST_F(InflaterTest, RefusesSymbolsThatAreReserved) {
  BlockWriter length_286;
  length_286.begin_fixed(Final::no);
  length_286.literal('a');
  length_286.code(0xC6, 8);
  length_286.code(0, 5);
  EXPECT_EQ(inflate(length_286.message()), invalid);
  BlockWriter distance_30;
  distance_30.begin_fixed(Final::no);
  distance_30.literal('a');
  distance_30.code(1, 7);
  distance_30.code(30, 5);
  EXPECT_EQ(inflate(distance_30.message()), invalid);
}

TEST_F(InflaterTest, RefusesReferencesToBeforeTheFirstByte) {  // K16
  for (const unsigned distance : {1U, 2U, 3U, 4U, 257U, 32768U}) {
    const std::string before = random_bytes(distance, distance);
    for (const unsigned missing : {0U, 1U}) {
      BlockWriter blocks;
      blocks.stored(Final::no, std::string_view(before).substr(missing));
      blocks.begin_fixed(Final::no);
      blocks.match(3, distance);
      blocks.end_fixed(Final::no);
      const Bytes payload = blocks.message();
      EXPECT_EQ(inflate(payload), expected(payload)) << distance;
      EXPECT_EQ(inflate(payload) == invalid, missing == 1) << distance;
    }
  }
}

TEST_F(InflaterTest, RefersBackToEarlierMessagesOnlyWhereContextIsKept) {  // K27
  ZlibClient client;
  const std::string text = telemetry(2000);
  const Bytes first = client.deflate(text);
  const Bytes second = client.deflate(text);
  ASSERT_LT(second.size(), first.size() / 4);
  InflateHistory history(15);
  const InflateRules rules{.bytes_max = no_ceiling};
  EXPECT_EQ(inflate(first, rules, &history), text);
  EXPECT_EQ(inflate(second, rules, &history), text);
  EXPECT_EQ(inflate(first), text);
  EXPECT_EQ(inflate(second), invalid);
}

TEST_F(InflaterTest, KeepsConnectionsApart) {
  constexpr std::size_t connections_count = 5;
  std::array<ZlibClient, connections_count> clients;
  std::vector<InflateHistory> histories(connections_count, InflateHistory(15));
  std::mt19937 random(11);
  for (unsigned message = 0; message < 500; ++message) {
    const std::size_t from = random() % connections_count;
    const std::string text = telemetry(1 + random() % 3000, message % 10);
    ASSERT_EQ(inflate(clients[from].deflate(text), {.bytes_max = no_ceiling}, &histories[from]), text) << message;
  }
}

TEST_F(InflaterTest, GoesOnBehindABlockMarkedFinal) {  // K17, K18
  BlockWriter blocks;
  blocks.stored(Final::yes, "one,");
  blocks.begin_fixed(Final::yes);
  blocks.literals("two,");
  blocks.match(4, 8);  // what went before a final block is still in the window
  blocks.end_fixed(Final::yes);
  blocks.stored(Final::no, "three,");
  blocks.densest(1);
  blocks.begin_fixed(Final::yes);
  blocks.match(3, 5);
  blocks.end_fixed(Final::yes);
  const std::string text = "one,two,one,three," + std::string(259, 'a') + "aaa";
  EXPECT_EQ(inflate(blocks.bytes()), text);
  EXPECT_EQ(inflate(blocks.message()), text);
  Bytes undecodable = blocks.bytes();
  undecodable.back() = 0x07;
  EXPECT_EQ(inflate(undecodable), invalid);
}

TEST_F(InflaterTest, RefersBackAcrossFinalBlocksAndMessages) {
  const std::string before = random_bytes(32768 - 100, 5);
  InflateHistory history(15);
  BlockWriter first;
  first.stored(Final::yes, before);
  EXPECT_EQ(inflate(first.bytes(), {.bytes_max = no_ceiling}, &history), before);
  BlockWriter second;
  second.stored(Final::yes, std::string(100, '.'));
  second.begin_fixed(Final::yes);
  second.match(10, 32768);
  second.end_fixed(Final::yes);
  second.begin_fixed(Final::no);
  second.match(10, 32768);
  second.end_fixed(Final::no);
  EXPECT_EQ(inflate(second.message(), {.bytes_max = no_ceiling}, &history), std::string(100, '.') + before.substr(0, 20));
}

TEST_F(InflaterTest, RefusesDataThatTheLeftOffBytesWouldComplete) {
  for (unsigned missing = 1; missing <= 4; ++missing) {
    BlockWriter block;
    block.stored_header(Final::no, 4 + missing, ~(4 + missing));
    block.bits(0x64636261, 32);
    EXPECT_EQ(inflate(block.bytes()), invalid) << missing << " bytes missing";
  }
  EXPECT_EQ(inflate_bytes({0x00, 0x00}), invalid);
  EXPECT_EQ(inflate_bytes({0x00, 0x00, 0x00}), invalid);
  EXPECT_EQ(inflate_bytes({0x00, 0x00, 0x00, 0xFF}), invalid);
  EXPECT_EQ(inflate_bytes({0x00, 0x00, 0x00, 0xFF, 0xFF}), invalid);  // ends with a whole block, but not the one left off
  BlockWriter unfinished;
  unfinished.begin_fixed(Final::no);
  unfinished.literals("Hello");
  EXPECT_EQ(inflate(unfinished.bytes()), expected(unfinished.bytes()));
  EXPECT_EQ(inflate(unfinished.bytes()), invalid);
}

TEST_F(InflaterTest, RefusesMessagesCutInsideABlock) {  // K19
  BlockWriter hand_made;
  hand_made.stored(Final::yes, "stored");
  hand_made.begin_fixed(Final::no);
  hand_made.literals("fixed");
  hand_made.match(5, 3);
  hand_made.end_fixed(Final::no);
  hand_made.densest(3);
  hand_made.stored(Final::no, "");
  ZlibClient dynamic({.level = 6});
  ZlibClient fixed({.level = 6, .strategy = Z_FIXED});
  ZlibClient stored({.level = 0});
  for (const Bytes& payload : {hand_made.message(), dynamic.deflate(telemetry(3000)), fixed.deflate(telemetry(500)),
                               stored.deflate(random_bytes(300, 1))}) {
    const std::string whole = inflate(payload);
    ASSERT_EQ(whole, expected(payload));
    std::size_t taken_count = 0;
    for (std::size_t length = 0; length < payload.size(); ++length) {
      const ByteView cut = ByteView{payload}.first(length);
      const std::string text = inflate(cut);
      ASSERT_EQ(text, expected(cut)) << "cut after " << length << " of " << payload.size();
      if (text == invalid) continue;
      ++taken_count;
      ASSERT_TRUE(whole.starts_with(text)) << length;
    }
    EXPECT_LT(taken_count, 6U);  // between blocks, where a sender might have ended, too
  }
}

/// Of one kind or another, valid.
Bytes some_message(std::mt19937& random, ByteView* history, std::string& earlier) {
  const auto size = 1 + random() % (random() % 8 == 0 ? 5000 : 300);
  const std::string text = random() % 3 == 0 ? random_bytes(size, random()) : telemetry(size, random() % 9);
  ZlibClient client({.level = static_cast<int>(random() % 10), .strategy = random() % 4 == 0 ? Z_FIXED : Z_DEFAULT_STRATEGY});
  earlier.clear();
  if (random() % 2 == 0) {
    earlier = telemetry(1 + random() % 2000, random() % 9);
    client.deflate(earlier);
  }
  *history = bytes_of(earlier);
  return client.deflate(text);
}

TEST_F(InflaterTest, AgreesWithTheReferenceOnDamagedMessages) {
  std::size_t taken_count = 0;
  constexpr unsigned rounds_count = 10'000;
  for (unsigned seed = 0; seed < rounds_count; ++seed) {
    std::mt19937 random(seed);
    std::string earlier;
    ByteView before;
    Bytes payload = some_message(random, &before, earlier);
    for (auto damages_count = random() % 3; damages_count > 0; --damages_count) {
      payload[random() % payload.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
    }
    if (random() % 4 == 0) payload.resize(random() % payload.size());
    InflateHistory history(15);
    history.append(before);
    const std::string text = inflate(payload, {.bytes_max = no_ceiling}, &history);
    ASSERT_EQ(text, expected(payload, before)) << "seed " << seed;
    if (text != invalid) ++taken_count;
  }
  EXPECT_GT(taken_count, rounds_count / 4);
  EXPECT_LT(taken_count, 3 * rounds_count / 4);
}

TEST_F(InflaterTest, TakesMessagesAfterAnyFault) {
  ZlibClient client;
  const std::string text = telemetry(1000);
  const Bytes good = client.deflate(text);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0xFF;
    inflate(bad);
    ASSERT_EQ(inflate(good), text) << i;
  }
}

}  // namespace
}  // namespace ringgate::ws
