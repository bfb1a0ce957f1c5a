#include "hooks/retry.h"

#include <gtest/gtest.h>

namespace ringgate::hooks {
namespace {

TEST(Backoff, DoublesUpToItsCeiling) {
  const Backoff backoff{500, 30'000};
  EXPECT_EQ(backoff.ceiling(1), 500U);
  EXPECT_EQ(backoff.ceiling(2), 1000U);
  EXPECT_EQ(backoff.ceiling(6), 16'000U);
  EXPECT_EQ(backoff.ceiling(7), 30'000U);
  EXPECT_EQ(backoff.ceiling(UINT64_MAX), 30'000U);
}

TEST(Backoff, WaitsAnyPartOfTheCeiling) {
  constexpr std::uint64_t seed = 17;
  std::mt19937_64 random(seed);
  const Backoff backoff{1000, 8000};
  DurationNs least = UINT64_MAX, most = 0;
  for (int i = 0; i < 10'000; ++i) {
    const DurationNs wait = backoff.wait(4, random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_LT(least, 100U) << "seed " << seed;
  EXPECT_GT(most, 7900U) << "seed " << seed;
  EXPECT_LE(most, 8000U);
}

TEST(Verdict, TellsWhatIsFinalFromWhatMayComeRight) {
  for (const int status : {200, 202, 204, 299}) EXPECT_EQ(verdict_of(status), Verdict::delivered) << status;
  for (const int status : {0, 301, 302, 307, 401, 403, 404, 408, 429, 500, 503})
    EXPECT_EQ(verdict_of(status), Verdict::retry) << status;
  for (const int status : {400, 413, 415, 422}) EXPECT_EQ(verdict_of(status), Verdict::refused) << status;
  EXPECT_EQ(verdict_of(410), Verdict::stop);
}

}  // namespace
}  // namespace ringgate::hooks
