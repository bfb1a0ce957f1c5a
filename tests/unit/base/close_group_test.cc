#include "base/close_group.h"

#include <gtest/gtest.h>

#include "ringgate/close_code.h"

namespace ringgate {
namespace {

TEST(CloseGroup, EveryCodeHasTheGroupThatNamesIt) {
  for (std::uint32_t code = 0; code <= UINT16_MAX; ++code) {
    std::size_t expected = close_groups.size();
    for (std::size_t i = 0; i < close_groups.size(); ++i)
      if (code >= close_groups[i].first && code <= close_groups[i].last) expected = i;
    ASSERT_EQ(close_group_of(static_cast<std::uint16_t>(code)), expected) << code;
  }
}

TEST(CloseGroup, CodesOfTheGateAreToldApart) {
  for (const CloseCode code :
       {CloseCode::going_away, CloseCode::try_again_later, CloseCode::credential_ended, CloseCode::banned, CloseCode::no_pong,
        CloseCode::replaced, CloseCode::rate_limited, CloseCode::slow_consumer, CloseCode::lifetime_over}) {
    const auto number = static_cast<std::uint16_t>(code);
    const std::size_t group = close_group_of(number);
    ASSERT_LT(group, close_groups.size()) << number;
    EXPECT_EQ(close_groups[group].name, std::to_string(number));
  }
}

}  // namespace
}  // namespace ringgate
