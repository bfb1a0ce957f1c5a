#include "ws/closing.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "client_side.h"
#include "ws/frame_writer.h"

namespace ringgate::ws {
namespace {

using namespace testing;

TEST(CloseCodeFacts, OnlyTheRegisteredAndTheUsableRangesMayTravel) {
  std::set<unsigned> allowed{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014};
  for (unsigned code = 3000; code < 5000; ++code) allowed.insert(code);
  for (unsigned code = 0; code <= 65'535; ++code) {
    EXPECT_EQ(close_code_allowed(static_cast<std::uint16_t>(code)), allowed.contains(code)) << code;
    const CloseCodeRange& facts = close_code_facts(static_cast<std::uint16_t>(code));
    EXPECT_TRUE(facts.first <= code && code <= facts.last && !facts.name.empty());
  }
}

TEST(FrameReader, J03_to_J15_AnswersEveryCloseCodeByTheTable) {
  for (unsigned code = 0; code <= 65'535; ++code) {
    const auto number = static_cast<std::uint16_t>(code);
    const Seen expected = close_code_allowed(number) ? close_of(static_cast<CloseCode>(number), "bye")
                                                     : violation_of(Violation::close_code_not_allowed);
    const std::string frame = client_frame({.opcode = Opcode::close}, close_payload(code, "bye"));
    ASSERT_EQ(read_whole(frame), std::vector{expected}) << code;
  }
}

TEST(Close, WrittenThenReadIsTheSame) {
  for (unsigned code = 0; code <= 65'535; ++code) {
    const auto number = static_cast<std::uint16_t>(code);
    if (!close_code_allowed(number)) continue;
    const ControlFrame frame = encode_close(static_cast<CloseCode>(number), "because é");
    const auto status = decode_close(frame.view().subspan(2));
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(status->code, static_cast<CloseCode>(number));
    EXPECT_EQ(status->reason, "because é");
  }
}

}  // namespace
}  // namespace ringgate::ws
