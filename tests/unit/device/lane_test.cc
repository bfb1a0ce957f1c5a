#include "device/lane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace ringgate::device {
namespace {

using Numbers = Lane<std::uint64_t, std::uint64_t>;

class LaneTest : public testing::Test {
 protected:
  void ask(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t number = first; number < first + count; ++number) ASSERT_TRUE(lane->ask(number, pool));
    lane->publish_requests();
  }
  std::vector<std::uint64_t> requests(std::size_t budget) {
    std::vector<std::uint64_t> taken;
    const std::size_t count = lane->drain_requests(budget, [&](std::uint64_t number) { taken.push_back(number); });
    EXPECT_EQ(count, taken.size());
    return taken;
  }
  std::vector<std::uint64_t> replies(std::size_t budget) {
    std::vector<std::uint64_t> taken;
    const std::size_t count = lane->drain_replies(budget, pool, [&](std::uint64_t number) { taken.push_back(number); });
    EXPECT_EQ(count, taken.size());
    return taken;
  }

  const std::unique_ptr<Numbers> lane = std::make_unique<Numbers>();  // zero bytes
  SegmentPool pool;
};

TEST_F(LaneTest, ShowsNothingUntilItIsPublished) {
  ASSERT_TRUE(lane->ask(1, pool) && lane->ask(2, pool));
  EXPECT_TRUE(requests(9).empty());
  lane->publish_requests();
  ASSERT_TRUE(lane->ask(3, pool));
  EXPECT_EQ(requests(9), (std::vector<std::uint64_t>{1, 2}));
  lane->answer(1);
  EXPECT_TRUE(replies(9).empty());
  lane->publish_replies();
  lane->answer(2);
  EXPECT_EQ(replies(9), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(lane->unanswered(), 2U);
  EXPECT_EQ(lane->owed(), 0U);
}

TEST_F(LaneTest, AnswersOnlyWhatWasAsked) {
  ask(1, 1);
  EXPECT_DEATH(lane->answer(1), "assertion");
  requests(1);
  lane->answer(1);
  EXPECT_DEATH(lane->answer(1), "assertion");
}

TEST_F(LaneTest, HoldsNoMemoryAtRest) {
  EXPECT_EQ(pool.mapped_bytes(), 0U);
  for (const std::uint64_t count : {1U, 14U, 15U, 16U, 29U, 30U, 31U, 4096U}) {
    ask(0, count);
    for (const std::uint64_t number : requests(count)) lane->answer(number);
    lane->publish_replies();
    EXPECT_EQ(replies(count - 1).size(), count - 1);
    EXPECT_FALSE(pool.at_rest()) << count;
    EXPECT_EQ(replies(9), (std::vector<std::uint64_t>{count - 1}));
    EXPECT_TRUE(pool.at_rest()) << count;
  }
}

TEST_F(LaneTest, NeedsNoMoreMemoryTheLongerItIsBusy) {
  ask(0, 20);
  for (std::uint64_t number = 20; number < 100'000; ++number) {
    ask(number, 1);
    lane->answer(requests(1).at(0));
    lane->publish_replies();
    ASSERT_EQ(replies(1), (std::vector<std::uint64_t>{number - 20}));
    ASSERT_EQ(pool.mapped_bytes(), Slab::bytes);
  }
}

TEST_F(LaneTest, TakesRequestsOfAReplyInHand) {
  ask(0, 1);
  requests(1);
  lane->answer(0);
  lane->publish_replies();
  EXPECT_EQ(lane->drain_replies(9, pool, [&](std::uint64_t) { EXPECT_TRUE(lane->ask(7, pool)); }), 1U);
  lane->publish_requests();
  EXPECT_EQ(lane->unanswered(), 1U);
  EXPECT_EQ(requests(9), (std::vector<std::uint64_t>{7}));
}

/// Any order of asking, draining, answering late and publishing agrees with two queues, and every answer has room.
TEST_F(LaneTest, AgreesWithTwoQueues) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::deque<std::uint64_t> asked, shown, owed, answered, replied;
  std::uint64_t number = 0;
  for (int step = 0; step < 300'000; ++step) {
    const std::size_t some = random() % 40;
    switch (random() % 7) {
      case 0:
        for (std::size_t i = 0; i < some && lane->unanswered() < 200; ++i) {
          ASSERT_TRUE(lane->ask(++number, pool));
          asked.push_back(number);
        }
        break;
      case 1:
        lane->publish_requests();
        for (; !asked.empty(); asked.pop_front()) shown.push_back(asked.front());
        break;
      case 2:
      case 3:
        for (const std::uint64_t request : requests(some)) {
          ASSERT_EQ(request, shown.front());
          shown.pop_front();
          owed.push_back(request);
        }
        break;
      case 4:
        for (std::size_t i = 0; i < some && !owed.empty(); ++i) {
          lane->answer(owed.back());  // in any order
          answered.push_back(owed.back());
          owed.pop_back();
        }
        break;
      case 5:
        lane->publish_replies();
        for (; !answered.empty(); answered.pop_front()) replied.push_back(answered.front());
        break;
      default:
        for (const std::uint64_t reply : replies(some)) {
          ASSERT_EQ(reply, replied.front());
          replied.pop_front();
        }
    }
    ASSERT_EQ(lane->owed(), owed.size());
    ASSERT_EQ(lane->unanswered(), asked.size() + shown.size() + owed.size() + answered.size() + replied.size());
    ASSERT_EQ(pool.at_rest(), lane->unanswered() == 0);
    ASSERT_LE(pool.mapped_bytes(), Slab::bytes);
  }
}

TEST_F(LaneTest, CarriesEverythingInOrderBetweenTwoThreads) {
  constexpr std::uint64_t count = 300'000;
  std::thread answering([&] {
    for (std::uint64_t expected = 0; expected < count;) {
      const std::size_t drained = lane->drain_requests(16, [&](std::uint64_t number) {
        ASSERT_EQ(number, expected++);
        lane->answer(number);
      });
      lane->publish_replies();
      if (drained == 0) std::this_thread::yield();
    }
  });
  std::uint64_t asked = 0;
  for (std::uint64_t expected = 0; expected < count;) {
    for (int burst = 0; burst < 7 && asked < count && lane->unanswered() < 64; ++burst) ASSERT_TRUE(lane->ask(asked++, pool));
    lane->publish_requests();
    if (lane->drain_replies(9, pool, [&](std::uint64_t number) { ASSERT_EQ(number, expected++); }) == 0)
      std::this_thread::yield();
  }
  answering.join();
  EXPECT_TRUE(pool.at_rest());
}

TEST(SegmentPool, LendsEachSegmentOnceAndKeepsFewOfThoseThatCameBack) {
  SegmentPool pool;
  EXPECT_EQ(pool.mapped_bytes(), 0U);
  std::vector<Segment*> lent;
  for (int i = 0; i < 10'000; ++i) {
    lent.push_back(pool.take());
    ASSERT_NE(lent.back(), nullptr);
    std::ranges::fill(lent.back()->slots[14].bytes, std::byte{7});
  }
  EXPECT_FALSE(pool.at_rest());
  EXPECT_GE(pool.mapped_bytes(), lent.size() * sizeof(Segment));
  EXPECT_LT(pool.mapped_bytes(), lent.size() * sizeof(Segment) + Slab::bytes);
  std::vector<Segment*> sorted = lent;
  std::ranges::sort(sorted);
  EXPECT_TRUE(std::ranges::adjacent_find(sorted) == sorted.end());
  std::ranges::shuffle(lent, std::mt19937(5));
  for (Segment* segment : lent) pool.give_back(*segment);
  EXPECT_EQ(pool.mapped_bytes(), SegmentPool::spare_slabs_max * Slab::bytes);
  EXPECT_TRUE(pool.at_rest());
}

TEST(SegmentPool, MapsNothingForARhythmOfLendingAndGivingBack) {
  SegmentPool pool;
  std::vector<Segment*> lent;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 65; ++i) lent.push_back(pool.take());
    EXPECT_EQ(pool.mapped_bytes(), 2 * Slab::bytes);
    for (; !lent.empty(); lent.pop_back()) pool.give_back(*lent.back());
    EXPECT_EQ(pool.mapped_bytes(), 2 * Slab::bytes);
  }
}

}  // namespace
}  // namespace ringgate::device
