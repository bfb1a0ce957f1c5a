#include "device/device_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <unordered_map>

namespace ringgate::device {
namespace {

/// Spreads small numbers over all indices, as the hash does.
IdKey key_of(std::uint64_t id) { return {(id + 1) * 0x9E37'79B9'7F4A'7C15U | 2U, id}; }

ConnectionRef ref_of(std::uint64_t number) {
  return {static_cast<std::uint8_t>(number % limits::shards_max), static_cast<std::uint32_t>(number >> 8) & 0x7F'FFFFU,
          static_cast<std::uint32_t>(number) + 1};
}

class DeviceMapTest : public testing::Test {
 protected:
  std::optional<ConnectionRef> attach(std::uint64_t id, ConnectionRef now) { return map.attach(key_of(id), now).value(); }

  /// Attaches and detaches other ids until the table has been rebuilt `rebuilds` times.
  void churn(std::uint64_t rebuilds) {
    for (const std::uint64_t until = all.rebuilds_count() + rebuilds; all.rebuilds_count() < until; ++churned) {
      const ConnectionRef passing{9, 9, static_cast<std::uint32_t>(churned) + 1};
      ASSERT_EQ(attach(1'000'000'000 + churned, passing), std::nullopt);
      ASSERT_TRUE(map.detach(key_of(1'000'000'000 + churned), passing));
      all.reclaim();
    }
  }

  std::multiset<std::uint64_t> scan_all(std::size_t limit) {
    std::multiset<std::uint64_t> seen;
    std::optional<DeviceMap::Cursor> cursor = 0;
    while (cursor) {
      const auto page = map.scan(*cursor, limit);
      EXPECT_LE(page.refs.size(), limit);
      for (const ConnectionRef ref : page.refs) seen.insert(ref.pack());
      cursor = page.next;
    }
    return seen;
  }

  DeviceMap all{200'000};
  DeviceMap::Shard map = all.of(0);
  std::uint64_t churned = 0;
};

TEST_F(DeviceMapTest, NewestOwnerWinsAndTheReplacedOneIsReturned) {
  EXPECT_EQ(map.find(key_of(1)), std::nullopt);
  EXPECT_EQ(attach(1, ref_of(10)), std::nullopt);
  EXPECT_EQ(attach(1, ref_of(11)), ref_of(10));
  EXPECT_EQ(map.find(key_of(1)), ref_of(11));
  EXPECT_EQ(all.count(), 1U);
}

TEST_F(DeviceMapTest, OnlyTheOwnerDetaches) {
  attach(1, ref_of(10));
  attach(1, ref_of(11));
  EXPECT_FALSE(map.detach(key_of(1), ref_of(10)));
  EXPECT_FALSE(map.detach(key_of(2), ref_of(11)));
  EXPECT_TRUE(map.detach(key_of(1), ref_of(11)));
  EXPECT_FALSE(map.detach(key_of(1), ref_of(11)));
  EXPECT_EQ(map.find(key_of(1)), std::nullopt);
  EXPECT_EQ(all.count(), 0U);
  EXPECT_EQ(attach(1, ref_of(12)), std::nullopt);
}

TEST_F(DeviceMapTest, KeepsTheSmallestAndGreatestReferenceAndIndexApartFromItsOwnMarks) {
  const IdKey least{IdKey::index_min, 0}, greatest{~std::uint64_t{0}, 0};
  const ConnectionRef first{0, 0, 1}, last{254, limits::slots_per_shard_max, 0xFFFF'FFFF};
  EXPECT_EQ(map.attach(least, first).value(), std::nullopt);
  EXPECT_EQ(map.attach(greatest, last).value(), std::nullopt);
  churn(3);
  EXPECT_EQ(map.find(least), first);
  EXPECT_EQ(map.find(greatest), last);
  EXPECT_EQ(scan_all(1).size(), 2U);
  EXPECT_EQ(map.attach(least, {0, limits::slots_per_shard_max + 1, 1}), std::unexpected(Full{}));
}

TEST_F(DeviceMapTest, RefusesNewIdsAtItsCeilingButNotNewOwners) {
  DeviceMap whole(3);
  DeviceMap::Shard small = whole.of(0);
  for (std::uint64_t id = 0; id < 3; ++id) EXPECT_TRUE(small.attach(key_of(id), ref_of(id)));
  EXPECT_EQ(small.attach(key_of(3), ref_of(3)), std::unexpected(Full{}));
  EXPECT_EQ(small.attach(key_of(1), ref_of(4)).value(), ref_of(1));
  EXPECT_TRUE(small.detach(key_of(0), ref_of(0)));
  EXPECT_TRUE(small.attach(key_of(3), ref_of(3)));
  EXPECT_EQ(whole.count(), 3U);
}

TEST_F(DeviceMapTest, OutlivesAnyNumberOfDistinctIds) {
  for (std::uint64_t id = 0; id < 100; ++id) attach(id, ref_of(id));
  churn(20);
  for (std::uint64_t id = 0; id < 100; ++id) EXPECT_EQ(map.find(key_of(id)), ref_of(id));
  EXPECT_EQ(all.count(), 100U);
}

TEST_F(DeviceMapTest, FreesOldTablesOnceNoCallMayReadThem) {
  {
    const auto reading = all.hold(1);
    churn(1);
    all.reclaim();
    EXPECT_EQ(all.tables_waiting_count(), 1U);
  }
  all.reclaim();
  EXPECT_EQ(all.tables_waiting_count(), 0U);
}

TEST_F(DeviceMapTest, IsNotHeldByShardsBetweenTheirCalls) {
  EXPECT_EQ(all.of(1).find(key_of(5)), std::nullopt);
  churn(3);
  EXPECT_LE(all.tables_waiting_count(), 1U);  // the last one, by the call that replaced it
  all.reclaim();
  EXPECT_EQ(all.tables_waiting_count(), 0U);
}

TEST_F(DeviceMapTest, HoldsNewTablesForThoseWhoComeInNoLonger) {
  const auto reading = all.hold(1);
  churn(1);
  {
    const auto later = all.hold(2);  // came in when the table had been replaced
    churn(1);
  }
  all.reclaim();
  EXPECT_EQ(all.tables_waiting_count(), 2U);
}

TEST_F(DeviceMapTest, FindsForThreadsThatAreNoShard) {
  attach(1, ref_of(10));
  EXPECT_EQ(all.find_from_outside(key_of(1)), ref_of(10));
  EXPECT_EQ(all.find_from_outside(key_of(2)), std::nullopt);
  churn(1);
  all.reclaim();
  EXPECT_EQ(all.tables_waiting_count(), 0U);
}

TEST_F(DeviceMapTest, BoundsWhatAThreadStoppedInACallMakesItKeep) {
  std::uint64_t id = 0;
  {
    const auto stopped = all.hold(1);
    while (map.attach(key_of(id), ref_of(id))) {
      ASSERT_TRUE(map.detach(key_of(id), ref_of(id)));
      all.reclaim();
      ASSERT_LT(++id, 10'000'000U);
    }
    EXPECT_EQ(all.tables_waiting_count(), limits::device_tables_waiting_max);
    EXPECT_EQ(all.count(), 0U);
  }
  EXPECT_TRUE(map.attach(key_of(id), ref_of(id)));
}

TEST_F(DeviceMapTest, ScansInTheOrderOfHashesPageByPage) {
  EXPECT_TRUE(scan_all(10).empty());
  std::vector<std::uint64_t> indices;
  for (std::uint64_t id = 0; id < 50'000; ++id) {
    ASSERT_EQ(map.attach(key_of(id), ConnectionRef{1, static_cast<std::uint32_t>(id), 1}).value(), std::nullopt);
    indices.push_back(key_of(id).index);
  }
  std::sort(indices.begin(), indices.end());
  for (const std::size_t limit : {1U, 7U, 100U, 1000U, 1'000'000U}) {
    std::vector<std::uint64_t> seen;
    for (std::optional<DeviceMap::Cursor> cursor = 0; cursor;) {
      const auto page = map.scan(*cursor, limit);
      for (const ConnectionRef ref : page.refs) seen.push_back(key_of(ref.slot).index);
      cursor = page.next;
    }
    EXPECT_EQ(seen, indices) << limit;
  }
}

TEST_F(DeviceMapTest, ScanMeetsEveryLastingIdWhileTablesChangeBetweenPages) {
  for (std::uint64_t id = 0; id < 3'000; ++id) attach(id, ref_of(id));
  std::uint64_t owner = 1'000'000;
  std::set<std::uint32_t> seen_ids;
  std::unordered_map<std::uint64_t, std::uint32_t> id_of;
  for (std::uint64_t id = 0; id < 3'000; ++id) id_of[ref_of(id).pack()] = static_cast<std::uint32_t>(id);
  const std::uint64_t rebuilds = all.rebuilds_count();
  for (std::optional<DeviceMap::Cursor> cursor = 0; cursor;) {
    const auto page = map.scan(*cursor, 10);
    for (const ConnectionRef ref : page.refs) {
      if (const auto found = id_of.find(ref.pack()); found != id_of.end()) seen_ids.insert(found->second);
    }
    cursor = page.next;
    for (int step = 0; step < 60; ++step, ++owner) {
      const std::uint64_t id = owner % 3'000;
      attach(id, ref_of(owner));
      id_of[ref_of(owner).pack()] = static_cast<std::uint32_t>(id);
      attach(owner * 2, ref_of(owner * 2));
      ASSERT_TRUE(map.detach(key_of(owner * 2), ref_of(owner * 2)));
    }
    all.reclaim();
  }
  EXPECT_EQ(seen_ids.size(), 3'000U);
  EXPECT_GE(all.rebuilds_count(), rebuilds + 2);
}

TEST_F(DeviceMapTest, AgreesWithAMapThroughGrowthShrinkingAndRebuilds) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::unordered_map<std::uint64_t, ConnectionRef> model;
  std::uint64_t number = 0, ids = 2'000;
  for (int step = 0; step < 1'000'000; ++step) {
    if (step % 100'000 == 0) ids = std::uint64_t{500} << (random() % 8);
    const std::uint64_t id = random() % ids + (random() % 2 == 0 ? static_cast<std::uint64_t>(step) : 0);
    const auto found = model.find(id);
    const auto expected = found == model.end() ? std::nullopt : std::optional(found->second);
    ASSERT_EQ(map.find(key_of(id)), expected) << "step " << step;
    if (random() % 2 == 0) {
      const ConnectionRef now = ref_of(++number);
      ASSERT_EQ(map.attach(key_of(id), now).value(), expected) << "step " << step;
      model[id] = now;
    } else if (!model.empty()) {
      const auto victim = random() % 2 == 0 && expected ? found : model.begin();
      ASSERT_FALSE(map.detach(key_of(victim->first), ConnectionRef{200, 1, 1}));
      ASSERT_TRUE(map.detach(key_of(victim->first), victim->second)) << "step " << step;
      model.erase(victim);
    }
    ASSERT_EQ(all.count(), model.size());
    all.reclaim();
    if (step % 50'000 == 0) {
      std::multiset<std::uint64_t> expected_refs;
      for (const auto& [unused, ref] : model) expected_refs.insert(ref.pack());
      ASSERT_EQ(scan_all(97), expected_refs) << "step " << step;
    }
  }
  EXPECT_GT(all.rebuilds_count(), 10U);
}

}  // namespace
}  // namespace ringgate::device
