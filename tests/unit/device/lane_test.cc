#include "device/lane.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "device/inlet.h"

namespace ringgate::device {
namespace {

/// The two rings differ in who may post; posting and draining by one thread they promise the same.
/// `publish` makes visible what was posted.
template <class Ring, class Publish>
void agrees_with_a_queue(Ring& ring, std::mt19937_64& random, Publish publish) {
  std::deque<std::uint64_t> model;
  std::uint64_t number = 0;
  for (int step = 0; step < 200'000; ++step) {
    if (random() % 2 == 0) {
      const bool room = model.size() < ring.capacity();
      ASSERT_EQ(ring.post(++number), room);
      if (room) model.push_back(number);
      publish();
    } else {
      const std::size_t budget = random() % 4;
      const std::size_t expected = std::min(budget, model.size());
      const std::size_t count = ring.drain(budget, [&](std::uint64_t value) {
        ASSERT_EQ(value, model.front());
        model.pop_front();
      });
      ASSERT_EQ(count, expected);
    }
    ASSERT_EQ(ring.empty(), model.empty());
  }
}

TEST(Lane, AgreesWithAQueue) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::array<std::uint64_t, 8> slots{};
  Lane<std::uint64_t> lane(slots);
  agrees_with_a_queue(lane, random, [&] { lane.publish(); });
}

TEST(Inlet, AgreesWithAQueue) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Inlet<std::uint64_t> inlet(8);
  agrees_with_a_queue(inlet, random, [] {});
}

TEST(Lane, ShowsNothingUntilItIsPublished) {
  std::array<int, 4> slots{};
  Lane<int> lane(slots);
  ASSERT_TRUE(lane.post(1) && lane.post(2));
  EXPECT_FALSE(lane.published());
  EXPECT_TRUE(lane.empty());
  EXPECT_EQ(lane.drain(9, [](int) { FAIL(); }), 0U);
  lane.publish();
  EXPECT_TRUE(lane.published());
  ASSERT_TRUE(lane.post(3));
  std::vector<int> taken;
  EXPECT_EQ(lane.drain(9, [&](int value) { taken.push_back(value); }), 2U);
  EXPECT_EQ(taken, (std::vector<int>{1, 2}));
}

TEST(Lane, CountsUnpublishedValuesAgainstItsCapacity) {
  std::array<int, 2> slots{};
  Lane<int> lane(slots);
  EXPECT_TRUE(lane.post(1) && lane.post(2));
  EXPECT_FALSE(lane.post(3));
}

TEST(Lane, FreesTheSlotsOfABatchAtItsEnd) {
  std::array<int, 2> slots{};
  Lane<int> lane(slots);
  ASSERT_TRUE(lane.post(1) && lane.post(2));
  lane.publish();
  EXPECT_EQ(lane.drain(2, [&](int) { EXPECT_FALSE(lane.post(3)); }), 2U);
  ASSERT_TRUE(lane.post(3) && lane.post(4));
  lane.publish();
  std::vector<int> rest;
  lane.drain(9, [&](int value) { rest.push_back(value); });
  EXPECT_EQ(rest, (std::vector<int>{3, 4}));
}

TEST(Lane, CarriesEverythingInOrderBetweenTwoThreads) {
  constexpr std::uint64_t count = 1'000'000;
  std::array<std::uint64_t, 64> slots{};
  Lane<std::uint64_t> lane(slots);
  std::thread poster([&] {
    for (std::uint64_t value = 0; value < count;) {
      if (lane.post(value)) {
        if (++value % 7 == 0) lane.publish();
      } else {
        lane.publish();
        std::this_thread::yield();
      }
    }
    lane.publish();
  });
  std::uint64_t expected = 0;
  while (expected < count) {
    if (lane.drain(16, [&](std::uint64_t value) { ASSERT_EQ(value, expected++); }) == 0)
      std::this_thread::yield();
  }
  poster.join();
  EXPECT_TRUE(lane.empty());
}

TEST(Inlet, CarriesEverythingOnceAndInOrderPerPoster) {
  constexpr std::uint64_t posters_count = 4, count = 100'000;
  Inlet<std::uint64_t> inlet(64);
  std::vector<std::thread> posters;
  for (std::uint64_t poster = 0; poster < posters_count; ++poster) {
    posters.emplace_back([&, poster] {
      for (std::uint64_t value = 0; value < count;) {
        if (inlet.post(poster << 32 | value)) {
          ++value;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::array<std::uint64_t, posters_count> expected{};
  for (std::uint64_t drained = 0; drained < posters_count * count;) {
    const std::size_t now = inlet.drain(
        16, [&](std::uint64_t value) { ASSERT_EQ(value & 0xFFFF'FFFF, expected[value >> 32]++); });
    if (now == 0) std::this_thread::yield();
    drained += now;
  }
  for (std::thread& poster : posters) poster.join();
  EXPECT_TRUE(inlet.empty());
}

}  // namespace
}  // namespace ringgate::device
