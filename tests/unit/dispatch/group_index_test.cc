// The index of groups against the plainest one there is: a set of pairs.
#include "dispatch/group_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/limits.h"

namespace ringgate::dispatch {
namespace {

using Joined = GroupIndex::Joined;

std::vector<std::uint32_t> members(const GroupIndex& index, std::string_view name, std::size_t step = 7) {
  std::vector<std::uint32_t> all, some(step);
  std::uint32_t from = 0;
  while (const std::size_t count = index.members_from(name, from, some)) {
    all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
    from = all.back() + 1;
  }
  return all;
}

TEST(GroupIndex, AgreesWithASetOfPairsWhateverHappens) {
  constexpr std::uint32_t seed = 20'26;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  GroupIndex index;
  std::set<std::pair<std::string, std::uint32_t>> reference;
  const std::vector<std::string> names{"a", "b", "site-7", std::string(128, 'x')};
  for (int step = 0; step < 20'000; ++step) {
    const std::string& name = names[random() % names.size()];
    const std::uint32_t slot =
        random() % 3 == 0 ? static_cast<std::uint32_t>(random() % 2000) : static_cast<std::uint32_t>(random() % 40) * 511;
    switch (random() % 8) {
      case 0:
        index.leave_all(slot);
        std::erase_if(reference, [&](const auto& pair) { return pair.second == slot; });
        break;
      case 1:
      case 2: EXPECT_EQ(index.leave(slot, name), reference.erase({name, slot}) == 1); break;
      default: EXPECT_EQ(index.join(slot, name), reference.insert({name, slot}).second ? Joined::joined : Joined::already);
    }
    ASSERT_EQ(index.is_member(slot, name), reference.contains({name, slot}));
    if (step % 500 != 0) continue;
    std::set<std::string> groups;
    for (const auto& [group, member] : reference) groups.insert(group);
    EXPECT_EQ(index.groups_count(), groups.size());
    EXPECT_EQ(index.memberships_count(), reference.size());
    for (const std::string& group : names) {
      std::vector<std::uint32_t> expected;
      for (const auto& [of, member] : reference)
        if (of == group) expected.push_back(member);
      EXPECT_EQ(members(index, group), expected);
      EXPECT_EQ(members(index, group, 64), expected);
      EXPECT_EQ(index.members_count(group), expected.size());
    }
  }
  for (std::uint32_t slot = 0; slot < 41 * 511; ++slot) index.leave_all(slot);
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(index.groups_count(), 0U);
  EXPECT_EQ(index.memberships_count(), 0U);
}

TEST(GroupIndex, KeepsTheOrderInWhichASlotJoined) {
  GroupIndex index;
  for (const char* name : {"c", "a", "b"}) EXPECT_EQ(index.join(5, name), Joined::joined);
  EXPECT_TRUE(index.leave(5, "a"));
  EXPECT_EQ(index.groups_of(5), (std::vector<std::string_view>{"c", "b"}));
  EXPECT_TRUE(index.groups_of(6).empty());
}

TEST(GroupIndex, ADeviceIsInNoMoreGroupsThanTheCeiling) {
  GroupIndex index;
  for (std::size_t i = 0; i < limits::groups_per_device_max; ++i)
    ASSERT_EQ(index.join(1, "g" + std::to_string(i)), Joined::joined);
  EXPECT_EQ(index.join(1, "more"), Joined::no_room);
  EXPECT_EQ(index.join(1, "g0"), Joined::already);
  EXPECT_EQ(index.groups_count(), limits::groups_per_device_max) << "the group that had no room is not kept";
  EXPECT_EQ(index.join(2, "more"), Joined::joined);
  EXPECT_TRUE(index.leave(1, "g0"));
  EXPECT_EQ(index.join(1, "more"), Joined::joined);
}

TEST(GroupIndex, AShardHasNoMoreGroupsThanTheCeiling) {
  GroupIndex index;
  for (std::size_t i = 0; i < limits::groups_per_shard_max; ++i)
    ASSERT_EQ(index.join(static_cast<std::uint32_t>(i / limits::groups_per_device_max), std::to_string(i)), Joined::joined);
  constexpr std::uint32_t fresh = limits::slots_per_shard_max;
  EXPECT_EQ(index.join(fresh, "more"), Joined::no_room);
  EXPECT_TRUE(index.groups_of(fresh).empty());
  EXPECT_EQ(index.join(fresh, "0"), Joined::joined);
}

}  // namespace
}  // namespace ringgate::dispatch
