// Verdicts that find no room are kept, in bounded time, and hold up nobody else's.
#include "hooks/decision_courier.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace ringgate::hooks {
namespace {

constexpr DurationNs second = nanoseconds_per_second;

struct Shards {
  std::set<std::uint64_t> full;                // connections whose shard has no room
  std::map<std::uint64_t, std::string> taken;  // by connection: the reason of the refusal

  DecisionCourier courier{[this](ConnectionRef connection, UpgradeDecision& decision) {
                            if (full.contains(connection.word)) return false;
                            const UpgradeDecision mine = std::move(decision);
                            EXPECT_TRUE(taken.emplace(connection.word, std::get<UpgradeRefusal>(mine).reason).second);
                            return true;
                          },
                          10 * second};
};

UpgradeDecision refusal(std::string reason) { return UpgradeRefusal{.reason = std::move(reason)}; }

TEST(DecisionCourier, BringsAtOnceWhatFindsRoom) {
  Shards shards;
  shards.courier.bring({1}, refusal("one"), second);
  EXPECT_EQ(shards.taken.at(1), "one");
  EXPECT_EQ(shards.courier.waiting_count(), 0U);
  EXPECT_EQ(shards.courier.due_at(second), UINT64_MAX);
}

TEST(DecisionCourier, KeepsWhatFindsNoneUntilThereIsRoom) {
  Shards shards;
  shards.full = {1, 2};
  shards.courier.bring({1}, refusal("one"), second);
  shards.courier.bring({2}, refusal("two"), second);
  shards.courier.bring({3}, refusal("three"), second);
  EXPECT_EQ(shards.taken.size(), 1U) << "another shard has room";
  EXPECT_EQ(shards.courier.due_at(second), second + DecisionCourier::pause);
  shards.courier.run(2 * second);
  EXPECT_EQ(shards.courier.waiting_count(), 2U);
  shards.full = {1};
  shards.courier.run(3 * second);
  EXPECT_EQ(shards.taken.at(2), "two");
  EXPECT_EQ(shards.courier.waiting_count(), 1U);
  shards.full.clear();
  shards.courier.run(4 * second);
  EXPECT_EQ(shards.taken.at(1), "one");
  EXPECT_EQ(shards.courier.waiting_count(), 0U);
}

TEST(DecisionCourier, GivesUpWhatNobodyWaitsForAnyMore) {
  Shards shards;
  shards.full = {1};
  shards.courier.bring({1}, refusal("one"), second);
  shards.courier.run(11 * second - 1);
  EXPECT_EQ(shards.courier.waiting_count(), 1U);
  shards.courier.run(11 * second);
  EXPECT_EQ(shards.courier.waiting_count(), 0U);
  EXPECT_TRUE(shards.taken.empty());
}

}  // namespace
}  // namespace ringgate::hooks
