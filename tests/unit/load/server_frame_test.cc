#include "load/server_frame.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace ringgate::load {
namespace {

constexpr std::uint64_t no_limit = ~std::uint64_t{0} >> 1;

std::vector<std::uint8_t> frame_of(std::uint8_t first, std::uint64_t length, std::size_t length_bytes) {
  std::vector<std::uint8_t> bytes{first};
  if (length_bytes == 0) bytes.push_back(static_cast<std::uint8_t>(length));
  if (length_bytes == 2) bytes.push_back(126);
  if (length_bytes == 8) bytes.push_back(127);
  for (std::size_t left = length_bytes; left > 0; --left) bytes.push_back(static_cast<std::uint8_t>(length >> (8 * (left - 1))));
  for (std::uint64_t i = 0; i < length; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7));
  return bytes;
}

std::optional<FrameFault> fault_of(const FrameVerdict& verdict) {
  const auto* fault = std::get_if<FrameFault>(&verdict);
  return fault == nullptr ? std::nullopt : std::optional(*fault);
}

TEST(ServerFrame, ReadsEverySizeWholeAndCut) {
  struct Row {
    std::uint64_t length;
    std::size_t length_bytes;
  };
  for (const Row row : {Row{0, 0}, Row{1, 0}, Row{125, 0}, Row{126, 2}, Row{65535, 2}, Row{65536, 8}}) {
    auto bytes = frame_of(0x82, row.length, row.length_bytes);
    const std::size_t size = bytes.size();
    bytes.push_back(0xff);  // of the next frame
    for (std::size_t cut = 0; cut < size; cut += (cut < 20 ? 1 : 997)) {
      const auto verdict = parse_server_frame(ByteView(bytes).first(cut), no_limit);
      const auto* more = std::get_if<NeedMore>(&verdict);
      ASSERT_NE(more, nullptr) << row.length << " cut at " << cut;
      EXPECT_GT(more->size, cut);
      EXPECT_LE(more->size, size);
    }
    const auto verdict = parse_server_frame(bytes, no_limit);
    const auto* frame = std::get_if<ServerFrame>(&verdict);
    ASSERT_NE(frame, nullptr) << row.length;
    EXPECT_EQ(frame->opcode, Opcode::binary);
    EXPECT_TRUE(frame->fin);
    EXPECT_EQ(frame->size, size);
    EXPECT_EQ(frame->payload.size(), row.length);
    EXPECT_EQ(frame->payload.data(), bytes.data() + 2 + row.length_bytes);
  }
}

TEST(ServerFrame, JudgesAllTwoByteHeaders) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const bool is_reserved = (first & 0x70) != 0;
      const unsigned opcode = first & 15;
      const bool is_unknown = (opcode > 2 && opcode < 8) || opcode > 10;
      const bool is_masked = second > 127;
      const bool is_control = opcode > 7;
      const bool is_cut = is_control && first < 128;
      const bool is_long = is_control && (second & 127) > 125;
      const std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second)};
      const auto fault = fault_of(parse_server_frame(bytes, no_limit));
      EXPECT_EQ(fault.has_value(), is_reserved || is_unknown || is_masked || is_cut || is_long) << first << ' ' << second;
    }
  }
}

TEST(ServerFrame, NamesTheBrokenRule) {
  const auto fault = [](std::vector<std::uint8_t> bytes, std::uint64_t limit = no_limit) {
    return fault_of(parse_server_frame(bytes, limit));
  };
  EXPECT_EQ(fault({0xc2, 0}), FrameFault::reserved_bits);
  EXPECT_EQ(fault({0x83, 0}), FrameFault::unknown_opcode);
  EXPECT_EQ(fault({0x82, 0x80}), FrameFault::masked);
  EXPECT_EQ(fault({0x09, 0}), FrameFault::control_fragmented);
  EXPECT_EQ(fault({0x89, 126}), FrameFault::control_too_long);
  EXPECT_EQ(fault({0x82, 126, 0, 125}), FrameFault::length_not_minimal);
  EXPECT_EQ(fault({0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), FrameFault::length_not_minimal);
  EXPECT_EQ(fault({0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}), FrameFault::too_long);
  EXPECT_EQ(fault({0x82, 5}, 4), FrameFault::too_long);
  EXPECT_EQ(fault({0x82, 4}, 4), std::nullopt);
}

}  // namespace
}  // namespace ringgate::load
