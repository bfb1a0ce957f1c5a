#include "server/batch.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringgate::server {
namespace {

constexpr DurationNs us = nanoseconds_per_microsecond;
constexpr DurationNs wait = 50 * us;

std::vector<ring::Completion> of_kind(ring::OperationKind kind, std::uint32_t first_slot, std::size_t count) {
  std::vector<ring::Completion> completions(count);
  for (std::size_t i = 0; i < count; ++i) completions[i].token = {kind, first_slot + static_cast<std::uint32_t>(i), 1};
  return completions;
}

/// A batch, and time that goes on as the tests say.
struct Batches {
  TimeNs now = 1000 * us;
  Batch batch{wait, now};

  /// At once, and of no rate: nothing that devices sent.
  void came(std::size_t count, std::size_t held_back = 0) {
    batch.came(of_kind(ring::OperationKind::send, 0, count), held_back, now);
  }

  /// For ten windows: one message every `interval`, of `devices_count` devices in turn.
  void messages_come(DurationNs interval, std::uint32_t devices_count) {
    const TimeNs end = now + 10 * Batch::window;
    for (std::uint32_t i = 0; now < end; ++i) {
      now += interval;
      batch.came(of_kind(ring::OperationKind::receive, i % devices_count, 1), 0, now);
    }
  }
  std::uint32_t count() const { return batch.count(); }
};

TEST(Batch, IsNotGatheredWhenFewCome) {
  Batches batch;
  EXPECT_EQ(batch.count(), 1U);
  for (std::size_t i = 0; i < 100; ++i) {
    batch.came(i % Batch::worth_waiting_for);
    EXPECT_EQ(batch.count(), 1U);
  }
}

TEST(Batch, RisesAtOnceUpToItsCeiling) {
  Batches batch;
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
  Batches batch;
  batch.came(64);
  batch.came(2);
  EXPECT_EQ(batch.count(), 56U);
  batch.came(60);
  EXPECT_EQ(batch.count(), 60U);
}

TEST(Batch, CountsWhatATurnHeldBack) {
  Batches batch;
  batch.came(8, 24);
  EXPECT_EQ(batch.count(), 32U);
  batch.came(8, 16);
  EXPECT_EQ(batch.count(), 28U);  // by an eighth, as ever
}

TEST(Batch, IsOverAfterAFewTurnsOfNearlyNothing) {
  Batches batch;
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
  Batches batch;
  batch.came(16);
  for (int i = 0; i < 100; ++i) batch.came(0);
  EXPECT_EQ(batch.count(), 16U);
}

TEST(Batch, AsksForTwiceWhatTheRatePromises) {
  Batches batch;
  batch.messages_come(20 * us, 1000);
  EXPECT_EQ(batch.count(), 5U);  // two and a half in 50 us
  batch.messages_come(10 * us, 1000);
  EXPECT_EQ(batch.count(), 10U);
  batch.messages_come(us, 1000);
  EXPECT_EQ(batch.count(), Batch::count_max);
}

TEST(Batch, GoesByItsTurnsWhenTheyBringMany) {
  Batches batch;
  batch.messages_come(10 * us, 1000);
  const TimeNs end = batch.now + 10 * Batch::window;
  while (batch.now < end) {
    batch.now += 100 * us;
    batch.batch.came(of_kind(ring::OperationKind::receive, 0, Batch::many), 0, batch.now);
  }
  EXPECT_EQ(batch.count(), Batch::many);
}

TEST(Batch, IsNotGatheredFromRareMessages) {
  Batches batch;
  batch.messages_come(20 * us, 1000);
  batch.messages_come(51 * us, 1000);
  EXPECT_EQ(batch.count(), 1U);
}

TEST(Batch, IsOverWithTheFirstMessageAfterAPause) {
  Batches batch;
  batch.messages_come(10 * us, 1000);
  batch.now += 10 * Batch::window;
  batch.batch.came(of_kind(ring::OperationKind::receive, 0, 1), 0, batch.now);
  EXPECT_EQ(batch.count(), 1U);
}

TEST(Batch, IsNotGatheredFromDevicesThatWaitForTheirAnswers) {
  Batches batch;
  batch.messages_come(10 * us, 50);  // each twice in a window
  EXPECT_EQ(batch.count(), 1U);
  batch.messages_come(10 * us, 60);
  EXPECT_GT(batch.count(), 1U);
}

TEST(Batch, OfWhatIsNoMessageIsNotGathered) {
  Batches batch;
  for (int i = 0; i < 1000; ++i) {
    batch.now += 10 * us;
    batch.came(1);
  }
  EXPECT_EQ(batch.count(), 1U);
}

TEST(Batch, IsNotGatheredWithoutAWait) {
  Batches batch{.batch = Batch(0, 1000 * us)};
  batch.came(64);
  batch.messages_come(us, 1000);
  EXPECT_EQ(batch.count(), 1U);
}

}  // namespace
}  // namespace ringgate::server
