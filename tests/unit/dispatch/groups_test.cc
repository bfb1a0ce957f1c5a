// Groups of devices over two shards: how devices join and leave, and whom a message to a group reaches.
#include <array>

#include "base/limits.h"
#include "dispatch/entry.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using dispatch::CloseOutcome;
using dispatch::GroupChange;
using dispatch::Selection;
using ws::Opcode;

class Groups : public DeviceFixture {
 protected:
  Groups() {
    options.shards_count = 2;
    RouteConfig named = options.settings.routes.front();
    named.path = "/site";
    named.groups = {"site-7", "everywhere"};
    options.settings.routes.push_back(named);
  }

  static ws::MessageRef text(std::string_view payload) { return ws::MessageRef::encode(MessageType::text, bytes_of(payload)); }

  CloseOutcome change(GroupChange::Kind kind, std::string_view id, std::string_view group, std::size_t shard = 0) {
    std::optional<CloseOutcome> outcome;
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.change_group(id, {kind, std::string(group)}, [&](const dispatch::CloseResult& result) { outcome = result.outcome; });
    });
    gate->settle();
    EXPECT_TRUE(outcome.has_value());
    return outcome.value_or(CloseOutcome::unknown_outcome);
  }
  CloseOutcome join(std::string_view id, std::string_view group, std::size_t shard = 0) {
    return change(GroupChange::Kind::join, id, group, shard);
  }
  CloseOutcome leave(std::string_view id, std::string_view group, std::size_t shard = 0) {
    return change(GroupChange::Kind::leave, id, group, shard);
  }

  BroadcastResult send(const DeviceFilter& filter, std::string_view payload, std::size_t shard = 0) {
    BroadcastResult result;
    int calls = 0;
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.broadcast(text(payload), Selection(filter), [&](const BroadcastResult& r) {
        result = r;
        ++calls;
      });
    });
    gate->settle();
    EXPECT_EQ(calls, 1);
    return result;
  }
  static DeviceFilter group(std::string_view name) { return {.prefix = {}, .group = std::string(name), .route = {}}; }

  std::vector<std::string> groups_of(std::string_view id) {
    std::vector<std::string> groups;
    gate->on_shard(1, [&](dispatch::PushService& pushes) {
      pushes.describe(id, [&](const dispatch::DescribeResult& result) {
        if (result.device != nullptr) groups = result.device->groups;
      });
    });
    gate->settle();
    return groups;
  }

  std::uint64_t memberships() const {
    return gate->counters(0).group_memberships.get() + gate->counters(1).group_memberships.get();
  }
};

TEST_F(Groups, AMessageToAGroupReachesItsMembersOnAllShardsAndNobodyElse) {
  start();
  DeviceClient a = device("a", "/site", 0), b = device("b", "/site", 1), c = device("c", "/handler", 0),
               d = device("d", "/handler", 1);
  EXPECT_EQ(join("d", "site-7", 0), CloseOutcome::closed);
  for (std::size_t shard : {0U, 1U}) {
    const BroadcastResult result = send(group("site-7"), "hello", shard);
    EXPECT_EQ(result.outcome, BroadcastOutcome::completed);
    EXPECT_EQ(result.matched, 3U);
    EXPECT_EQ(result.delivered, 3U);
    EXPECT_EQ(result.refused, 0U);
    for (DeviceClient* client : {&a, &b, &d}) EXPECT_EQ(client->take(Opcode::text), std::vector<std::string>{"hello"});
    EXPECT_TRUE(c.take(Opcode::text).empty());
  }
  EXPECT_EQ(send(group("site-8"), "nobody").matched, 0U);
  EXPECT_EQ(groups_of("a"), (std::vector<std::string>{"site-7", "everywhere"}));
  EXPECT_EQ(groups_of("d"), (std::vector<std::string>{"site-7"}));
  EXPECT_EQ(memberships(), 5U);
}

TEST_F(Groups, FiltersHoldTogether) {
  start();
  DeviceClient a1 = device("a-1", "/site", 0), a2 = device("a-2", "/handler", 1), b1 = device("b-1", "/site", 1);
  EXPECT_EQ(send({.prefix = "a-", .group = {}, .route = {}}, "x").matched, 2U);
  EXPECT_EQ(send({.prefix = {}, .group = {}, .route = "/site"}, "x").matched, 2U);
  EXPECT_EQ(send({.prefix = "a-", .group = "site-7", .route = "/site"}, "x").matched, 1U);
  EXPECT_EQ(send({.prefix = "a-", .group = "site-7", .route = "/handler"}, "x").matched, 0U);
  EXPECT_EQ(send({}, "x").matched, 3U);
  EXPECT_EQ(a1.take(Opcode::text).size(), 4U);
  EXPECT_EQ(a2.take(Opcode::text).size(), 2U);
  EXPECT_EQ(b1.take(Opcode::text).size(), 2U);
}

TEST_F(Groups, RestrictionsOfTwoFiltersNeverReachMoreThanEither) {
  Selection both({.prefix = "a-", .group = "one", .route = "/ws"});
  both.restrict_to({.prefix = "a-1", .group = "two", .route = {}});
  EXPECT_EQ(both.prefix(), "a-1");
  EXPECT_EQ(both.route(), "/ws");
  EXPECT_EQ(both.groups(), (std::vector<std::string>{"one", "two"}));
  both.restrict_to({.prefix = "a", .group = "one", .route = "/ws"});
  EXPECT_EQ(both.prefix(), "a-1");
  EXPECT_EQ(both.groups().size(), 2U);
  EXPECT_FALSE(both.is_nobody());
  Selection apart({.prefix = "a-", .group = {}, .route = {}});
  apart.restrict_to({.prefix = "b-", .group = {}, .route = {}});
  EXPECT_TRUE(apart.is_nobody());
  Selection routes({.prefix = {}, .group = {}, .route = "/a"});
  routes.restrict_to({.prefix = {}, .group = {}, .route = "/b"});
  EXPECT_TRUE(routes.is_nobody());
  EXPECT_TRUE(Selection().is_everybody());
}

TEST_F(Groups, ASelectionOfNobodyReachesNobody) {
  start();
  DeviceClient a = device("a-1", "/site", 0);
  BroadcastResult result{.matched = 9};
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    Selection apart({.prefix = "a-", .group = {}, .route = {}});
    apart.restrict_to({.prefix = "b-", .group = {}, .route = {}});
    pushes.broadcast(text("x"), apart, [&](const BroadcastResult& r) { result = r; });
  });
  gate->settle();
  EXPECT_EQ(result.matched, 0U);
  EXPECT_TRUE(a.take(Opcode::text).empty());
}

TEST_F(Groups, MembershipEndsWithTheConnection) {
  start();
  DeviceClient a = device("a", "/site", 0);
  EXPECT_EQ(join("a", "extra", 1), CloseOutcome::closed);
  EXPECT_EQ(groups_of("a").size(), 3U);
  a.peer().reset();
  gate->settle();
  EXPECT_EQ(memberships(), 0U);
  EXPECT_EQ(send(group("extra"), "x").matched, 0U);
  DeviceClient again = device("a", "/site", 1);
  EXPECT_EQ(groups_of("a"), (std::vector<std::string>{"site-7", "everywhere"}));
}

TEST_F(Groups, ALastingMembershipIsThereWheneverTheDeviceIs) {
  start();
  const device::IdKey key = gate->state().hash("a");
  EXPECT_EQ(gate->state().sticky_groups.add(key, "for-good"), dispatch::StickyGroups::Added::added);
  EXPECT_EQ(gate->state().sticky_groups.add(key, "for-good"), dispatch::StickyGroups::Added::already);
  for (std::size_t shard : {0U, 1U}) {
    DeviceClient a = device("a", "/handler", shard);
    EXPECT_EQ(groups_of("a"), std::vector<std::string>{"for-good"});
    EXPECT_EQ(send(group("for-good"), "x").delivered, 1U);
    a.peer().reset();
    gate->settle();
  }
  DeviceClient other = device("b");
  EXPECT_TRUE(groups_of("b").empty());
  EXPECT_TRUE(gate->state().sticky_groups.remove(key, "for-good"));
  EXPECT_FALSE(gate->state().sticky_groups.remove(key, "for-good"));
  EXPECT_EQ(gate->state().sticky_groups.count(), 0U);
  DeviceClient a = device("a");
  EXPECT_TRUE(groups_of("a").empty());
}

TEST_F(Groups, LastingMembershipsHaveACeiling) {
  dispatch::StickyGroups sticky(3);
  using Added = dispatch::StickyGroups::Added;
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(sticky.add({.index = 7, .check = 1}, name), Added::added);
  EXPECT_EQ(sticky.add({.index = 8, .check = 1}, "a"), Added::no_room);
  EXPECT_EQ(sticky.add({.index = 7, .check = 1}, "a"), Added::already);
  EXPECT_TRUE(sticky.of({.index = 7, .check = 2}).empty()) << "another id of the same index";
  dispatch::StickyGroups wide(limits::groups_per_device_max + 10);
  for (std::size_t i = 0; i < limits::groups_per_device_max; ++i)
    ASSERT_EQ(wide.add({.index = 7, .check = 1}, std::to_string(i)), Added::added);
  EXPECT_EQ(wide.add({.index = 7, .check = 1}, "more"), Added::no_room);
  EXPECT_EQ(wide.add({.index = 8, .check = 1}, "more"), Added::added);
}

TEST_F(Groups, ADeviceThatIsNotThereCannotJoin) {
  start();
  EXPECT_EQ(join("nobody", "x"), CloseOutcome::unknown_device);
  EXPECT_EQ(leave("nobody", "x"), CloseOutcome::unknown_device);
  DeviceClient a = device("a", "/handler", 1);
  EXPECT_EQ(leave("a", "x"), CloseOutcome::closed) << "it is not in the group, as was asked";
  for (std::size_t i = 0; i < limits::groups_per_device_max; ++i)
    ASSERT_EQ(join("a", "g" + std::to_string(i), i % 2), CloseOutcome::closed);
  EXPECT_EQ(join("a", "more", 0), CloseOutcome::no_room);
  EXPECT_EQ(join("a", "more", 1), CloseOutcome::no_room);
  EXPECT_EQ(leave("a", "g0"), CloseOutcome::closed);
  EXPECT_EQ(join("a", "more"), CloseOutcome::closed);
}

TEST_F(Groups, MessagesToGroupsKeepOneOrderWithBroadcasts) {
  start();
  DeviceClient near = device("near", "/site", 0), far = device("far", "/site", 1);
  std::vector<std::string> expected;
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    for (int i = 0; i < 30; ++i) {
      expected.push_back(std::to_string(i));
      pushes.broadcast(text(expected.back()), i % 2 == 0 ? Selection() : Selection(group(i % 3 == 0 ? "site-7" : "everywhere")),
                       [](const BroadcastResult&) {});
    }
  });
  gate->settle();
  EXPECT_EQ(near.take(Opcode::text), expected);
  EXPECT_EQ(far.take(Opcode::text), expected);
}

TEST_F(Groups, ALargeGroupIsVisitedWholeAlthoughMembersComeAndGo) {
  options.slots_count = 6000;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(device("d" + std::to_string(i), "/site", 0));
  for (int i = 0; i < 300; i += 3) clients[static_cast<std::size_t>(i)].peer().reset();
  gate->settle();
  EXPECT_EQ(send(group("everywhere"), "x", 1).matched, 200U);
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(clients[i].take(Opcode::text).size(), i % 3 == 0 ? 0U : 1U) << i;
}

TEST_F(Groups, SweepsCountAndClose) {
  start();
  DeviceClient a = device("a-1", "/site", 0), b = device("a-2", "/site", 1), c = device("c", "/site", 1);
  BroadcastResult counted, closed;
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    pushes.sweep({.act = dispatch::Sweep::Act::count, .selection = Selection(group("site-7")), .message = {}, .reason = {}},
                 [&](const BroadcastResult& result) { counted = result; });
    pushes.sweep({.act = dispatch::Sweep::Act::close,
                  .selection = Selection({.prefix = "a-", .group = {}, .route = {}}),
                  .message = {},
                  .code = static_cast<CloseCode>(4001),
                  .reason = "moved"},
                 [&](const BroadcastResult& result) { closed = result; });
  });
  gate->settle();
  EXPECT_EQ(counted.matched, 3U);
  EXPECT_EQ(closed.matched, 2U);
  EXPECT_EQ(closed.delivered, 2U);
  for (DeviceClient* client : {&a, &b}) {
    client->read();
    EXPECT_EQ(client->close_code(), 4001);
    EXPECT_EQ(client->close_reason(), "moved");
  }
  c.read();
  EXPECT_EQ(c.close_code(), std::nullopt);
  EXPECT_EQ(gate->counters(0).broadcast_completed.get(), 0U) << "no message was sent";
}

TEST_F(Groups, AThreadWithoutAShardSendsToAGroup) {
  start();
  DeviceClient a = device("a", "/site", 0), b = device("b", "/handler", 1);
  dispatch::Entry entry(gate->state(), 1000);
  BroadcastResult result;
  entry.broadcast(group("site-7"), {MessageType::text, bytes_of("hi")}, [&](const BroadcastResult& r) { result = r; });
  gate->settle();
  EXPECT_EQ(result.matched, 1U);
  EXPECT_EQ(a.take(Opcode::text), std::vector<std::string>{"hi"});
  EXPECT_TRUE(b.take(Opcode::text).empty());
}

TEST_F(Groups, AShardThatEndsAnswersWhatItWasAsked) {
  start();
  DeviceClient a = device("a", "/site", 0);
  int calls = 0;
  gate->on_shard(1, [&](dispatch::PushService& pushes) {
    pushes.change_group("a", {GroupChange::Kind::join, "x"}, [&](const dispatch::CloseResult&) { ++calls; });
    pushes.broadcast(text("x"), Selection(group("site-7")), [&](const BroadcastResult&) { ++calls; });
  });
  gate->close_down();
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace ringgate::simulated
