#include "limit/pace.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ringgate::limit {
namespace {

constexpr DurationNs s = nanoseconds_per_second;
constexpr PaceRule thirty_a_minute{30, 60 * s};

bool takes(Pace& pace, const PaceRule& rule, TimeNs now) {
  if (pace.wait(rule, now) != 0) return false;
  pace.take(rule, now);
  return true;
}

TEST(Pace, AllowsTheWholeCountAtOnceAndThenOnePerInterval) {
  Pace pace;
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(takes(pace, thirty_a_minute, 100 * s)) << i;
  EXPECT_EQ(pace.wait(thirty_a_minute, 100 * s), 2 * s);
  EXPECT_FALSE(takes(pace, thirty_a_minute, 102 * s - 1));
  EXPECT_TRUE(takes(pace, thirty_a_minute, 102 * s));
  EXPECT_FALSE(takes(pace, thirty_a_minute, 102 * s));
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(takes(pace, thirty_a_minute, 162 * s)) << "all are back after a period: " << i;
  EXPECT_FALSE(takes(pace, thirty_a_minute, 162 * s));
}

TEST(Pace, AllowsOneAtATime) {
  const PaceRule one{1, s};
  Pace pace;
  EXPECT_TRUE(takes(pace, one, 0));
  EXPECT_FALSE(takes(pace, one, s - 1));
  EXPECT_TRUE(takes(pace, one, s));
}

TEST(Pace, IsWorthNothingOnceAllIsPaid) {
  Pace pace;
  EXPECT_EQ(pace.worth(5), 0U);
  pace.take(thirty_a_minute, 10 * s);
  EXPECT_EQ(pace.worth(10 * s), 2 * s);
  EXPECT_EQ(pace.worth(12 * s), 0U);
}

TEST(SharedPace, AdmitsExactlyTheCountWhateverTheThreads) {
  const PaceRule rule{1000, s};
  SharedPace pace;
  std::atomic<int> admitted{0};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) admitted += pace.admit(rule, 7 * s) == 0 ? 1 : 0;
    });
  threads.clear();
  EXPECT_EQ(admitted.load(), 1000);
  EXPECT_EQ(pace.admit(rule, 7 * s), s / 1000);
}

}  // namespace
}  // namespace ringgate::limit
