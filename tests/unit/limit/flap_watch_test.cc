#include "limit/flap_watch.h"

#include <gtest/gtest.h>

namespace ringgate::limit {
namespace {

constexpr DurationNs s = nanoseconds_per_second;
constexpr FlapRule rule{15, 60 * s, 300 * s};

TEST(FlapWatch, BansTheConnectionAfterTheLastOneAllowed) {
  FlapWatch watch;
  for (DurationNs i = 0; i < 15; ++i) EXPECT_EQ(watch.connect(rule, (100 + 3 * i) * s).wait, 0U) << i;
  const FlapVerdict verdict = watch.connect(rule, 159 * s);
  EXPECT_EQ(verdict.wait, 300 * s);
  EXPECT_TRUE(verdict.ban_began);
}

TEST(FlapWatch, BeginsAnewWithEachWindow) {
  FlapWatch watch;
  for (DurationNs minute = 0; minute < 10; ++minute)
    for (DurationNs i = 0; i < 15; ++i) EXPECT_EQ(watch.connect(rule, (60 * minute + 4 * i) * s).wait, 0U) << minute << ' ' << i;
}

TEST(FlapWatch, EndsABanInTimeWhateverTheAttempts) {
  FlapWatch watch;
  for (int i = 0; i < 16; ++i) watch.connect(rule, s);
  EXPECT_EQ(watch.connect(rule, 2 * s).wait, 299 * s);
  EXPECT_FALSE(watch.connect(rule, 200 * s).ban_began) << "one ban, not one per attempt";
  EXPECT_EQ(watch.connect(rule, 301 * s - 1).wait, 1U);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(watch.connect(rule, 301 * s).wait, 0U) << "a new window: " << i;
  EXPECT_TRUE(watch.connect(rule, 301 * s).ban_began);
}

TEST(FlapWatch, IsWorthMostWhileBanned) {
  FlapWatch watch;
  EXPECT_EQ(watch.worth(s), 0U);
  for (int i = 0; i < 15; ++i) watch.connect(rule, s);
  EXPECT_EQ(watch.worth(2 * s), 15U);
  EXPECT_EQ(watch.worth(61 * s), 0U) << "its window is over";
  watch.connect(rule, 2 * s);
  EXPECT_EQ(watch.worth(61 * s), FlapWatch::ban_worth);
  EXPECT_EQ(watch.worth(302 * s), 0U);
}

}  // namespace
}  // namespace ringgate::limit
