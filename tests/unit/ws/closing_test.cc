// What each code may do: see tests/exhaustive/close_codes_test.cc.
#include "ws/closing.h"

#include <gtest/gtest.h>

#include <string>

#include "client_side.h"

namespace ringgate::ws {
namespace {

using namespace testing;

TEST(CloseCodeFacts, EveryCodeHasItsRow) {
  for (unsigned code = 0; code <= 65'535; ++code) {
    const CloseCodeRange& facts = close_code_facts(static_cast<std::uint16_t>(code));
    EXPECT_TRUE(facts.first <= code && code <= facts.last && !facts.name.empty()) << code;
  }
}

TEST(DecodeClose, TakesNothingACodeAndAReason) {
  EXPECT_EQ(decode_close({})->code, CloseCode::no_status);
  const std::string payload = close_payload(4000, "because é");
  const auto status = decode_close(bytes_of(payload));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, static_cast<CloseCode>(4000));
  EXPECT_EQ(status->reason, "because é");
}

TEST(DecodeClose, NamesTheRuleThatIsBroken) {
  const auto violation = [](const std::string& payload) { return decode_close(bytes_of(payload)).error(); };
  EXPECT_EQ(violation("x"), Violation::close_payload_one_byte);
  EXPECT_EQ(violation(close_payload(1005)), Violation::close_code_not_allowed);
  EXPECT_EQ(violation(close_payload(1000, "\xE2\x82")), Violation::close_reason_not_utf8);
}

}  // namespace
}  // namespace ringgate::ws
