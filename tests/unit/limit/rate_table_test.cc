#include "limit/rate_table.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "limit/flap_watch.h"

namespace ringgate::limit {
namespace {

struct Weight {
  std::uint64_t value;
  std::uint64_t worth(TimeNs now) const { return value > now ? value - now : 0; }
};
constexpr std::uint64_t no_binding = UINT64_MAX;

std::uint64_t value_of(RateTable<Weight>& table, std::uint64_t key) {
  std::uint64_t found = 0;
  table.look_up(key, [&](const Weight& weight) { found = weight.value; });
  return found;
}
void set(RateTable<Weight>& table, std::uint64_t key, std::uint64_t value, TimeNs now = 0) {
  EXPECT_TRUE(table.visit(key, now, no_binding, [&](Weight& weight) { weight.value = value; }));
}

TEST(RateTable, RemembersEachKeyOnItsOwn) {
  RateTable<Weight> table(1024);
  for (std::uint64_t key = 1; key <= 100; ++key) set(table, key << 32 | key, key);
  for (std::uint64_t key = 1; key <= 100; ++key) EXPECT_EQ(value_of(table, key << 32 | key), key);
  EXPECT_EQ(value_of(table, 101ULL << 32), 0U);
}

TEST(RateTable, BeginsWithNothingKnown) {
  RateTable<Weight> table(8);
  std::uint64_t seen = 1;
  EXPECT_TRUE(table.visit(5, 0, no_binding, [&](Weight& weight) { seen = weight.value; }));
  EXPECT_EQ(seen, 0U);
}

TEST(RateTable, ForgetsWhatIsWorthLeast) {
  RateTable<Weight> table(8);  // one set
  for (std::uint64_t key = 1; key <= 8; ++key) set(table, key, 100 + key);
  set(table, 9, 500);
  EXPECT_EQ(value_of(table, 1), 0U);
  for (std::uint64_t key = 2; key <= 8; ++key) EXPECT_EQ(value_of(table, key), 100 + key);
  EXPECT_EQ(value_of(table, 9), 500U);
  set(table, 10, 1000, 106);  // 2 to 6 are worth nothing any more: the first of them goes
  EXPECT_EQ(value_of(table, 2), 0U);
  EXPECT_EQ(value_of(table, 8), 108U);
}

TEST(RateTable, NeverForgetsWhatKeepsSomebodyOut) {
  RateTable<Weight> table(8);
  for (std::uint64_t key = 1; key <= 8; ++key) set(table, key, 1000 + key);
  bool used = false;
  EXPECT_FALSE(table.visit(9, 0, 1001, [&](Weight&) { used = true; })) << "no room for another key";
  EXPECT_FALSE(used);
  for (std::uint64_t key = 1; key <= 8; ++key) EXPECT_EQ(value_of(table, key), 1000 + key);
  EXPECT_TRUE(table.visit(4, 0, 1001, [](Weight& weight) { weight.value = 7; })) << "its own entry is always found";
  EXPECT_TRUE(table.visit(9, 0, 1001, [](Weight& weight) { weight.value = 2000; }));
  EXPECT_EQ(value_of(table, 4), 0U);
}

TEST(RateTable, KeepsABannedIdUnderACrowdOfOthers) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr FlapRule rule{3, 60 * nanoseconds_per_second, 300 * nanoseconds_per_second};
  RateTable<FlapWatch> table(256);
  const std::uint64_t banned = random() | 2;
  FlapVerdict verdict;
  const auto connect = [&](std::uint64_t key, TimeNs now) {
    return table.visit(key, now, FlapWatch::ban_worth, [&](FlapWatch& watch) { verdict = watch.connect(rule, now); });
  };
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(connect(banned, nanoseconds_per_second));
  EXPECT_TRUE(verdict.ban_began);
  for (int i = 0; i < 100'000; ++i) (void)connect(random() | 2, 2 * nanoseconds_per_second);
  EXPECT_TRUE(connect(banned, 3 * nanoseconds_per_second));
  EXPECT_EQ(verdict.wait, 298 * nanoseconds_per_second);
}

TEST(RateTable, CountsEveryVisitOfSeveralThreads) {
  RateTable<Weight> table(1024);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&table] {
      for (std::uint64_t i = 0; i < 20'000; ++i)
        (void)table.visit((i % 10 + 1) << 32 | 1, 0, no_binding, [](Weight& weight) { ++weight.value; });
    });
  threads.clear();
  for (std::uint64_t key = 1; key <= 10; ++key) EXPECT_EQ(value_of(table, key << 32 | 1), 8000U);
}

}  // namespace
}  // namespace ringgate::limit
