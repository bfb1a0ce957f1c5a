// Compression and decompression against each other and against zlib's own compressor.
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

#include "ws/deflate_parameters.h"
#include "ws/deflater.h"
#include "ws/inflater.h"
#include "ws/window_check.h"

namespace ringgate::ws {
namespace {

std::string random_octets(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string octets(size, '\0');
  for (char& octet : octets) octet = static_cast<char>(random());
  return octets;
}

/// Text that compresses well and has references at many distances.
std::string telemetry(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    text += "{\"device\":\"th-" + std::to_string(random() % 50) + "\",\"value\":" + std::to_string(random() % 10000) + "},";
  }
  text.resize(size);
  return text;
}

class Inflating : public testing::Test {
 protected:
  static constexpr std::uint64_t no_ceiling = 1 << 30;

  /// The inflated text, or the violation as its number in angle brackets.
  std::string inflate(ByteView payload, InflateRules rules = {.bytes_max = no_ceiling}, InflateHistory* history = nullptr) {
    const auto result = inflater_.inflate(payload, rules, history);
    if (!result) return "<" + std::string(facts_of(result.error()).reason) + ">";
    std::string text(text_of(result->payload));
    pool_.recycle(result->buffer);
    return text;
  }

  AssemblyPool pool_{std::size_t{1} << 31};
  Inflater inflater_{pool_};
  Deflater deflater_;
};

TEST_F(Inflating, GivesBackWhatWasDeflatedWithEveryWindow) {
  for (const std::size_t size :
       {1, 2, 63, 64, 255, 256, 257, 511, 512, 513, 1000, 4096, 32768, 65535, 65536, 100'000, 1'000'000}) {
    for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
      for (const std::string& text : {telemetry(size), random_octets(size, bits), std::string(size, 'x')}) {
        const ByteView payload = deflater_.deflate(bytes_of(text), bits);
        ASSERT_EQ(inflate(payload, {.bytes_max = size, .window_bits = bits}), text) << size << " octets, window " << int{bits};
      }
    }
  }
}

TEST_F(Inflating, GivesBackWhatAContextDeflatedMessageByMessage) {
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    for (const std::uint8_t level : {std::uint8_t{1}, std::uint8_t{8}, std::uint8_t{9}}) {
      const auto context = DeflateContext::make({.window_bits = bits, .memory_level = level});
      InflateHistory history(bits);
      std::vector<std::uint8_t> payload;
      std::mt19937 random(bits * 16U + level);
      for (unsigned message = 0; message < 200; ++message) {
        const std::string text =
            message % 7 == 6 ? random_octets(1 + random() % 3000, message) : telemetry(1 + random() % 3000, message % 5);
        context->deflate(bytes_of(text), payload);
        ASSERT_EQ(inflate(payload, {.bytes_max = no_ceiling, .window_bits = bits}, &history), text)
            << "message " << message << ", window " << int{bits} << ", memory level " << int{level};
      }
    }
  }
}

TEST_F(Inflating, FollowsAContextThatWasToldOfMessagesDeflatedElsewhere) {
  for (std::uint8_t bits = window_bits_min; bits <= window_bits_max; ++bits) {
    const auto context = DeflateContext::make({.window_bits = bits});
    InflateHistory history(bits);
    std::vector<std::uint8_t> own;
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

TEST_F(Inflating, StopsAtTheFirstOctetOverTheCeiling) {
  for (const std::size_t size : {125, 511, 512, 513, 1024, 65536, 1 << 20}) {
    const std::string text(size, 'a');
    const ByteView payload = deflater_.deflate(bytes_of(text), 15);
    EXPECT_EQ(inflate(payload, {.bytes_max = size}), text);
    EXPECT_EQ(inflate(payload, {.bytes_max = size - 1}), "<message too big>") << size;
  }
}

}  // namespace
}  // namespace ringgate::ws
