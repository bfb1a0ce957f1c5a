#include "server/batch.h"

#include <gtest/gtest.h>

namespace ringgate::server {
namespace {

TEST(Batch, IsNotGatheredWhenFewCome) {
  Batch batch;
  EXPECT_EQ(batch.count(), 1U);
  for (std::size_t i = 0; i < 100; ++i) {
    batch.came(i % Batch::worth_waiting_for);
    EXPECT_EQ(batch.count(), 1U);
  }
}

TEST(Batch, RisesAtOnceUpToItsCeiling) {
  Batch batch;
  batch.came(5);
  EXPECT_EQ(batch.count(), 5U);
  batch.came(40);
  EXPECT_EQ(batch.count(), 40U);
  batch.came(1000);
  EXPECT_EQ(batch.count(), Batch::count_max);
  batch.came(1);
  EXPECT_EQ(batch.count(), Batch::count_max / 8 * 7);  // what was beyond the ceiling is forgotten
}

TEST(Batch, FallsByAnEighthATurnAndNotForOneLull) {
  Batch batch;
  batch.came(64);
  batch.came(2);
  EXPECT_EQ(batch.count(), 56U);
  batch.came(60);
  EXPECT_EQ(batch.count(), 60U);
}

TEST(Batch, IsOverAfterAFewTurnsOfNearlyNothing) {
  Batch batch;
  batch.came(Batch::count_max);
  int turns = 0;
  while (batch.count() > 1 && turns < 100) {
    batch.came(1);
    ++turns;
  }
  EXPECT_EQ(turns, 18);
  batch.came(1);
  EXPECT_EQ(batch.count(), 1U);
}

TEST(Batch, LearnsNothingFromATurnWithoutCompletions) {
  Batch batch;
  batch.came(16);
  for (int i = 0; i < 100; ++i) batch.came(0);
  EXPECT_EQ(batch.count(), 16U);
}

}  // namespace
}  // namespace ringgate::server
