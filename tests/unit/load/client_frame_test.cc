#include "load/client_frame.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "load/random.h"

namespace ringgate::load {
namespace {

// What RFC 6455 section 5.2 and 5.3 say, byte by byte.
std::string reference_frame(const ClientFrame& frame, const std::array<std::uint8_t, 4>& key) {
  std::string out;
  const std::size_t size = frame.payload.size();
  out += static_cast<char>((frame.fin ? 0x80 : 0) | static_cast<int>(frame.opcode));
  if (size <= 125) {
    out += static_cast<char>(0x80 | size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(0x80 | 126);
    for (int shift = 8; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  for (const std::uint8_t byte : key) out += static_cast<char>(byte);
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(frame.payload[i] ^ key[i % 4]);
  return out;
}

TEST(ClientFrame, MatchesTheReferenceAtEverySize) {
  constexpr std::uint64_t seed = 21;
  RecordProperty("seed", static_cast<int>(seed));
  Random random(seed);
  std::vector<std::uint8_t> payload(65'540);
  random.fill(payload);
  const auto check = [&](std::size_t size, bool fin) {
    const auto key = static_cast<std::uint32_t>(random.next());
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &key, sizeof key);
    const ClientFrame frame{Opcode::text, fin, ByteView(payload).first(size)};
    std::string out = "before";
    append_frame(out, frame, key);
    ASSERT_EQ(out, "before" + reference_frame(frame, bytes)) << size;
  };
  for (std::size_t size = 0; size <= 300; ++size) check(size, size % 2 == 0);
  for (std::size_t size = 65'530; size <= 65'540; ++size) check(size, true);
}

}  // namespace
}  // namespace ringgate::load
