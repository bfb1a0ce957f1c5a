#include "ws/masking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace ringgate::ws {
namespace {

constexpr MaskingKey key = 0xD49A3F71;
constexpr std::size_t margin = 80;
constexpr std::uint8_t untouched = 0x5C;

/// Bytes that unmask to ASCII, but for one at `high_index` if that is inside.
std::vector<std::uint8_t> masked_ascii(std::size_t size, std::size_t phase, std::size_t high_index) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned plain = (i == high_index ? 0x80 : 0) | ((i * 7 + 3) & 0x7F);
    bytes[i] = static_cast<std::uint8_t>(plain ^ (key >> (8 * ((i + phase) % 4))));
  }
  return bytes;
}

struct Result {
  bool high = false;
  std::vector<std::uint8_t> bytes;
  bool operator==(const Result&) const = default;
};

Result by_definition(const std::vector<std::uint8_t>& bytes, std::size_t phase) {
  Result result{false, bytes};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    result.bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ (key >> (8 * ((i + phase) % 4))));
    result.high = result.high || result.bytes[i] >= 0x80;
  }
  return result;
}

/// Runs `unmask_it(dst, src)` in the middle of a buffer at `offset`, in place or into a copy, and checks that
/// nothing else moved.
template <typename Unmask>
Result run(const std::vector<std::uint8_t>& bytes, std::size_t offset, bool in_place, Unmask unmask_it) {
  std::vector<std::uint8_t> target(margin + offset + bytes.size() + margin, untouched);
  std::uint8_t* const dst = target.data() + margin + offset;
  std::vector<std::uint8_t> source(bytes);
  if (in_place) std::ranges::copy(bytes, dst);
  const bool high = unmask_it(dst, in_place ? dst : source.data());
  Result result{high, {dst, dst + bytes.size()}};
  std::fill(dst, dst + bytes.size(), untouched);
  EXPECT_TRUE(std::ranges::all_of(target, [](std::uint8_t byte) { return byte == untouched; }));
  if (!in_place) {
    EXPECT_EQ(source, bytes);
  }
  return result;
}

#if defined(__aarch64__)
TEST(MaskingKernel, IsNeonOnAArch64) {
  ASSERT_EQ(masking_kernels().size(), 2U);
  EXPECT_STREQ(masking_kernels().back().name, "neon");
}
#endif

TEST(MaskingKernel, EachEqualsTheDefinitionAtEveryOffsetAndSize) {
  ASSERT_STREQ(masking_kernels().front().name, "scalar");
  for (const MaskingKernel& kernel : masking_kernels()) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const auto bytes = masked_ascii(size, 0, size / 2);
      const Result expected = by_definition(bytes, 0);
      for (std::size_t offset = 0; offset < 64; ++offset) {
        for (const bool in_place : {true, false}) {
          const auto call = [&](std::uint8_t* dst, const std::uint8_t* src) { return kernel.unmask(dst, src, size, key); };
          ASSERT_EQ(run(bytes, offset, in_place, call), expected) << kernel.name << " " << size << " at " << offset;
        }
      }
    }
  }
}

TEST(Unmask, EqualsTheDefinitionAtEveryOffsetSizeAndPhase) {
  for (std::size_t phase = 0; phase < 4; ++phase) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const auto bytes = masked_ascii(size, phase, size);
      const Result expected = by_definition(bytes, phase);
      ASSERT_FALSE(expected.high);
      for (std::size_t offset = 0; offset < 64; ++offset) {
        const auto in_place = [&](std::uint8_t* dst, const std::uint8_t*) { return unmask({dst, size}, key, phase); };
        const auto copied = [&](std::uint8_t* dst, const std::uint8_t* src) { return unmask_copy(dst, {src, size}, key, phase); };
        ASSERT_EQ(run(bytes, offset, true, in_place), expected) << size << " at " << offset << " phase " << phase;
        ASSERT_EQ(run(bytes, offset, false, copied), expected) << size << " at " << offset << " phase " << phase;
      }
    }
  }
}

TEST(MaskingKernel, EachNoticesAHighByteAtEveryPlace) {
  for (const MaskingKernel& kernel : masking_kernels()) {
    for (std::size_t size = 1; size <= 260; ++size) {
      for (std::size_t high = 0; high <= size; ++high) {
        auto bytes = masked_ascii(size, 0, high);
        ASSERT_EQ(kernel.unmask(bytes.data(), bytes.data(), size, key), high < size)
            << kernel.name << " " << size << " high at " << high;
      }
    }
  }
}

TEST(Unmask, G38_EqualsTheDefinitionAroundSixtyFourKibibytes) {
  for (std::size_t size = 65'530; size <= 65'540; ++size) {
    for (std::size_t phase = 0; phase < 4; ++phase) {
      const auto bytes = masked_ascii(size, phase, size - 1);
      const Result expected = by_definition(bytes, phase);
      for (const std::size_t offset : {0U, 1U, 2U, 3U, 5U, 8U, 13U, 21U, 34U, 55U, 63U}) {
        const auto in_place = [&](std::uint8_t* dst, const std::uint8_t*) { return unmask({dst, size}, key, phase); };
        ASSERT_EQ(run(bytes, offset, true, in_place), expected) << size << " at " << offset;
      }
    }
  }
}

TEST(Unmask, TwiceIsNothing) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 2000);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const auto before = bytes;
    const auto random_key = static_cast<MaskingKey>(random());
    const std::size_t cut = bytes.empty() ? 0 : random() % bytes.size();
    unmask(bytes, random_key);
    unmask(MutableBytes(bytes).first(cut), random_key);
    unmask(MutableBytes(bytes).subspan(cut), random_key, cut);
    ASSERT_EQ(bytes, before);
  }
}

TEST(Unmask, G37_AllZeroKeyLeavesThePayload) {
  std::vector<std::uint8_t> bytes(200, 'x');
  EXPECT_FALSE(unmask(bytes, 0));
  EXPECT_EQ(bytes, std::vector<std::uint8_t>(200, 'x'));
}

}  // namespace
}  // namespace ringgate::ws
