// What the gate compresses: it inflates to what went in, keeps to its window, and fits the room and the memory reckoned for it.
#include "ws/deflater.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "inflating.h"

namespace ringgate::ws {
namespace {

class DeflaterTest : public Inflating {
 protected:
  /// Text, noise, or one byte over and over.
  static std::string some_text(std::size_t size, unsigned kind) {
    if (kind % 3 == 0) return telemetry(size, kind);
    return kind % 3 == 1 ? random_bytes(size, kind) : std::string(size, 'x');
  }

  Deflater deflater_;
};

using DeflateContextTest = DeflaterTest;

TEST_F(DeflaterTest, GivesBackTheRoomOfALargeMessage) {
  const std::string large = some_text(4'000'000, 1);
  const std::size_t large_size = deflater_.deflate(bytes_of(large), window_bits_max).size();
  EXPECT_GT(large_size, 3'000'000U);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(inflate(deflater_.deflate(bytes_of("small"), window_bits_max)), "small");
}

TEST_F(DeflaterTest, GivesUpOnMoreThanItCanCount) {
  const AddressSpace beyond_32_bits(std::size_t{1} << 32);
  EXPECT_TRUE(deflater_.deflate(beyond_32_bits.view(), window_bits_max).empty());
}

TEST_F(DeflaterTest, GivesBackWhatWentInWithEveryWindow) {
  for (const std::size_t size :
       {1U, 2U, 63U, 64U, 255U, 256U, 257U, 511U, 512U, 513U, 1000U, 4096U, 32768U, 65535U, 65536U, 100'000U, 1'000'000U}) {
    for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
      for (unsigned kind = 0; kind < 3; ++kind) {
        const std::string text = some_text(size, kind);
        ASSERT_EQ(inflate(deflater_.deflate(bytes_of(text), bits), {.bytes_max = size, .window_bits = bits}), text)
            << size << " bytes, window " << int{bits};
      }
    }
  }
}

/// Sizes at which what cannot be compressed takes most room for its number of bytes.
std::vector<std::size_t> awkward_sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 1; size <= 2000; ++size) sizes.push_back(size);
  for (const std::size_t multiple : {1U, 2U}) {
    for (std::size_t size = multiple * 65536 - 6; size <= multiple * 65536 + 6; ++size) sizes.push_back(size);
  }
  return sizes;
}

TEST_F(DeflaterTest, HasRoomForWhatCannotBeCompressed) {
  for (const std::size_t size : awkward_sizes()) {
    const std::string noise = random_bytes(size, size);
    for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
      const ByteView payload = deflater_.deflate(bytes_of(noise), bits);
      ASSERT_LE(payload.size(), size + size / 64 + 512);
      ASSERT_EQ(inflate(payload), noise) << size << " bytes, window " << int{bits};
    }
  }
}

TEST_F(DeflaterTest, RefersNoFurtherBackThanItsWindow) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const std::string period = random_bytes(1 + random() % 40'000, seed);  // what comes again lies exactly so far back
    const std::string text = period + period + telemetry(500, seed);
    for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
      const Reference reference = inflate_by_reference(deflater_.deflate(bytes_of(text), bits));
      ASSERT_EQ(reference.bytes, text) << "seed " << seed;
      ASSERT_LE(reference.farthest, std::size_t{1} << bits) << "seed " << seed;
    }
  }
}

TEST_F(DeflaterTest, ForgetsEachMessage) {
  const std::string text = telemetry(3000);
  const Bytes first = [&] {
    const ByteView payload = deflater_.deflate(bytes_of(text), 15);
    return Bytes(payload.begin(), payload.end());
  }();
  for (unsigned kind = 0; kind < 30; ++kind) {
    deflater_.deflate(bytes_of(some_text(1 + 1000 * kind, kind)), static_cast<std::uint8_t>(8 + kind % 8));
    const ByteView again = deflater_.deflate(bytes_of(text), 15);
    ASSERT_EQ(Bytes(again.begin(), again.end()), first) << kind;
  }
}

TEST_F(DeflateContextTest, GivesBackWhatWentInMessageByMessage) {
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    for (std::uint8_t level = 1; level <= 9; ++level) {
      const auto context = DeflateContext::make({.window_bits = bits, .memory_level = level});
      InflateHistory history(bits);
      Bytes payload;
      std::mt19937 random(bits * 16U + level);
      for (unsigned message = 0; message < 100; ++message) {
        const std::string text =
            message % 7 == 6 ? random_bytes(1 + random() % 3000, message) : telemetry(1 + random() % 3000, message % 5);
        context->deflate(bytes_of(text), payload);
        ASSERT_EQ(inflate(payload, {.bytes_max = no_ceiling, .window_bits = bits}, &history), text)
            << "message " << message << ", window " << int{bits} << ", memory level " << int{level};
      }
    }
  }
}

TEST_F(DeflateContextTest, RefersNoFurtherBackThanItsWindow) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const std::string period = random_bytes(1 + random() % 600, seed);
    for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
      const auto context = DeflateContext::make({.window_bits = bits});
      const std::size_t window = std::size_t{1} << bits;
      std::string before;
      Bytes payload;
      for (unsigned message = 0; message < 10; ++message) {
        const std::string text = message % 2 == 0 ? period : telemetry(1 + random() % window, seed);
        context->deflate(bytes_of(text), payload);
        const Reference reference = inflate_by_reference(payload, before);
        ASSERT_EQ(reference.bytes, text) << "seed " << seed << ", message " << message;
        ASSERT_LE(reference.farthest, window) << "seed " << seed << ", message " << message;
        before += text;
      }
    }
  }
}

TEST_F(DeflateContextTest, HasRoomForWhatCannotBeCompressed) {
  for (const DeflateContextOptions options :
       {DeflateContextOptions{.window_bits = 8, .memory_level = 1}, DeflateContextOptions{.window_bits = 9, .memory_level = 2},
        DeflateContextOptions{.window_bits = 12, .memory_level = 9}, DeflateContextOptions{}}) {
    const auto context = DeflateContext::make(options);
    InflateHistory history(options.window_bits);
    Bytes payload;
    for (const std::size_t size : awkward_sizes()) {
      const std::string noise = random_bytes(size, size);
      context->deflate(bytes_of(noise), payload);
      ASSERT_EQ(inflate(payload, {.bytes_max = size, .window_bits = options.window_bits}, &history), noise)
          << size << " bytes, window " << int{options.window_bits} << ", memory level " << int{options.memory_level};
    }
  }
}

TEST_F(DeflateContextTest, KnowsOfMessagesDeflatedElsewhere) {
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    const auto context = DeflateContext::make({.window_bits = bits});
    InflateHistory history(bits);
    Bytes own;
    std::mt19937 random(bits);
    for (unsigned message = 0; message < 200; ++message) {
      const std::string text = telemetry(1 + random() % (message % 10 == 0 ? 70'000 : 2000), message % 4);
      ByteView payload;
      if (random() % 2 == 0) {
        payload = deflater_.deflate(bytes_of(text), bits);
        context->note_sent(bytes_of(text));
      } else {
        context->deflate(bytes_of(text), own);
        payload = own;
      }
      ASSERT_EQ(inflate(payload, {.bytes_max = no_ceiling, .window_bits = bits}, &history), text)
          << "message " << message << ", window " << int{bits};
    }
  }
}

TEST_F(DeflateContextTest, RefersToWhatWasDeflatedElsewhere) {
  const std::string noise = random_bytes(400, 1);
  const auto context = DeflateContext::make({});
  context->note_sent(bytes_of(noise));
  Bytes payload;
  context->deflate(bytes_of(noise), payload);
  EXPECT_LT(payload.size(), 40U);
}

TEST_F(DeflateContextTest, TakesTheMemoryItSays) {
  const std::size_t probe_before = mallinfo2().uordblks;
  const auto probe = std::make_unique<std::uint8_t[]>(10'000);
  *static_cast<volatile std::uint8_t*>(probe.get()) = 1;  // or a compiler may leave the allocation out
  if (mallinfo2().uordblks == probe_before) GTEST_SKIP() << "mallinfo2 tells nothing of this allocator";
  constexpr std::size_t contexts_count = 64;
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    for (std::uint8_t level = 1; level <= 9; ++level) {
      const DeflateContextOptions options{.window_bits = bits, .memory_level = level};
      std::vector<std::unique_ptr<DeflateContext>> contexts;
      contexts.reserve(contexts_count);
      const auto taken = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
      const std::size_t before = taken();
      for (std::size_t i = 0; i < contexts_count; ++i) contexts.push_back(DeflateContext::make(options));
      const double measured = static_cast<double>(taken() - before) / contexts_count;
      EXPECT_NEAR(static_cast<double>(DeflateContext::memory_bytes(options)), measured, 0.05 * measured)
          << "window " << int{bits} << ", memory level " << int{level};
    }
  }
}

}  // namespace
}  // namespace ringgate::ws
