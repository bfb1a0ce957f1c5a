#include "ws/frame_format.h"

#include <gtest/gtest.h>

#include <string>

#include "client_side.h"
#include "ws/header_rules.h"

namespace ringgate::ws {
namespace {

using namespace testing;

TEST(Opcode, TableHoldsTheSixteenFactsOfTheRfc) {
  for (unsigned value = 0; value < 16; ++value) {
    const OpcodeFacts& facts = opcode_facts[value];
    EXPECT_EQ(facts.defined, value <= 2 || (value >= 8 && value <= 10)) << value;
    EXPECT_EQ(facts.control, value >= 8) << value;
    EXPECT_FALSE(facts.name.empty());
    EXPECT_EQ(is_control(static_cast<Opcode>(value)), value >= 8);
  }
}

TEST(Violation, TableHasACloseCodeAndAReasonThatFitsForEachRule) {
  for (const ViolationFacts& facts : violation_table) {
    if (facts.violation == Violation::none) continue;
    EXPECT_FALSE(facts.reason.empty());
    EXPECT_LE(facts.reason.size(), limits::close_reason_bytes_max);
    EXPECT_NE(facts.close_code, CloseCode::normal);
  }
}

TEST(FrameHeader, WriteThenReadIsTheSame) {
  for (const std::uint64_t size :
       {0ULL, 1ULL, 125ULL, 126ULL, 127ULL, 65'535ULL, 65'536ULL, 0xFFFF'FFFFULL, 0x1'0000'0005ULL, 0x7FFF'FFFF'FFFF'FFFFULL}) {
    for (const bool masking : {false, true}) {
      const FrameHeader header{size, masking ? 0x04030201U : 0U, Opcode::binary, false, true, masking};
      std::uint8_t bytes[limits::client_header_bytes_max];
      const std::size_t written = encode_header(bytes, header);
      EXPECT_EQ(written, header_bytes(size, masking ? 4 : 0));
      EXPECT_EQ(written, header_bytes_announced(bytes[1]));
      const FrameHeader read = decode_header(bytes);
      EXPECT_EQ(read.payload_bytes, size);
      EXPECT_EQ(read.masking_key, header.masking_key);
      EXPECT_EQ(read.opcode, Opcode::binary);
      EXPECT_FALSE(read.fin);
      EXPECT_TRUE(read.rsv1);
      EXPECT_EQ(read.masked, masking);
    }
  }
}

TEST(FrameHeader, StandsOnTheWireInNetworkOrder) {
  EXPECT_EQ(client_header({}, 5), hex("81 85 37 fa 21 3d"));
  EXPECT_EQ(client_header({}, 126), hex("81 fe 00 7e 37 fa 21 3d"));
  EXPECT_EQ(client_header({}, 65'536), hex("81 ff 00 00 00 00 00 01 00 00 37 fa 21 3d"));
}

TEST(HeaderRules, TableIsTheRuleAppliedToEveryFirstByte) {
  for (const bool compression : {false, true}) {
    const FirstByteVerdicts& verdicts = first_byte_verdicts[compression ? 1 : 0];
    EXPECT_EQ(judge_first_bytes(compression), verdicts);
    for (unsigned byte = 0; byte < 256; ++byte)
      EXPECT_EQ(judge_first_byte(static_cast<std::uint8_t>(byte), compression), verdicts[byte]) << byte;
  }
}

TEST(HeaderRules, LengthFormsAreJudgedAsSoonAsTheyAreComplete) {
  const HeaderContext context{.message_bytes_left = 1 << 20};
  for (std::uint64_t length = 0; length < 70'000; ++length) {
    EXPECT_EQ(judge_length(0x82, 127, length, context) == Violation::none, length > 65'535) << length;
    if (length <= 65'535) {
      EXPECT_EQ(judge_length(0x82, 126, length, context) == Violation::none, length > 125) << length;
    }
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t length = std::uint64_t{1} << bit;
    const Violation expected = bit == 63   ? Violation::length_top_bit_set
                               : bit < 16  ? Violation::length_not_minimal
                               : bit <= 20 ? Violation::none
                                           : Violation::message_too_big;
    EXPECT_EQ(judge_length(0x82, 127, length, context), expected) << bit;
  }
}

}  // namespace
}  // namespace ringgate::ws
