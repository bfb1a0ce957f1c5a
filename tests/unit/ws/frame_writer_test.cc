#include "ws/frame_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client_side.h"
#include "utf8_reference.h"
#include "ws/closing.h"

namespace ringgate::ws {
namespace {

using testing::hex;

std::string wire_of(const ControlFrame& frame) { return std::string(text_of(frame.view())); }

TEST(FrameWriter, WritesTheShortestHeaderForEverySize) {
  const std::pair<std::size_t, std::string> rows[] = {{0, hex("81 00")},
                                                      {125, hex("81 7d")},
                                                      {126, hex("81 7e 00 7e")},
                                                      {65'535, hex("81 7e ff ff")},
                                                      {65'536, hex("81 7f 00 00 00 00 00 01 00 00")}};
  for (const auto& [size, expected] : rows) {
    std::uint8_t header[limits::server_header_bytes_max];
    ASSERT_EQ(write_header(header, MessageType::text, size), expected.size());
    EXPECT_EQ(text_of({header, expected.size()}), expected);
    EXPECT_EQ(header_bytes(size), expected.size());
  }
}

TEST(FrameWriter, WritesTheHeaderRightInFrontOfThePayload) {
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65'535U, 65'536U}) {
    std::vector<std::uint8_t> memory(16 + size, 0xAB);
    const MutableBytes frame = write_header_before(MutableBytes(memory).subspan(16), MessageType::binary, {.compressed = true});
    EXPECT_EQ(frame.data() + frame.size(), memory.data() + memory.size());
    EXPECT_EQ(frame.size(), header_bytes(size) + size);
    const FrameHeader header = decode_header(frame.data());
    EXPECT_EQ(header.payload_bytes, size);
    EXPECT_TRUE(header.fin && header.rsv1 && !header.masked && header.opcode == Opcode::binary);
    EXPECT_EQ(frame.data()[-1], 0xAB);
  }
}

TEST(FrameWriter, G40_PongCarriesExactlyThePayload) {
  EXPECT_EQ(wire_of(encode_pong({})), hex("8a 00"));
  const std::string full(125, 'p');
  EXPECT_EQ(wire_of(encode_pong(bytes_of(full))), hex("8a 7d") + full);
  EXPECT_EQ(wire_of(encode_ping(bytes_of("hi"))), hex("89 02") + "hi");
}

TEST(FrameWriter, CloseWithoutStatusIsEmpty) {
  EXPECT_EQ(wire_of(encode_close(CloseCode::no_status, "ignored")), hex("88 00"));
  EXPECT_EQ(wire_of(encode_close(CloseCode::normal, "")), hex("88 02 03 e8"));
}

TEST(FrameWriter, CutsALongReasonAtACharacterBoundary) {
  for (std::size_t ascii = 100; ascii <= 130; ++ascii) {
    for (const std::uint32_t scalar : {0x41U, 0xE9U, 0x20ACU, 0x1F600U}) {
      std::string reason(ascii, 'r');
      while (reason.size() < 200) reason += testing::encode_utf8(scalar);
      const ControlFrame frame = encode_close(CloseCode::going_away, reason);
      const auto status = decode_close(frame.view().subspan(2));
      ASSERT_TRUE(status.has_value()) << "cut inside a character";
      EXPECT_TRUE(reason.starts_with(status->reason));
      EXPECT_LE(status->reason.size(), 123U);
      EXPECT_GE(status->reason.size(), 120U);
    }
  }
}

TEST(FrameWriter, LeavesOutAReasonThatIsNotUtf8) {
  EXPECT_EQ(wire_of(encode_close(CloseCode::normal, "\xFF\xFE")), hex("88 02 03 e8"));
}

TEST(FrameWriterDeathTest, RefusesWhatOnlyWeCouldGetWrong) {
  const std::string long_payload(126, 'x');
  EXPECT_DEATH(encode_ping(bytes_of(long_payload)), "");
  EXPECT_DEATH(encode_close(CloseCode::abnormal, ""), "");
}

TEST(FrameWriter, ViolationsAllMakeAValidCloseFrame) {
  for (const ViolationFacts& facts : violation_table) {
    const ControlFrame frame = encode_close(facts.close_code, facts.reason);
    const auto status = decode_close(frame.view().subspan(2));
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(status->reason, facts.reason);
  }
}

}  // namespace
}  // namespace ringgate::ws
