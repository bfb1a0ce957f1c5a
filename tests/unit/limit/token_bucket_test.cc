#include "limit/token_bucket.h"

#include <gtest/gtest.h>

#include <random>

namespace ringgate::limit {
namespace {

__extension__ typedef __int128 Wide;
constexpr DurationNs ms = nanoseconds_per_millisecond;
constexpr DurationNs s = nanoseconds_per_second;

TEST(TokenBucket, IsFullAtFirstAndThenFillsAtItsRate) {
  const Rate rate{10, s};
  TokenBucket bucket;
  bucket.start(rate, 5 * s);
  EXPECT_EQ(bucket.tokens(rate, 5 * s), 10U);
  bucket.take(rate, 5 * s, 10);
  EXPECT_EQ(bucket.tokens(rate, 5 * s), 0U);
  EXPECT_EQ(bucket.wait_for(rate, 1), 100 * ms);
  EXPECT_EQ(bucket.tokens(rate, 5 * s + 100 * ms - 1), 0U);
  EXPECT_EQ(bucket.tokens(rate, 5 * s + 100 * ms), 1U);
  EXPECT_EQ(bucket.tokens(rate, 7 * s), 10U) << "no more than its capacity";
}

TEST(TokenBucket, PaysADebtBeforeItGivesAgain) {
  const Rate rate{1000, s};
  TokenBucket bucket;
  bucket.start(rate, 0);
  bucket.take(rate, 0, 4000);
  EXPECT_TRUE(bucket.is_in_debt());
  EXPECT_EQ(bucket.tokens(rate, 0), 0U);
  EXPECT_EQ(bucket.wait_for(rate, 0), 3 * s);
  EXPECT_EQ(bucket.wait_for(rate, 1), 3 * s + ms);
  EXPECT_EQ(bucket.tokens(rate, 3 * s), 0U);
  EXPECT_FALSE(bucket.is_in_debt());
  EXPECT_EQ(bucket.wait_for(rate, 0), 0U);
}

TEST(TokenBucket, HoldsAtLeastOneTokenHoweverShortItsBurst) {
  const Rate rate{1, 100 * ms};
  TokenBucket bucket;
  bucket.start(rate, 0);
  EXPECT_EQ(bucket.tokens(rate, 0), 1U);
  bucket.take(rate, 0, 1);
  EXPECT_EQ(bucket.wait_for(rate, 1), s);
}

TEST(TokenBucket, CountsExactlyAtTheLargestRate) {
  const Rate rate{limits::rate_per_second_max, limits::rate_burst_seconds_max * s};
  TokenBucket bucket;
  bucket.start(rate, 0);
  EXPECT_EQ(bucket.tokens(rate, 0), limits::rate_per_second_max * limits::rate_burst_seconds_max);
  for (int i = 0; i < 4; ++i) bucket.take(rate, 0, UINT32_MAX);
  EXPECT_TRUE(bucket.is_in_debt());
  for (int i = 0; i < 10; ++i) bucket.take(rate, 0, UINT32_MAX);
  EXPECT_LT(bucket.wait_for(rate, 0), 100 * s) << "a debt has an end";
  EXPECT_EQ(bucket.tokens(rate, UINT64_MAX), limits::rate_per_second_max * limits::rate_burst_seconds_max);
}

TEST(TokenBucket, BearsAClockThatStandsOrGoesBack) {
  const Rate rate{10, s};
  TokenBucket bucket;
  bucket.start(rate, 5 * s);
  bucket.take(rate, 5 * s, 10);
  EXPECT_EQ(bucket.tokens(rate, 4 * s), 0U);
  EXPECT_EQ(bucket.tokens(rate, 5 * s + 200 * ms), 2U);
}

TEST(TokenBucket, KeepsNoMoreThanALowerRateAllows) {
  TokenBucket bucket;
  bucket.start({100, s}, 0);
  EXPECT_EQ(bucket.tokens({10, s}, 1), 10U);
}

/// The reference counts in parts of a token, one nanosecond's growth after another's, with wide numbers.
TEST(TokenBucket, GivesWhatTheReferenceGivesOverAnyHistory) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int history = 0; history < 200; ++history) {
    const Rate rate{1 + random() % 1'000'000, (1 + random() % 600) * 100 * ms};
    TimeNs now = random() % (1ULL << 50);
    TokenBucket bucket;
    bucket.start(rate, now);
    const Wide capacity = std::max<Wide>(static_cast<Wide>(rate.per_second) * rate.burst, s);
    Wide parts = capacity;
    for (int step = 0; step < 200; ++step) {
      const DurationNs gone = random() % (2 * s);
      now += gone;
      parts = std::min(capacity, parts + static_cast<Wide>(gone) * rate.per_second);
      const std::uint64_t wanted = random() % (2 * rate.per_second);
      bucket.take(rate, now, wanted);
      parts -= static_cast<Wide>(wanted) * s;
      ASSERT_EQ(bucket.tokens(rate, now), parts < 0 ? 0U : static_cast<std::uint64_t>(parts / s));
      ASSERT_EQ(bucket.is_in_debt(), parts < 0);
      const DurationNs wait = bucket.wait_for(rate, 1);
      ASSERT_EQ(wait == 0, parts >= static_cast<Wide>(s));
      if (wait != 0) {
        ASSERT_GE(parts + static_cast<Wide>(wait) * rate.per_second, static_cast<Wide>(s)) << "too early";
        ASSERT_LT(parts + static_cast<Wide>(wait - 1) * rate.per_second, static_cast<Wide>(s)) << "too late";
      }
    }
  }
}

}  // namespace
}  // namespace ringgate::limit
