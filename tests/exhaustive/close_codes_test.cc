// Every close code from 0 to 65535, read and written, against the list of RFC 6455 section 7.4 and of the IANA
// registry of close codes as it stands here, number by number.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "../unit/ws/client_side.h"
#include "domain.h"
#include "ws/closing.h"
#include "ws/frame_writer.h"

namespace ringgate::exhaustive {
namespace {

using namespace ws::testing;

using ws::Opcode;
using ws::Violation;

/// The codes that may stand in a Close frame. Absent: 0-999 (not used), 1004 (reserved), 1005, 1006 and 1015
/// (never in a frame), 1016-2999 (for the protocol's future), 5000 and above (undefined).
std::set<unsigned> codes_of_the_rfc() {
  std::set<unsigned> codes{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011};  // section 7.4.1
  codes.insert({1012, 1013, 1014});                                                // IANA, since the RFC
  for (unsigned code = 3000; code <= 3999; ++code) codes.insert(code);             // for registration
  for (unsigned code = 4000; code <= 4999; ++code) codes.insert(code);             // for private use
  return codes;
}

constexpr unsigned codes_count = 65'536;

TEST(EveryCloseCode, IsReadOrRefusedByTheListInEveryCut) {
  const std::set<unsigned> codes = codes_of_the_rfc();
  for (unsigned code = 0; code < codes_count; ++code) {
    for (const std::string reason : {"", "bye"}) {
      const std::string frame = client_frame({.opcode = Opcode::close}, close_payload(code, reason));
      const Seen expected =
          codes.contains(code) ? close_of(static_cast<CloseCode>(code), reason) : violation_of(Violation::close_code_not_allowed);
      ASSERT_EQ(read_whole(frame), std::vector{expected}) << code;
      ASSERT_EQ(read_in_pieces(frame, 1), std::vector{expected}) << code;
      ASSERT_EQ(read_cut(frame, 7), std::vector{expected}) << code << " between its bytes";
    }
  }
  report_tried(codes_count, "close codes received");
}

TEST(EveryCloseCode, IsWrittenAsItStandsInTheList) {
  const std::set<unsigned> codes = codes_of_the_rfc();
  for (unsigned code = 0; code < codes_count; ++code) {
    ASSERT_EQ(ws::close_code_allowed(static_cast<std::uint16_t>(code)), codes.contains(code)) << code;
    if (!codes.contains(code)) continue;
    const ws::ControlFrame frame = ws::encode_close(static_cast<CloseCode>(code), "because é");
    const std::string expected = hex("88 0c") + close_payload(code, "because é");
    ASSERT_EQ(text_of(frame.view()), expected) << code;
  }
  report_tried(codes_count, "close codes to be written");
  report_tried(codes.size(), "of them allowed");
}

// That we never write another one is an assertion, which ends the process: tried at the edge of every run.
TEST(EveryCloseCodeDeathTest, ThatMayNotTravelIsNeverWritten) {
  for (const unsigned code : {0U, 999U, 1004U, 1006U, 1015U, 1016U, 2999U, 5000U, 65'535U}) {
    EXPECT_DEATH(ws::encode_close(static_cast<CloseCode>(code), ""), "assertion failed") << code;
  }
  EXPECT_EQ(text_of(ws::encode_close(CloseCode::no_status, "").view()), hex("88 00")) << "1005 is an empty body";
}

}  // namespace
}  // namespace ringgate::exhaustive
