#include "limit/source_counts.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace ringgate::limit {
namespace {

TEST(SourceCounts, CountsUpToTheMostAndGivesBack) {
  SourceCounts counts;
  EXPECT_TRUE(counts.enter(7, 2));
  EXPECT_TRUE(counts.enter(7, 2));
  EXPECT_FALSE(counts.enter(7, 2));
  EXPECT_TRUE(counts.enter(8, 2)) << "another source";
  counts.leave(7);
  EXPECT_TRUE(counts.enter(7, 2));
  EXPECT_EQ(counts.count(7), 2U);
}

TEST(SourceCounts, RemembersOnlySourcesWithConnections) {
  SourceCounts counts;
  for (std::uint64_t key = 0; key < 1000; ++key) EXPECT_TRUE(counts.enter(key << 54, 1));
  EXPECT_EQ(counts.sources_count(), 1000U);
  for (std::uint64_t key = 0; key < 1000; ++key) counts.leave(key << 54);
  EXPECT_EQ(counts.sources_count(), 0U);
}

TEST(SourceCounts, StaysExactUnderSeveralThreads) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  static constexpr std::uint64_t most = 3;
  SourceCounts counts;
  std::vector<std::jthread> threads;
  for (unsigned thread = 0; thread < 4; ++thread)
    threads.emplace_back([&counts, thread, seed] {
      std::mt19937_64 random(seed + thread);
      std::vector<std::uint64_t> held;
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t key = (random() % 16) << 59 | 1;
        if (counts.enter(key, most)) held.push_back(key);
        if (held.size() > 4) {
          counts.leave(held.back());
          held.pop_back();
        }
        EXPECT_LE(counts.count(key), most);
      }
      for (const std::uint64_t key : held) counts.leave(key);
    });
  threads.clear();
  EXPECT_EQ(counts.sources_count(), 0U);
}

TEST(SourceCountsDeath, AssertsThatNothingIsGivenBackTwice) {
  SourceCounts counts;
  EXPECT_TRUE(counts.enter(7, 2));
  counts.leave(7);
  EXPECT_DEATH(counts.leave(7), "");
}

}  // namespace
}  // namespace ringgate::limit
