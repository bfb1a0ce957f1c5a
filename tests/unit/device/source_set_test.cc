#include "device/source_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <set>
#include <thread>

namespace ringgate::device {
namespace {

TEST(SourceSet, AgreesWithASet) {
  std::mt19937_64 random(3);
  SourceSet sources(sources_max);
  std::set<std::size_t> model;
  for (int step = 0; step < 100'000; ++step) {
    const std::size_t source = random() % sources_max;
    if (random() % 9 == 0) {
      sources.add(source);
      model.insert(source);
    } else {
      const std::size_t victim = model.empty() ? source : *model.begin();
      sources.remove(victim);
      model.erase(victim);
    }
    ASSERT_EQ(sources.contains(source), model.contains(source));
    ASSERT_EQ(sources.empty(), model.empty());
    if (model.empty()) continue;
    const std::size_t from = random() % sources_max;
    const auto expected = model.lower_bound(from);
    ASSERT_EQ(sources.next(from), expected == model.end() ? *model.begin() : *expected);
  }
}

TEST(SourceNotices, AreTakenDownOnce) {
  SourceNotices notices;
  SourceSet set(sources_max);
  EXPECT_FALSE(notices.take_down(set));
  notices.put_up(508, 3);
  notices.put_up(510, 1);
  notices.put_up(510, 1);
  EXPECT_FALSE(notices.empty());
  EXPECT_TRUE(notices.take_down(set));
  EXPECT_TRUE(notices.empty());
  EXPECT_FALSE(notices.take_down(set));
  EXPECT_TRUE(set.contains(508) && set.contains(509) && set.contains(510));
}

TEST(SourceNotices, PublishWhatWasStoredBefore) {
  SourceNotices notices;
  constexpr std::size_t posters_count = 3, count = 50'000;
  std::array<std::array<std::atomic<std::uint64_t>, 8>, posters_count> stored{};  // on lines of their own
  std::vector<std::thread> posters;
  for (std::size_t poster = 0; poster < posters_count; ++poster) {
    posters.emplace_back([&, poster] {
      for (std::uint64_t value = 1; value <= count; ++value) {
        stored[poster][0].store(value, std::memory_order_relaxed);
        notices.put_up(poster * 40, 1);
      }
    });
  }
  std::array<std::uint64_t, posters_count> seen{};
  while (std::ranges::any_of(seen, [](std::uint64_t value) { return value < count; })) {
    SourceSet set(sources_max);
    if (!notices.take_down(set)) std::this_thread::yield();
    for (std::size_t poster = 0; poster < posters_count; ++poster) {
      if (set.contains(poster * 40)) seen[poster] = stored[poster][0].load(std::memory_order_relaxed);
    }
  }
  for (std::thread& poster : posters) poster.join();
}

}  // namespace
}  // namespace ringgate::device
