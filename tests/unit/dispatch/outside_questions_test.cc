// Questions from threads without a shard, asked through Entry: each is answered once, and truly.
#include <set>

#include "base/limits.h"
#include "dispatch/entry.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class OutsideQuestions : public DeviceFixture {
 protected:
  OutsideQuestions() { options.shards_count = 3; }
  dispatch::Entry entry() { return {gate->state(), 1024 * 1024}; }

  CloseOutcome close(std::string_view id) {
    std::vector<CloseOutcome> outcomes;
    entry().close(id, static_cast<CloseCode>(4001), "enough", [&](CloseOutcome outcome) { outcomes.push_back(outcome); });
    gate->settle();
    EXPECT_EQ(outcomes.size(), 1U);
    return outcomes.empty() ? CloseOutcome::unknown_outcome : outcomes.front();
  }
  DescribeResult find(std::string_view id) {
    DescribeResult found;
    int answers = 0;
    entry().describe(id, [&](DescribeResult result) {
      ++answers;
      found = std::move(result);
    });
    gate->settle();
    EXPECT_EQ(answers, 1);
    return found;
  }
  ListResult list(DeviceCursor cursor, std::size_t limit) {
    ListResult page;
    int answers = 0;
    entry().list(cursor, limit, [&](ListResult result) {
      ++answers;
      page = std::move(result);
    });
    gate->settle();
    EXPECT_EQ(answers, 1);
    return page;
  }
};

TEST_F(OutsideQuestions, CloseTheDeviceThatHasTheId) {
  start();
  DeviceClient client = device("here", "/handler", 2);
  EXPECT_EQ(close("nobody"), CloseOutcome::unknown_device);
  EXPECT_EQ(close("here"), CloseOutcome::closed);
  client.read();
  EXPECT_EQ(client.close_code(), 4001);
  EXPECT_EQ(client.close_reason(), "enough");
  EXPECT_EQ(close("here"), CloseOutcome::unknown_device);
  entry().close("here", CloseCode::normal, "", nullptr);
}

TEST_F(OutsideQuestions, DescribeTheDeviceThatHasTheId) {
  start();
  DeviceClient client = device("here", "/handler", 1);
  const DescribeResult found = find("here");
  ASSERT_EQ(found.outcome, DescribeOutcome::found);
  EXPECT_EQ(found.device->device_id, "here");
  EXPECT_EQ(found.device->shard, 1U);
  EXPECT_EQ(found.device->path, "/handler");
  EXPECT_EQ(find("nobody").outcome, DescribeOutcome::unknown_device);
}

TEST_F(OutsideQuestions, ListEveryDeviceOfAllShardsPageByPage) {
  start();
  std::vector<DeviceClient> clients;
  std::set<std::string> expected;
  for (std::size_t i = 0; i < 60; ++i) {
    const std::string id = "d" + std::to_string(i);
    clients.push_back(device(id, "/handler", i % 3));
    expected.insert(id);
  }
  for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX}) {
    std::set<std::string> seen;
    DeviceCursor cursor;
    do {
      const ListResult page = list(cursor, limit);
      ASSERT_EQ(page.outcome, ListOutcome::completed);
      EXPECT_LE(page.devices.size(), std::clamp<std::size_t>(limit, 1, listed_devices_max));
      for (const DeviceInfo& info : page.devices) seen.insert(info.device_id);
      cursor = page.next;
    } while (cursor != DeviceCursor{});
    EXPECT_EQ(seen, expected) << "limit " << limit;
  }
}

TEST_F(OutsideQuestions, FillOnlyABoundedQueueOfPages) {
  start();
  DeviceClient client = device("far", "/handler", 1);
  int completed = 0;
  int unavailable = 0;
  for (std::size_t i = 0; i < limits::listings_waiting_max + 10; ++i) {
    entry().list({}, 10, [&](ListResult result) { ++(result.outcome == ListOutcome::completed ? completed : unavailable); });
  }
  gate->settle();
  EXPECT_EQ(unavailable, 9) << "one is under way, as many as fit wait";
  EXPECT_EQ(completed, static_cast<int>(limits::listings_waiting_max) + 1);
}

TEST_F(OutsideQuestions, AreAnsweredWhenNoShardRunsAnyMore) {
  start();
  DeviceClient client = device("here", "/handler", 1);
  std::vector<CloseOutcome> closed;
  std::vector<DescribeOutcome> described;
  std::vector<ListOutcome> listed;
  const auto ask = [&] {
    entry().close("here", CloseCode::normal, "", [&](CloseOutcome outcome) { closed.push_back(outcome); });
    entry().describe("here", [&](DescribeResult result) { described.push_back(result.outcome); });
    for (int i = 0; i < 3; ++i) entry().list({}, 10, [&](ListResult result) { listed.push_back(result.outcome); });
  };
  ask();
  gate->close_down();
  ask();
  EXPECT_EQ(closed, (std::vector{CloseOutcome::stopping, CloseOutcome::stopping}));
  EXPECT_EQ(described, (std::vector{DescribeOutcome::unavailable, DescribeOutcome::unavailable}));
  EXPECT_EQ(listed, std::vector(6, ListOutcome::unavailable));
}

TEST_F(OutsideQuestions, PushAndBroadcastPreparedMessages) {
  start();
  DeviceClient one = device("one", "/handler", 0);
  DeviceClient two = device("two", "/handler", 2);
  const auto message = *PreparedMessage::make({MessageType::text, bytes_of("prepared")});
  std::vector<PushOutcome> outcomes;
  for (const char* id : {"one", "two", "nobody"})
    entry().push(id, message, [&](const PushResult& result) { outcomes.push_back(result.outcome); });
  BroadcastResult sum;
  entry().broadcast(message, [&](const BroadcastResult& result) { sum = result; });
  gate->settle();
  EXPECT_EQ(std::ranges::count(outcomes, PushOutcome::delivered), 2);
  EXPECT_EQ(std::ranges::count(outcomes, PushOutcome::unknown_device), 1);
  EXPECT_EQ(sum.delivered, 2U);
  for (DeviceClient* client : {&one, &two})
    EXPECT_EQ(client->take(Opcode::text), (std::vector<std::string>{"prepared", "prepared"}));
  const auto large = *PreparedMessage::make({MessageType::binary, bytes_of(std::string(1024 * 1024 + 1, 'x'))});
  entry().push("one", large, [&](const PushResult& result) { EXPECT_EQ(result.outcome, PushOutcome::too_large); });
  entry().broadcast(large, [&](const BroadcastResult& result) { EXPECT_EQ(result.outcome, BroadcastOutcome::too_large); });
}

}  // namespace
}  // namespace ringgate::simulated
