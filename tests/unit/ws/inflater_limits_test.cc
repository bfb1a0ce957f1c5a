// What compressed messages may cost: bytes, memory and time.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "deflate_blocks.h"
#include "inflating.h"
#include "ws/inflater.h"

namespace ringgate::ws {
namespace {

constexpr std::size_t repeats_for(std::size_t size) { return (size - 1) / 258; }

/// `size` bytes, 258 in two bits (K20); `size` is 1 more than a multiple of 258.
Bytes bomb(std::size_t size) {
  BlockWriter blocks;
  blocks.densest(repeats_for(size));
  return blocks.message();
}

class InflaterLimits : public Inflating {};

TEST_F(InflaterLimits, StopsAtTheFirstByteOverTheCeiling) {
  for (const std::size_t repeats : {0U, 1U, 2U, 100U, 254U, 4064U}) {
    const std::size_t size = 1 + 258 * repeats;
    const Bytes payload = bomb(size);
    EXPECT_EQ(inflate(payload, {.bytes_max = size}), std::string(size, 'a'));
    EXPECT_EQ(inflate(payload, {.bytes_max = size + 1}), std::string(size, 'a'));
    EXPECT_EQ(inflate(payload, {.bytes_max = size - 1}), too_big);
  }
  EXPECT_EQ(inflate(Bytes{0x00}, {.bytes_max = 0}), "");
  EXPECT_EQ(inflate(bomb(1), {.bytes_max = 0}), too_big);
}

TEST_F(InflaterLimits, OneVerdictWhereverTheCeilingOnCostIsCrossed) {
  const Bytes payload = bomb(1 + 258 * 3);
  for (const std::uint8_t window_bits : {std::uint8_t{14}, std::uint8_t{15}}) {
    InflateRules rules{.bytes_max = no_ceiling, .window_bits = window_bits};
    ASSERT_EQ(inflate(payload, rules), std::string(1 + 258 * 3, 'a'));
    const std::uint64_t cost = inflater_.cost_ns();
    for (rules.cost_ns_max = 0; rules.cost_ns_max < cost; ++rules.cost_ns_max)
      ASSERT_EQ(inflate(payload, rules), "<decompression too costly>") << rules.cost_ns_max << " of " << cost;
    EXPECT_EQ(inflate(payload, rules), std::string(1 + 258 * 3, 'a'));
  }
}

TEST_F(InflaterLimits, StopsABombOf1032To1) {  // K20
  constexpr std::size_t ceiling = 1 << 20;
  const Bytes payload = bomb(1 + 258 * 400'000);
  ASSERT_GT(103'200'001.0 / static_cast<double>(payload.size()), 1031.0);
  AssemblyPool pool(ceiling + 64 * 1024);  // the pool itself refuses what would cross this
  Inflater inflater(pool);
  EXPECT_EQ(inflate_with(inflater, pool, payload, {.bytes_max = ceiling}, nullptr), too_big);
  EXPECT_EQ(pool.held_bytes(), pool.cached_bytes());
}

TEST_F(InflaterLimits, HoldsNoMoreThanTheCeilingAndSome) {
  for (const std::size_t ceiling : {1U << 10, 1U << 16, 1U << 20, (1U << 20) + 1}) {
    AssemblyPool pool(ceiling + 64 * 1024);
    Inflater inflater(pool);
    for (const std::size_t size : {ceiling / 3, ceiling - 1, ceiling, ceiling + 1, 2 * ceiling}) {
      for (const std::string& text : {std::string(size, 'x'), telemetry(size), random_bytes(size, 3)}) {
        ZlibClient client;
        const std::string result = inflate_with(inflater, pool, client.deflate(text), {.bytes_max = ceiling}, nullptr);
        ASSERT_EQ(result, size > ceiling ? too_big : text) << size << " bytes, ceiling " << ceiling;
        ASSERT_EQ(pool.held_bytes(), pool.cached_bytes());
      }
    }
  }
}

TEST_F(InflaterLimits, StopsABombAfterAThousandGoodMessages) {  // K22
  constexpr std::size_t ceiling = 100'000;
  ZlibClient client;
  InflateHistory history(15);
  AssemblyPool pool(ceiling + 64 * 1024);
  Inflater inflater(pool);
  for (unsigned message = 0; message < 1000; ++message) {
    const std::string text = telemetry(200 + message, message % 7);
    ASSERT_EQ(inflate_with(inflater, pool, client.deflate(text), {.bytes_max = ceiling}, &history), text);
  }
  EXPECT_EQ(inflate_with(inflater, pool, client.deflate(std::string(ceiling + 1, 'a')), {.bytes_max = ceiling}, &history),
            too_big);
  EXPECT_EQ(pool.held_bytes(), pool.cached_bytes());
}

TEST_F(InflaterLimits, CountsBytesOverAllBlocks) {
  BlockWriter blocks;
  for (int i = 0; i < 1000; ++i) blocks.stored(i % 2 == 0 ? Final::no : Final::yes, "0123456789");
  EXPECT_EQ(inflate(blocks.message(), {.bytes_max = 10'000}).size(), 10'000U);
  EXPECT_EQ(inflate(blocks.message(), {.bytes_max = 9'999}), too_big);
}

TEST_F(InflaterLimits, SaysSoWhenMemoryIsOut) {
  const Bytes payload = bomb(1 + 258 * 1000);
  for (const std::size_t pool_bytes : {0U, 100U, 1000U, 10'000U, 100'000U, 258'000U}) {
    AssemblyPool pool(pool_bytes);
    Inflater inflater(pool);
    EXPECT_EQ(inflate_with(inflater, pool, payload, {.bytes_max = no_ceiling}, nullptr), out_of_memory) << pool_bytes;
    EXPECT_EQ(pool.held_bytes(), pool.cached_bytes());
    if (pool_bytes >= 1000) {
      EXPECT_EQ(inflate_with(inflater, pool, bomb(259), {.bytes_max = 259}, nullptr), std::string(259, 'a'));
    }
  }
}

TEST_F(InflaterLimits, GivesUpOnMoreThanItCanCount) {
  const AddressSpace beyond_32_bits(std::size_t{1} << 32);
  EXPECT_EQ(inflate(beyond_32_bits.view()), too_big);
}

TEST_F(InflaterLimits, LeavesNothingBehindARefusedMessage) {
  InflateHistory history(12);
  ZlibClient client;
  const InflateRules rules{.bytes_max = 5000, .window_bits = 12};
  EXPECT_EQ(inflate(client.deflate(telemetry(100)), rules, &history), telemetry(100));
  const std::string before(text_of(history.bytes()));
  BlockWriter far;
  far.stored(Final::no, random_bytes(4900, 1));
  far.begin_fixed(Final::no);
  far.match(3, 4097);
  far.end_fixed(Final::no);
  EXPECT_EQ(inflate(Bytes{0x07}, rules, &history), invalid);
  EXPECT_EQ(inflate(far.message(), rules, &history), invalid);
  EXPECT_EQ(inflate(client.deflate(std::string(5001, 'a')), rules, &history), too_big);
  EXPECT_EQ(text_of(history.bytes()), before);
  EXPECT_EQ(pool_.held_bytes(), pool_.cached_bytes());
}

TEST(InflateHistory, KeepsTheLastBytesOfItsWindow) {
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    const std::size_t window = std::size_t{1} << bits;
    InflateHistory history(bits);
    EXPECT_TRUE(history.bytes().empty());
    std::string all;
    unsigned seed = bits;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, window - 1, std::size_t{1}, std::size_t{77}, window,
                                   window + 1, 3 * window, window / 2, window / 2 + 1}) {
      const std::string text = random_bytes(size, ++seed);
      all += text;
      history.append(bytes_of(text));
      const std::size_t kept = std::min(all.size(), window);
      ASSERT_EQ(text_of(history.bytes()), std::string_view(all).substr(all.size() - kept))
          << int{bits} << " bits, added " << size;
    }
  }
}

TEST_F(InflaterLimits, ReckonsTheSameCostForTheSameMessage) {
  AssemblyPool pool(1 << 20);
  Inflater other(pool);
  const Bytes payload = bomb(1 + 258 * 300);
  inflate(payload);
  inflate_with(other, pool, payload, {.bytes_max = no_ceiling}, nullptr);
  EXPECT_EQ(inflater_.cost_ns(), other.cost_ns());
  EXPECT_GT(inflater_.cost_ns(), 0U);
}

TEST_F(InflaterLimits, ReckonsWithWhatRefusedMessagesCost) {
  inflate(bomb(1 + 258 * 3000), {.bytes_max = 258 * 3000});
  const std::uint64_t refused = inflater_.cost_ns();
  inflate(bomb(1 + 258 * 3000));
  EXPECT_GT(refused, inflater_.cost_ns() * 9 / 10);
}

TEST_F(InflaterLimits, ReckonsWithEachBlockByItsKind) {
  constexpr std::uint64_t blocks_count = 1000;
  const auto cost_of = [&](auto write) {
    BlockWriter blocks;
    for (std::uint64_t i = 0; i < blocks_count; ++i) write(blocks);
    EXPECT_NE(inflate(blocks.message()), invalid);
    return inflater_.cost_ns();
  };
  const std::uint64_t stored = cost_of([](BlockWriter& blocks) { blocks.stored(Final::no, "a"); });
  const std::uint64_t final_stored = cost_of([](BlockWriter& blocks) { blocks.stored(Final::yes, "a"); });
  const std::uint64_t fixed = cost_of([](BlockWriter& blocks) {
    blocks.begin_fixed(Final::no);
    blocks.literal('a');
    blocks.end_fixed(Final::no);
  });
  const std::uint64_t dynamic = cost_of([](BlockWriter& blocks) { blocks.densest(0); });  // at every offset in a byte
  EXPECT_GT(final_stored, stored);
  EXPECT_GT(fixed, stored);
  EXPECT_LT(fixed, 100 * blocks_count);
  EXPECT_GT(dynamic, 1000 * blocks_count);
  EXPECT_LT(dynamic, 1200 * blocks_count);
}

TEST_F(InflaterLimits, ReckonsStoredBytesAsCopied) {
  const std::string text = telemetry(60'000);
  BlockWriter blocks;
  blocks.stored(Final::no, text);
  inflate(blocks.message());
  const std::uint64_t stored = inflater_.cost_ns();
  inflate(ZlibClient().deflate(text));
  EXPECT_LT(10 * stored, inflater_.cost_ns());
}

TEST_F(InflaterLimits, ReckonsWithTheCheckOfTheWindow) {
  const Bytes payload = ZlibClient({.window_bits = 9}).deflate(telemetry(5000));
  inflate(payload);
  const std::uint64_t unchecked = inflater_.cost_ns();
  inflate(payload, {.bytes_max = no_ceiling, .window_bits = 9});
  EXPECT_GT(inflater_.cost_ns(), 2 * unchecked);
}

TEST_F(InflaterLimits, TakesTenThousandEmptyBlocks) {  // K24; bench/deflate_bench.cc says in what time
  BlockWriter blocks;
  for (int i = 0; i < 10'000; ++i) blocks.stored(Final::no, "");
  EXPECT_EQ(inflate(blocks.message(), {.bytes_max = 0}), "");
}

}  // namespace
}  // namespace ringgate::ws
