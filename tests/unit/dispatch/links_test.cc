// Questions about the quality of devices' links: of one device and of all, on the same shard and across, and what may go wrong.
#include "base/limits.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using dispatch::DescribeOutcome;
using dispatch::DescribeResult;
using dispatch::Detail;
using dispatch::RankBy;
using dispatch::Sweep;
using dispatch::WorstDevices;

class Links : public DeviceFixture {
 protected:
  Links() { options.shards_count = 2; }

  /// Asks without turning any shard afterwards.
  void ask(std::string_view id, std::size_t shard = 0, Detail detail = Detail::link) {
    const std::size_t number = answers.size();
    answers.emplace_back();
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.describe(gate->state().hash(id), detail, [this, number](DescribeResult result) {
        EXPECT_FALSE(answers[number].has_value());
        answers[number] = std::move(result);
      });
    });
  }
  LinkReading link_of(std::string_view id, std::size_t shard = 0, Detail detail = Detail::link) {
    ask(id, shard, detail);
    gate->settle();
    return answer(answers.size() - 1);
  }
  LinkReading answer(std::size_t number) {
    EXPECT_TRUE(answers[number].has_value() && answers[number]->outcome == DescribeOutcome::found) << number;
    return answers[number] && answers[number]->device ? answers[number]->device->link : LinkReading{};
  }

  struct Ranking {
    BroadcastResult result;
    std::vector<dispatch::DeviceInfo> devices;
  };
  Ranking rank(std::size_t shard = 0, const DeviceFilter& filter = {}) {
    Ranking ranking;
    int calls = 0;
    const auto worst = std::make_shared<WorstDevices>(limits::ranked_devices_max);
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.sweep({.act = Sweep::Act::rank,
                    .selection = dispatch::Selection(filter),
                    .message = {},
                    .reason = {},
                    .rank_by = RankBy::retransmits,
                    .worst = worst},
                   [&](const BroadcastResult& result) {
                     ranking.result = result;
                     ++calls;
                   });
    });
    gate->settle();
    EXPECT_EQ(calls, 1);
    ranking.devices = worst->take();
    return ranking;
  }

  std::uint64_t readings(std::size_t shard) { return gate->counters(shard).links_read.get(); }

  std::vector<std::optional<DescribeResult>> answers;
};

constexpr LinkQuality poor{.rtt_us = 90'000,
                           .rttvar_us = 4000,
                           .min_rtt_us = 20'000,
                           .retransmits = 41,
                           .lost = 2,
                           .unacked = 7,
                           .cwnd = 3,
                           .mss = 1400,
                           .retransmitted_bytes = 57'400,
                           .delivery_rate = 8000,
                           .unsent_bytes = 12'345};

TEST_F(Links, TheQualityIsToldFromEveryShard) {
  start();
  DeviceClient a = device("a");
  a.peer().set_link(poor);
  for (const std::size_t shard : {0U, 1U}) {
    const LinkReading reading = link_of("a", shard);
    EXPECT_EQ(reading.status, LinkStatus::known);
    EXPECT_EQ(reading.quality, poor);
  }
  EXPECT_EQ(readings(0), 2U);
  EXPECT_EQ(world->process_descriptors_open(), 0U);
}

TEST_F(Links, NothingIsAskedUnlessSomebodyWantsToKnow) {
  start();
  DeviceClient a = device("a");
  EXPECT_EQ(link_of("a", 1, Detail::record).status, LinkStatus::not_asked);
  a.text("x");
  gate->pass(seconds(120));
  EXPECT_EQ(readings(0) + readings(1), 0U);
}

TEST_F(Links, ReasonIsToldWhereNothingCanBeKnown) {
  world_options.features.descriptor_install = false;
  start();
  DeviceClient a = device("a");
  EXPECT_EQ(link_of("a", 1).status, LinkStatus::unsupported);
  EXPECT_EQ(gate->counters(0).links_unread.get(), 1U);

  world_options.features = {};  // with process descriptors no other is needed
  start();
  DeviceClient b = device("a");
  EXPECT_EQ(link_of("a").status, LinkStatus::known);

  world_options = {};
  start();
  DeviceClient local(world->connect(gate->address(), {.ring_index = 0, .from = ring::PeerAddress::unix_socket()}));
  local.open("u");
  gate->settle();
  EXPECT_EQ(link_of("u", 1).status, LinkStatus::unix_socket);
}

TEST_F(Links, ErrorsOfTheKernelAreReasons) {
  start();
  DeviceClient a = device("a");
  const std::pair<ring::IoError, LinkStatus> errors[] = {{ring::IoError::no_descriptors, LinkStatus::no_descriptors},
                                                         {ring::IoError::unsupported, LinkStatus::unsupported},
                                                         {ring::IoError::connection_ended, LinkStatus::connection_ended},
                                                         {ring::IoError::no_memory, LinkStatus::failed},
                                                         {ring::IoError::other, LinkStatus::failed}};
  for (const auto& [error, status] : errors) {
    world->options().link_error = error;
    EXPECT_EQ(link_of("a", 1).status, status) << name_of(status);
  }
  world->options().link_error = ring::IoError::none;
  EXPECT_EQ(link_of("a").status, LinkStatus::known);
}

TEST_F(Links, DescriptorsOfTheProcessAreTakenForAMomentAndAFewAtATime) {
  world_options.process_descriptors_max = 16 + limits::link_readings_per_turn;  // the process has 16 others open
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < 100; ++i) clients.push_back(device("d" + std::to_string(i)));
  for (std::size_t i = 0; i < 100; ++i) ask("d" + std::to_string(i), i % 2);
  gate->settle();
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(answer(i).status, LinkStatus::known) << i;
  EXPECT_EQ(world->process_descriptors_open(), 0U);

  world_options.process_descriptors_max = 16;
  start();
  DeviceClient a = device("a");
  EXPECT_EQ(link_of("a", 1).status, LinkStatus::no_descriptors);
}

TEST_F(Links, OfADeviceThatLeavesMeanwhileTheRestIsTold) {
  for (const bool is_reset : {true, false}) {
    start();
    DeviceClient a = device("a", "/handler", 1);
    answers.clear();
    handler.received = [&](Connection& connection, MessageView) { connection.close(CloseCode::closed_by_backend, "bye"); };
    ask("a", 0);
    is_reset ? a.peer().reset() : a.text("x");
    gate->settle();
    a.peer().close();
    ASSERT_TRUE(answers[0].has_value());
    if (answers[0]->outcome == DescribeOutcome::found) {
      EXPECT_NE(answers[0]->device->link.status, LinkStatus::not_asked);
    }
    EXPECT_EQ(world->process_descriptors_open(), 0U);
    expect_nothing_left();
  }
}

TEST_F(Links, QuestionsHaveACeiling) {
  start();
  DeviceClient a = device("a");
  constexpr std::size_t asked = limits::link_questions_max + 20;
  std::size_t known = 0, busy = 0;
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    for (std::size_t i = 0; i < asked; ++i)
      pushes.describe(gate->state().hash("a"), Detail::link, [&](const DescribeResult& result) {
        ASSERT_NE(result.device, nullptr);
        known += result.device->link.status == LinkStatus::known ? 1 : 0;
        busy += result.device->link.status == LinkStatus::busy ? 1 : 0;
      });
  });
  gate->settle();
  EXPECT_EQ(known, limits::link_questions_max);
  EXPECT_EQ(busy, 20U);
}

TEST_F(Links, EndOfTheGateAnswersAllQuestions) {
  start();
  DeviceClient a = device("a"), b = device("b");
  int calls = 0;
  const auto worst = std::make_shared<WorstDevices>(limits::ranked_devices_max);
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    for (const char* id : {"a", "b"})
      pushes.describe(gate->state().hash(id), Detail::link, [&](const DescribeResult& result) {
        ++calls;
        EXPECT_EQ(result.device->link.status, LinkStatus::busy);
      });
    pushes.sweep(
        {.act = Sweep::Act::rank, .selection = {}, .message = {}, .reason = {}, .rank_by = RankBy::retransmits, .worst = worst},
        [&](const BroadcastResult& result) {
          ++calls;
          EXPECT_EQ(result.outcome, BroadcastOutcome::closing);
        });
  });
  gate->close_down();
  EXPECT_EQ(calls, 3);
}

TEST_F(Links, TheWorstOfAllShardsAreRankedByWhatWasSentAgain) {
  start();
  std::vector<DeviceClient> clients;
  for (std::uint32_t i = 0; i < 60; ++i) {
    clients.push_back(device("d" + std::to_string(i), "/handler", i % 2));
    clients.back().peer().set_link({.retransmits = i * 7 % 60});
  }
  for (const std::size_t shard : {0U, 1U}) {
    const Ranking ranking = rank(shard);
    EXPECT_EQ(ranking.result.outcome, BroadcastOutcome::completed);
    EXPECT_EQ(ranking.result.matched, 60U);
    EXPECT_EQ(ranking.result.delivered, 60U);
    ASSERT_EQ(ranking.devices.size(), limits::ranked_devices_max);
    for (std::uint32_t i = 0; i < ranking.devices.size(); ++i) {
      EXPECT_EQ(ranking.devices[i].link.quality.retransmits, 59 - i);
      EXPECT_EQ(ranking.devices[i].link.status, LinkStatus::known);
    }
  }
  const Ranking one = rank(0, {.prefix = "d59", .group = {}, .route = {}});
  EXPECT_EQ(one.result.matched, 1U);
  ASSERT_EQ(one.devices.size(), 1U);
  EXPECT_EQ(one.devices[0].device_id, "d59");
  EXPECT_EQ(rank(0, {.prefix = "none", .group = {}, .route = {}}).result.matched, 0U);
}

TEST_F(Links, RankingSaysHowManyItCouldRead) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < 50; ++i) {
    clients.push_back(device("d" + std::to_string(i), "/handler", i % 2));
    clients.back().peer().set_link({.retransmits = 1});
  }
  world->options().link_error = ring::IoError::no_descriptors;
  const Ranking none = rank();
  EXPECT_EQ(none.result.matched, 50U);
  EXPECT_EQ(none.result.delivered, 0U);
  EXPECT_EQ(none.result.refused, 50U);
  EXPECT_TRUE(none.devices.empty());
}

/// Every shard reads its part of the ceiling; the rest is counted and not read.
TEST_F(Links, RankingReadsSoManyAndNoMore) {
  options.shards_count = 64;
  options.slots_count = 512;
  start();
  constexpr std::size_t part = limits::ranked_links_max / 64;
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < part + 30; ++i) clients.push_back(device("d" + std::to_string(i), "/handler", 5));
  const Ranking ranking = rank(3);
  EXPECT_EQ(ranking.result.matched, part + 30);
  EXPECT_EQ(ranking.result.delivered, part);
  EXPECT_EQ(ranking.result.refused, 30U);
  EXPECT_EQ(readings(5), part);
}

/// A ranking of many goes on beside pushes and questions about one device, which come first.
TEST_F(Links, QuestionOvertakesARanking) {
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < 150; ++i) clients.push_back(device("d" + std::to_string(i)));
  bool is_ranked = false;
  bool was_ranked_before = true;
  const auto worst = std::make_shared<WorstDevices>(limits::ranked_devices_max);
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    pushes.sweep(
        {.act = Sweep::Act::rank, .selection = {}, .message = {}, .reason = {}, .rank_by = RankBy::retransmits, .worst = worst},
        [&](const BroadcastResult&) { is_ranked = true; });
    pushes.describe(gate->state().hash("d7"), Detail::link, [&](const DescribeResult& result) {
      EXPECT_EQ(result.device->link.status, LinkStatus::known);
      was_ranked_before = is_ranked;
    });
  });
  gate->settle();
  EXPECT_TRUE(is_ranked);
  EXPECT_FALSE(was_ranked_before);
}

TEST_F(Links, NothingIsLeftOnceAllIsAnswered) {
  world_options = ring::FakeOptions::hostile();
  start();
  std::vector<DeviceClient> clients;
  for (std::size_t i = 0; i < 30; ++i) {
    clients.push_back(connect(i % 2));
    clients.back().open("d" + std::to_string(i), "/handler");
  }
  gate->pass(seconds(1));
  for (std::size_t i = 0; i < 30; ++i) {
    ask("d" + std::to_string(i), (i / 2) % 2);
    if (i % 3 == 0) clients[i].peer().reset();
  }
  gate->pass(seconds(10));
  for (const auto& one : answers) EXPECT_TRUE(one.has_value());
  EXPECT_EQ(world->process_descriptors_open(), 0U);
  for (DeviceClient& client : clients) client.peer().close();
  expect_nothing_left();
}

}  // namespace
}  // namespace ringgate::simulated
