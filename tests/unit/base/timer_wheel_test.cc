#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace ringgate {
namespace {

struct LinksOf {
  std::vector<TimerLinks>* records;
  TimerLinks& operator()(std::uint32_t slot) const { return (*records)[slot]; }
};

constexpr TimeNs start = 5'000'000'000;
constexpr DurationNs tick = TimerWheel<LinksOf>::tick_ns;

class TimerWheelTest : public testing::Test {
 protected:
  std::vector<std::uint32_t> expire(TimeNs now) {
    std::vector<std::uint32_t> fired;
    const std::size_t count = wheel.expire(now, [&](std::uint32_t slot) { fired.push_back(slot); });
    EXPECT_EQ(count, fired.size());
    return fired;
  }

  std::vector<TimerLinks> records = std::vector<TimerLinks>(4096);
  TimerWheel<LinksOf> wheel{LinksOf{&records}, start};
};

TEST_F(TimerWheelTest, FiresNeverEarlyAndWithinTwoTicks) {
  for (const DurationNs after :
       {DurationNs{1}, tick - 1, tick, tick + 1, 1023 * tick, 1024 * tick, 1025 * tick + 7, 5000 * tick}) {
    const TimeNs from = start + (records[0].deadline_tick + 1) * tick;  // any point of the wheel
    wheel.schedule(0, from + after);
    TimeNs now = from;
    for (; wheel.scheduled(0); now += tick / 2) {
      const bool fired = !expire(now).empty();
      ASSERT_FALSE(fired && now < from + after) << after;
      ASSERT_LT(now, from + after + 2 * tick) << after;
    }
  }
}

TEST_F(TimerWheelTest, FiresWhatIsOverdueWithTheNextTick) {
  EXPECT_TRUE(expire(start + 10 * tick).empty());
  wheel.schedule(1, start);
  EXPECT_TRUE(expire(start + 10 * tick).empty());
  EXPECT_EQ(expire(start + 11 * tick), std::vector<std::uint32_t>{1});
}

TEST_F(TimerWheelTest, MovesADeadlineEarlierAndLater) {
  wheel.schedule(1, start + 100 * tick);
  wheel.schedule(1, start + 5 * tick);
  wheel.schedule(2, start + 5 * tick);
  wheel.schedule(2, start + 3000 * tick);
  EXPECT_EQ(wheel.count(), 2U);
  EXPECT_EQ(expire(start + 5 * tick), std::vector<std::uint32_t>{1});
  EXPECT_TRUE(expire(start + 2999 * tick).empty());
  EXPECT_EQ(expire(start + 3000 * tick), std::vector<std::uint32_t>{2});
  EXPECT_EQ(wheel.count(), 0U);
}

TEST_F(TimerWheelTest, CancelsOnceAndToleratesASecondTime) {
  for (std::uint32_t slot = 0; slot < 5; ++slot) wheel.schedule(slot, start + tick);  // one bucket: head, middle, tail
  for (const std::uint32_t slot : {4U, 2U, 0U, 2U}) wheel.cancel(slot);
  EXPECT_EQ(wheel.count(), 2U);
  EXPECT_EQ(expire(start + tick).size(), 2U);
  EXPECT_FALSE(wheel.next_wake(start + tick));
}

TEST_F(TimerWheelTest, LetsACallbackRescheduleTheSlotInHand) {
  wheel.schedule(7, start + tick);
  int fired = 0;
  const auto again = [&](std::uint32_t slot) {
    EXPECT_FALSE(wheel.scheduled(slot));
    ++fired;
    wheel.schedule(slot, start);  // overdue: with the next tick, not in this call
  };
  wheel.expire(start + 4 * tick, again);
  EXPECT_EQ(fired, 1);
  wheel.expire(start + 5 * tick, again);
  EXPECT_EQ(fired, 2);
}

TEST_F(TimerWheelTest, LetsACallbackCancelAndMoveOthersOfItsBucket) {
  for (std::uint32_t slot = 0; slot < 64; ++slot) wheel.schedule(slot, start + tick);
  std::vector<int> fired(64);
  wheel.expire(start + tick, [&](std::uint32_t slot) {
    ++fired[slot];
    const std::uint32_t other = slot ^ 1U;
    if (fired[other] != 0) return;
    if (slot % 4 < 2) {
      wheel.cancel(other);
    } else {
      wheel.schedule(other, start + 1025 * tick);  // the same bucket, a round later
    }
  });
  EXPECT_EQ(wheel.count(), 16U);
  for (std::uint32_t slot = 0; slot < 64; slot += 2) EXPECT_EQ(fired[slot] + fired[slot + 1], 1) << slot;
  EXPECT_EQ(expire(start + 1025 * tick).size(), 16U);
}

TEST_F(TimerWheelTest, CatchesUpAfterALongPause) {
  for (std::uint32_t slot = 0; slot < 3000; ++slot) wheel.schedule(slot, start + (slot + 1) * tick);
  EXPECT_EQ(expire(start + 2500 * tick).size(), 2500U);
  EXPECT_EQ(expire(start + 3000 * tick).size(), 500U);
}

TEST_F(TimerWheelTest, BringsFarDeadlinesForwardToItsCeiling) {
  wheel.schedule(3, ~TimeNs{0});
  EXPECT_TRUE(expire(start + (TimerWheel<LinksOf>::ticks_ahead_max - 2) * tick).empty());
  EXPECT_EQ(expire(start + TimerWheel<LinksOf>::ticks_ahead_max * tick).size(), 1U);
}

TEST_F(TimerWheelTest, SaysHowLongTheShardMaySleep) {
  EXPECT_FALSE(wheel.next_wake(start));
  for (const std::uint64_t ahead : {1U, 2U, 63U, 64U, 65U, 1000U, 1023U, 1024U}) {
    for (const std::uint64_t from : {0U, 1U, 63U, 64U, 500U, 1023U}) {
      std::vector<TimerLinks> own(1);
      TimerWheel<LinksOf> fresh(LinksOf{&own}, start);
      fresh.expire(start + from * tick, [](std::uint32_t) {});
      fresh.schedule(0, start + (from + ahead) * tick);
      EXPECT_EQ(fresh.next_wake(start + from * tick), ahead * tick) << ahead << " from " << from;
      EXPECT_EQ(fresh.next_wake(start + from * tick + 5), ahead * tick - 5);
      EXPECT_EQ(fresh.next_wake(start + (from + ahead) * tick + 1), 0U);
    }
  }
}

TEST_F(TimerWheelTest, AgreesWithAMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::map<std::uint32_t, TimeNs> model;  // slot -> deadline
  TimeNs now = start;
  for (int step = 0; step < 300'000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random() % 512);
    switch (random() % 8) {
      case 0:
        wheel.cancel(slot);
        model.erase(slot);
        break;
      case 1: {
        now += random() % 64 == 0 ? random() % (3000 * tick) : random() % (3 * tick);
        wheel.expire(now, [&](std::uint32_t fired) {
          const auto found = model.find(fired);
          ASSERT_NE(found, model.end());
          ASSERT_LE(found->second, now);
          model.erase(found);
          if (random() % 4 == 0) wheel.schedule(fired, model[fired] = now + tick + random() % (40 * tick));
          const auto other = static_cast<std::uint32_t>(random() % 512);
          if (random() % 4 == 0) wheel.cancel(other), model.erase(other);
        });
        for (const auto& [left, deadline] : model) ASSERT_GT(deadline + 2 * tick, now) << left;
        break;
      }
      default: wheel.schedule(slot, model[slot] = now + random() % (random() % 2 == 0 ? 20 * tick : 2500 * tick));
    }
    ASSERT_EQ(wheel.count(), model.size());
    ASSERT_EQ(wheel.scheduled(slot), model.contains(slot));
    const auto wake = wheel.next_wake(now);
    ASSERT_EQ(wake.has_value(), !model.empty());
    for (const auto& [left, deadline] : model) {
      if (step % 256 == 0) {
        ASSERT_LE(now + *wake, deadline + 2 * tick) << left;
      }
    }
  }
}

}  // namespace
}  // namespace ringgate
