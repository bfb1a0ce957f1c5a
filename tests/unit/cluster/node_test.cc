#include "cluster/node.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>

#include "model_engine.h"

namespace ringgate::cluster {
namespace {

constexpr DurationNs ms = nanoseconds_per_millisecond;

class NodeTest : public testing::Test {
 protected:
  void open(std::vector<std::int64_t> clock_errors_ms, std::uint64_t seed = 1) {
    bus = std::make_unique<ModelBus>(seed);
    for (std::size_t i = 0; i < clock_errors_ms.size(); ++i)
      gates.push_back(std::make_unique<ModelGate>(*bus, "gate-" + std::to_string(i), clock_errors_ms[i]));
    for (auto& gate : gates) gate->set_up(true);
    settle();
  }
  /// Time passes for all, letter by letter.
  void pass(DurationNs time) {
    const TimeNs until = bus->now + time;
    while (true) {
      bus->run();
      for (auto& gate : gates) gate->run();
      bool works = bus->next() && *bus->next() <= bus->now;
      TimeNs next = bus->next().value_or(until);
      for (auto& gate : gates) {
        works = works || gate->has_work();
        next = std::min(next, gate->node.due_at());
      }
      if (works) continue;
      if (next > until) break;
      bus->now = std::max(bus->now, next);
      if (bus->now >= until && next >= until) break;
    }
    bus->now = until;
  }
  void settle() { pass(600 * ms); }
  std::string push(std::size_t gate, const std::string& id, const std::string& text = "m") {
    std::string outcome = "none";
    gates[gate]->node.push(id, {MessageType::text, bytes_of(text)}, {}, nullptr, bus->now,
                           [&outcome](const PushResult& result) { outcome = name_of(result.outcome); });
    settle();
    return outcome;
  }
  std::size_t holders_of(const std::string& id) const {
    std::size_t count = 0;
    for (const auto& gate : gates) count += gate->holders.count(id);
    return count;
  }

  std::unique_ptr<ModelBus> bus;
  std::vector<std::unique_ptr<ModelGate>> gates;
};

TEST_F(NodeTest, APushReachesTheGateOfItsDevice) {
  open({0, 0, 0});
  gates[1]->connect("pump 7");
  settle();
  EXPECT_EQ(push(0, "pump 7", "hello"), "delivered");
  ASSERT_EQ(gates[1]->received.size(), 1U);
  EXPECT_EQ(gates[1]->received[0].second, "hello");
  EXPECT_EQ(push(0, "nobody"), "unknown_device");
  gates[1]->disconnect("pump 7");
  EXPECT_EQ(push(2, "pump 7"), "unknown_device");
}

TEST_F(NodeTest, TheNewerConnectionWinsOverGates) {
  open({0, 0});
  gates[0]->connect("a");
  settle();
  gates[1]->connect("a");
  settle();
  EXPECT_EQ(gates[0]->holders.count("a"), 0U);
  EXPECT_EQ(gates[0]->replaced_count, 1U);
  EXPECT_EQ(gates[1]->holders.count("a"), 1U);
  EXPECT_EQ(push(0, "a"), "delivered");
}

TEST_F(NodeTest, ClocksApartChangeNothing) {
  for (const std::int64_t error : {600'000, -600'000}) {
    gates.clear();
    open({0, error});
    for (int i = 0; i < 6; ++i) {
      const std::size_t newest = static_cast<std::size_t>(i % 2);
      gates[newest]->connect("a");
      settle();
      EXPECT_EQ(gates[newest]->holders.count("a"), 1U) << "clock error " << error << ", time " << i;
      EXPECT_EQ(holders_of("a"), 1U);
    }
  }
}

TEST_F(NodeTest, AClockThatIsFarAheadIsNotFollowed) {
  open({0, 3'600'000});
  const std::uint64_t before = gates[0]->clock();
  settle();
  EXPECT_LT(gates[0]->clock() - before, std::uint64_t{2'000} << 16);
  EXPECT_GT(gates[0]->node.counters().clocks_refused, 0U);
}

TEST_F(NodeTest, AClockThatIsNotFollowedWinsNothing) {
  open({0, 3'600'000});
  gates[1]->connect("a");
  settle();
  gates[0]->connect("a");
  settle();
  EXPECT_EQ(gates[0]->holders.count("a"), 1U) << "the newer connection stays";
}

TEST_F(NodeTest, AGateThatAnswersNonsenseIsAskedLessAndLess) {
  open({0});
  ModelEngine stranger(*bus);
  std::size_t takes = 0;
  stranger.client().deliver = [&](const Letter& letter) {
    ++takes;
    stranger.send({.subject = letter.answer_to, .body = "nonsense"});
  };
  stranger.listen(Names("test", "x", 1).device("a"), Hearing::one_of_us);
  gates[0]->connect("a");
  pass(10'000 * ms);
  EXPECT_GT(takes, 3U);
  EXPECT_LT(takes, 15U);
  EXPECT_EQ(gates[0]->holders.count("a"), 1U);
}

TEST_F(NodeTest, ADisconnectBehindATakeOverWithdrawsNothing) {
  open({0, 0});
  gates[0]->connect("a");
  settle();
  gates[0]->connect("a");  // replaces: the older connection is released behind
  settle();
  EXPECT_EQ(push(1, "a"), "delivered");
}

TEST_F(NodeTest, AFullShardIsAskedToYieldAgain) {
  open({0, 0});
  gates[0]->connect("a");
  settle();
  gates[0]->is_stuck = true;
  gates[1]->connect("a");
  settle();
  EXPECT_EQ(gates[0]->replaced_count, 0U);
  EXPECT_EQ(push(0, "a"), "delivered") << "it goes to the newer one already";
  gates[0]->is_stuck = false;
  settle();
  EXPECT_EQ(gates[0]->replaced_count, 1U);
}

TEST_F(NodeTest, WithoutTheEngineNothingIsClaimedToBeKnown) {
  open({0, 0});
  gates[1]->connect("a");
  settle();
  gates[0]->set_up(false);
  EXPECT_EQ(push(0, "a"), "engine_unavailable");
  gates[0]->set_up(true);
  EXPECT_EQ(push(0, "a"), "delivered");
  std::string outcome;
  bus->loses = [](const Letter& letter) { return letter.act == act::push_text; };
  EXPECT_EQ(push(0, "a"), "unknown_outcome");
}

TEST_F(NodeTest, WhatTheEngineDoesNotTakeIsTooLarge) {
  open({0, 0});
  gates[1]->connect("a");
  settle();
  bus->payload_max = 1000;
  EXPECT_EQ(push(0, "a", std::string(1001, 'x')), "too_large");
  EXPECT_EQ(push(0, "a", std::string(1000, 'x')), "delivered");
}

TEST_F(NodeTest, BothSidesOfAPartitionAgreeBehindIt) {
  open({0, 0, 0});
  gates[0]->set_up(false);
  gates[0]->connect("a");
  gates[1]->connect("a");
  settle();
  EXPECT_EQ(holders_of("a"), 2U);
  gates[0]->set_up(true);
  settle();
  EXPECT_EQ(holders_of("a"), 1U);
  EXPECT_EQ(push(2, "a"), "delivered");
}

TEST_F(NodeTest, LettersThatAreMalformedAreCountedAndDoNothing) {
  open({0, 0});
  gates[0]->connect("a");
  settle();
  ModelEngine stranger(*bus);
  stranger.client().deliver = [](const Letter&) {};
  const std::string subject = Names("test", "x", 1).device("a");
  for (const auto& [act, terms] : std::vector<std::pair<std::string, std::string>>{
           {"take", ""}, {"take", "{}"}, {"t", "{"}, {"close", "[]"}, {"", ""}, {"format", ""}})
    stranger.send({.subject = subject, .act = act, .terms = terms});
  stranger.send({.subject = "ringgate.test.ctl", .act = "hello", .terms = "x"});
  settle();
  EXPECT_EQ(gates[0]->holders.count("a"), 1U);
  EXPECT_TRUE(gates[0]->received.empty());
  EXPECT_EQ(gates[0]->node.counters().letters_refused, 7U);
}

// Devices come, go and move at random over three gates whose clocks are apart, while interest spreads late and gates lose the engine. In the
// end each id has one connection at most, on the gate that got it last as far as it was connected, and pushes were told truly and kept order.
TEST_F(NodeTest, EveryIdHasOneConnectionInTheEnd) {
  const char* const chosen = std::getenv("RINGGATE_CLUSTER_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : 300;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    gates.clear();
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t count) { return random() % count; };
    const auto error = [&] { return static_cast<std::int64_t>(below(840'001)) - 420'000; };  // 14 minutes apart
    open({error(), error(), error()}, seed);
    bus->spread_max = 5 * ms;
    bus->transit_max = 2 * ms;
    bool is_lossy = true;
    bus->loses = [&](const Letter& letter) { return is_lossy && letter.act != act::hello && below(50) == 0; };
    std::map<std::string, std::size_t> sent;  // outcome -> pushes
    std::map<std::string, int> numbers;
    std::map<std::string, std::set<std::string>> told;  // id -> texts that were said to be delivered, or not to be
    for (int step = 0; step < 300; ++step) {
      ModelGate& gate = *gates[below(gates.size())];
      const std::string id = "d" + std::to_string(below(5));
      switch (below(10)) {
        case 0: gate.set_up(false); break;
        case 1:
        case 2: gate.set_up(true); break;
        case 3:
        case 4: gate.connect(id); break;
        case 5: gate.disconnect(id); break;
        default: {
          if (gate.holders.contains(id)) break;  // a local push never comes here
          const std::string text = std::to_string(++numbers[id]);
          gate.node.push(id, {MessageType::text, bytes_of(text)}, {}, nullptr, bus->now, [&, id, text](const PushResult& result) {
            ++sent[name_of(result.outcome)];
            EXPECT_TRUE(told[id].insert(text).second) << "answered twice";
            std::size_t arrived = 0;
            for (const auto& each : gates)
              for (const auto& [to, body] : each->received) arrived += to == id && body == text;
            if (result.outcome == PushOutcome::delivered) {
              EXPECT_GE(arrived, 1U) << id << " " << text;
            } else if (result.outcome != PushOutcome::unknown_outcome) {
              EXPECT_EQ(arrived, 0U) << name_of(result.outcome);
            }
          });
        }
      }
      pass(below(4) * ms / 2);
    }
    is_lossy = false;
    for (auto& gate : gates) gate->set_up(true);
    pass(15'000 * ms);
    for (int i = 0; i < 5; ++i) EXPECT_LE(holders_of("d" + std::to_string(i)), 1U) << "d" << i;
    std::size_t answered = 0, asked = 0;
    for (const auto& [outcome, count] : sent) answered += count;
    for (const auto& [id, count] : numbers) asked += static_cast<std::size_t>(count);
    EXPECT_EQ(answered, asked);
    for (auto& gate : gates) EXPECT_EQ(gate->node.questions().open_count(), 0U);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace ringgate::cluster
