#include "http/trace_parent.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate::http {
namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, TellsTraceAndParent) {
  const auto parsed = parse_trace_parent(good);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(parsed->parent_id, "00f067aa0ba902b7");
}

TEST(TraceParent, TakesALaterVersionWithMoreBehindTheFlags) {
  const std::string later = "cc" + good.substr(2);
  EXPECT_TRUE(parse_trace_parent(later));
  EXPECT_TRUE(parse_trace_parent(later + "-what-the-future-brings"));
  EXPECT_FALSE(parse_trace_parent(later + "x"));
  EXPECT_FALSE(parse_trace_parent(good + "-more"));
}

TEST(TraceParent, RefusesWhatIsMalformed) {
  for (const std::string& value :
       {std::string(), std::string("ff") + good.substr(2), std::string("00-") + std::string(32, '0') + good.substr(35),
        good.substr(0, 36) + std::string(16, '0') + "-01", good + " ", " " + good})
    EXPECT_FALSE(parse_trace_parent(value)) << value;
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parse_trace_parent(good.substr(0, size))) << size;
}

TEST(TraceParent, RefusesEveryOtherByteAtEveryPlace) {
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string value = good;
      value[at] = static_cast<char>(byte);
      const bool is_dash = at == 2 || at == 35 || at == 52;
      const bool is_digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      bool is_right = is_dash ? byte == '-' : is_digit;
      if (value.starts_with("ff")) is_right = false;
      EXPECT_EQ(parse_trace_parent(value).has_value(), is_right) << at << ' ' << byte;
    }
  }
}

}  // namespace
}  // namespace ringgate::http
