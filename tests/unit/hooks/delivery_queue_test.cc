#include "hooks/delivery_queue.h"

#include <gtest/gtest.h>

namespace ringgate::hooks {
namespace {

struct Bench {
  std::vector<std::size_t> dropped;  // lanes
  DeliveryQueue queue{4, [this](std::size_t lane) { dropped.push_back(lane); }};

  std::string two_subjects_apart() const {
    for (int i = 0;; ++i)
      if (const std::string name = std::to_string(i); queue.lane_of(name) != queue.lane_of("a")) return name;
  }
};

TEST(DeliveryQueue, KeepsTheOrderOfASubject) {
  Bench bench;
  for (int i = 0; i < 5; ++i) bench.queue.put({.subject = "a", .id = std::to_string(i)}, 7, {100, 100'000});
  const std::size_t lane = bench.queue.lane_of("a");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(bench.queue.front(lane).queued_at, 7U);
    EXPECT_EQ(bench.queue.take(lane).id, std::to_string(i));
  }
  EXPECT_TRUE(bench.queue.is_empty(lane));
}

TEST(DeliveryQueue, DropsTheOldestOfAllLanes) {
  Bench bench;
  const std::string other = bench.two_subjects_apart();
  bench.queue.put({.subject = "a", .id = "0"}, 0, {2, 100'000});
  bench.queue.put({.subject = other, .id = "1"}, 0, {2, 100'000});
  bench.queue.put({.subject = other, .id = "2"}, 0, {2, 100'000});
  EXPECT_EQ(bench.dropped, std::vector{bench.queue.lane_of("a")});
  bench.queue.put({.subject = "a", .id = "3"}, 0, {2, 100'000});
  EXPECT_EQ(bench.dropped, (std::vector{bench.queue.lane_of("a"), bench.queue.lane_of(other)}));
  EXPECT_EQ(bench.queue.take(bench.queue.lane_of(other)).id, "2");
}

TEST(DeliveryQueue, CountsWhatIsInFlightButDropsItNot) {
  Bench bench;
  bench.queue.put({.subject = "a", .id = "0"}, 0, {1, 100'000});
  const Delivery in_flight = bench.queue.take(bench.queue.lane_of("a"));
  bench.queue.put({.subject = "a", .id = "1"}, 0, {1, 100'000});
  EXPECT_EQ(bench.dropped.size(), 1U) << "the new one";
  EXPECT_EQ(bench.queue.messages(), 1U);
  bench.queue.give_back(in_flight.memory_bytes());
  EXPECT_EQ(bench.queue.messages(), 0U);
  EXPECT_EQ(bench.queue.bytes(), 0U);
}

TEST(DeliveryQueue, IsBoundedInBytes) {
  Bench bench;
  const Delivery one{.subject = "a", .body = std::string(1000, 'x')};
  const std::uint64_t bytes_max = 3 * one.memory_bytes();
  for (int i = 0; i < 10; ++i) {
    bench.queue.put(Delivery(one), 0, {100, bytes_max});
    EXPECT_LE(bench.queue.bytes(), bytes_max);
  }
  EXPECT_EQ(bench.dropped.size(), 7U);
  bench.queue.drop_all();
  EXPECT_EQ(bench.dropped.size(), 10U);
  EXPECT_EQ(bench.queue.bytes(), 0U);
}

}  // namespace
}  // namespace ringgate::hooks
