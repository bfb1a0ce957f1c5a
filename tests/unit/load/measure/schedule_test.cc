#include "load/measure/schedule.h"

#include <gtest/gtest.h>

#include "load/measure/delivery_ledger.h"
#include "load/measure/time_line.h"

namespace ringgate::measure {
namespace {

TEST(Schedule, SpacesUnitsEvenlyFromItsStart) {
  Schedule schedule(1'000, 1e6);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(schedule.next_due(), 1'000 + i * 1'000);
    EXPECT_EQ(schedule.take(), i);
  }
}

TEST(Schedule, CatchesUpAfterAPauseWithoutMovingDueTimes) {
  Schedule schedule(0, 1'000);
  std::uint64_t taken = 0;
  while (schedule.is_due(10 * nanoseconds_per_millisecond)) {
    EXPECT_EQ(schedule.next_due(), taken * nanoseconds_per_millisecond);
    schedule.take();
    ++taken;
  }
  EXPECT_EQ(taken, 11U);  // at 0, 1, ..., 10 ms
}

TEST(Schedule, DoesNotDriftOverHours) {
  Schedule schedule(0, 3);
  for (int i = 0; i < 3 * 3600; ++i) schedule.take();
  EXPECT_EQ(schedule.next_due(), 3600 * nanoseconds_per_second);
}

TEST(TimeLine, GivesBackInOrderWhileItGrows) {
  TimeLine line;
  TimeNs pushed = 0;
  TimeNs popped = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < round; ++i) line.push(pushed++);
    for (int i = 0; i < round / 2; ++i) EXPECT_EQ(line.pop(), popped++);
    EXPECT_EQ(line.size(), pushed - popped);
  }
}

TEST(DeliveryLedger, KnowsWhenWhatArrivesWasSent) {
  DeliveryLedger ledger(2, 3);
  const std::uint64_t first = ledger.send(2, 100);
  const std::uint64_t second = ledger.send(2, 200);
  const std::uint64_t other = ledger.send(0, 300);
  EXPECT_EQ(ledger.arrive(1, first).sent_at, 100U);
  EXPECT_EQ(ledger.arrive(1, other).sent_at, 300U);
  const auto arrival = ledger.arrive(1, second);
  EXPECT_EQ(arrival.sent_at, 200U);
  EXPECT_EQ(arrival.fault, nullptr);
}

TEST(DeliveryLedger, FindsWhatWasDoubledReorderedOrNeverSent) {
  DeliveryLedger ledger(2, 2);
  const std::uint64_t first = ledger.send(1, 1);
  const std::uint64_t second = ledger.send(1, 2);
  EXPECT_NE(ledger.arrive(0, 1).fault, nullptr);           // line 1, place 0
  EXPECT_NE(ledger.arrive(0, second + 2).fault, nullptr);  // the next one, not sent
  EXPECT_EQ(ledger.arrive(0, second).fault, nullptr);
  EXPECT_STREQ(ledger.arrive(0, second).fault, "a push that arrived twice");
  EXPECT_STREQ(ledger.arrive(0, first).fault, "a push that arrived behind a later one");
  EXPECT_EQ(ledger.arrive(1, first).fault, nullptr);  // another device
}

}  // namespace
}  // namespace ringgate::measure
