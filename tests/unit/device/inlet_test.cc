#include "device/inlet.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace ringgate::device {
namespace {

TEST(Inlet, AgreesWithAQueue) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Inlet<std::uint64_t> inlet(8);
  std::deque<std::uint64_t> model;
  std::uint64_t number = 0;
  for (int step = 0; step < 200'000; ++step) {
    if (random() % 2 == 0) {
      const bool room = model.size() < inlet.capacity();
      ASSERT_EQ(inlet.post(++number), room);
      if (room) model.push_back(number);
    } else {
      const std::size_t budget = random() % 4;
      const std::size_t expected = std::min(budget, model.size());
      const std::size_t count = inlet.drain(budget, [&](std::uint64_t value) {
        ASSERT_EQ(value, model.front());
        model.pop_front();
      });
      ASSERT_EQ(count, expected);
    }
    ASSERT_EQ(inlet.empty(), model.empty());
  }
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
    const std::size_t now =
        inlet.drain(16, [&](std::uint64_t value) { ASSERT_EQ(value & 0xFFFF'FFFF, expected[value >> 32]++); });
    if (now == 0) std::this_thread::yield();
    drained += now;
  }
  for (std::thread& poster : posters) poster.join();
  EXPECT_TRUE(inlet.empty());
}

}  // namespace
}  // namespace ringgate::device
