// The way of an event: observer, ring, merger, log, reader. Without a thread: the test turns the hub.
#include "events/event_hub.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "events/event_observer.h"
#include "fake_ring/fake_world.h"
#include "unit/events/samples.h"

namespace ringgate::events {
namespace {

using nlohmann::json;

class HubTest : public ::testing::Test {
 protected:
  HubTest() : world_(7, {}), ring_(*ring::Ring::open({})) {}

  void open(std::size_t ring_bytes = 64 * 1024, std::size_t log_bytes = 1 << 20) {
    hub = std::make_unique<EventHub>(EventHub::Options{.shards_count = 1,
                                                       .ring_bytes = ring_bytes,
                                                       .log_bytes = log_bytes,
                                                       .boot = 1,
                                                       .routes = {"/ws"},
                                                       .wake = [this](std::uint8_t) { ++wakes; },
                                                       .clock = [this] { return now; },
                                                       .stall_max = 30 * nanoseconds_per_second,
                                                       .threads = EventHub::Threads::none});
    hub->want();
    observer.emplace(*hub, std::uint8_t{0}, *ring_);
  }
  std::shared_ptr<EventReader> reader(std::size_t window = 1 << 20, Filter filter = {},
                                      EventLog::Cursor start = EventLog::at(0)) {
    auto made = std::make_shared<EventReader>(EventReader::Options{.filter = std::move(filter),
                                                                   .format = &ndjson_format(),
                                                                   .shard = 0,
                                                                   .window_bytes = window,
                                                                   .start = start,
                                                                   .heartbeat = 15 * nanoseconds_per_second});
    EXPECT_TRUE(hub->reserve_reader());
    hub->add_reader(made);
    return made;
  }
  dispatch::DeviceView device(std::string_view id, std::span<const std::string> groups = {}) const {
    return {.device_id = id,
            .connection = {3},
            .peer = peer_,
            .path = "/ws",
            .shard_index = 0,
            .route_index = 0,
            .epoch = 5,
            .groups = groups};
  }
  void say(std::string_view id, std::string_view text) {
    observer->on_message(device(id), {MessageType::text, bytes_of(text), 1});
  }
  void turn() {
    observer->finish_turn();
    while (hub->turn()) {
    }
  }
  static std::vector<json> lines(const std::shared_ptr<EventReader>& from) {
    std::vector<json> found;
    const auto taken = from->take();
    if (!taken) return found;
    for (std::size_t at = 0, end = 0; (end = taken->bytes.find('\n', at)) != std::string::npos; at = end + 1)
      if (end > at) found.push_back(json::parse(taken->bytes.substr(at, end - at)));
    return found;
  }
  std::uint64_t sum(const TypeCounters& counters) const {
    std::uint64_t all = 0;
    for (const Counter& counter : counters) all += counter.get();
    return all;
  }

  ring::FakeWorld world_;
  std::unique_ptr<ring::Ring> ring_;
  ring::PeerAddress peer_;
  std::unique_ptr<EventHub> hub;
  std::optional<EventObserver> observer;
  TimeNs now = nanoseconds_per_second;
  int wakes = 0;
};

TEST_F(HubTest, BringsEventsFromTheShardToTheReaderInOrder) {
  open();
  const auto all = reader();
  observer->on_connected(device("a"));
  say("a", "one");
  observer->on_disconnected(device("a"), {.code = CloseCode::normal, .reason = "bye", .ended_by = dispatch::EndedBy::device});
  turn();
  const auto events = lines(all);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["type"], "device.connected");
  EXPECT_EQ(events[1]["text"], "one");
  EXPECT_EQ(events[2]["ended_by"], "device");
  EXPECT_LT(events[0]["seq"], events[1]["seq"]);
  EXPECT_LT(events[1]["seq"], events[2]["seq"]);
  EXPECT_EQ(events[2]["id"], "0000000000000001-2");
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(hub->take_news(0));
  EXPECT_FALSE(hub->take_news(0));
}

TEST_F(HubTest, CountsDropsExactlyAndAnnouncesThemOnce) {
  open(4096);
  const auto all = reader();
  const int offered = 200;
  for (int i = 0; i < offered; ++i) say("a", std::string(40, 'x'));
  EXPECT_TRUE(observer->sleep_max().has_value()) << "the shard comes back for the gap";
  turn();
  turn();
  EXPECT_FALSE(observer->sleep_max().has_value());
  say("a", "after");
  turn();
  std::uint64_t messages = 0, missed = 0, gaps = 0;
  bool is_last_after = false;
  for (const json& event : lines(all)) {
    if (event["type"] == "gap") {
      ++gaps;
      missed += event["missed"].get<std::uint64_t>();
      EXPECT_EQ(event["by_type"]["device.message"], event["missed"]);
    } else {
      ++messages;
      is_last_after = event["text"] == "after";
    }
  }
  EXPECT_EQ(gaps, 1U);
  EXPECT_EQ(messages + missed, offered + 1U);
  EXPECT_GT(missed, 100U);
  EXPECT_TRUE(is_last_after);
  const EventHub::Shard& shard = hub->shards().front();
  EXPECT_EQ(sum(shard.dropped), missed);
  EXPECT_EQ(sum(shard.offered), sum(shard.dropped) + sum(hub->logged()) + sum(hub->lost()));
}

TEST_F(HubTest, AGapWaitsForRoomAndTheShardComesBackForIt) {
  open(4096);
  for (int i = 0; i < 100; ++i) say("a", std::string(40, 'x'));
  observer->finish_turn();
  EXPECT_TRUE(observer->sleep_max().has_value());
  while (hub->turn()) {
  }
  observer->finish_turn();
  EXPECT_FALSE(observer->sleep_max().has_value());
}

TEST_F(HubTest, FiltersByWhatIsWantedAndWhatIsAllowed) {
  open();
  const std::vector<std::string> north{"north"};
  const auto bob = reader(1 << 20, Filter({.devices = {"bob"}}, {}));
  const auto b = reader(1 << 20, Filter({.prefixes = {"b", "x"}}, {}));
  const auto grouped = reader(1 << 20, Filter({.groups = {"north"}}, {}));
  const auto restricted = reader(1 << 20, Filter({.prefixes = {"b", "a"}}, {.prefix = "a"}));
  const auto connects = reader(1 << 20, Filter({.types = bit_of(EventType::connected)}, {}));
  const auto elsewhere = reader(1 << 20, Filter({}, {.routes = std::bitset<limits::routes_max>(2)}));
  observer->on_connected(device("bob"));
  say("bob", "x");
  say("bill", "x");
  observer->on_message(device("al", north), {MessageType::text, bytes_of("x"), 1});
  turn();
  EXPECT_EQ(lines(bob).size(), 2U);
  EXPECT_EQ(lines(b).size(), 3U);
  EXPECT_EQ(lines(grouped).size(), 1U);
  EXPECT_EQ(lines(restricted).size(), 1U);
  EXPECT_EQ(lines(connects).size(), 1U);
  EXPECT_TRUE(lines(elsewhere).empty());
  const ReaderCounters& counters = hub->reader_counters();
  EXPECT_EQ(counters.delivered.get() + counters.filtered.get(), 6U * 4U);
}

TEST_F(HubTest, EncodesNoMoreThanTheWindowAndOneEvent) {
  open();
  const auto slow = reader(1000);
  for (int i = 0; i < 50; ++i) say("a", std::string(100, 'x'));
  turn();
  const auto first = slow->take();
  ASSERT_TRUE(first);
  EXPECT_GE(first->bytes.size(), 1000U);
  EXPECT_LT(first->bytes.size(), 2000U);
  turn();
  EXPECT_FALSE(slow->take());
  EXPECT_TRUE(slow->grant(first->bytes.size())) << "the merger waits for it";
  EXPECT_FALSE(slow->grant(0));
  turn();
  EXPECT_TRUE(slow->take());
}

TEST_F(HubTest, CutsAReaderThatIsOverwritten) {
  open(1 << 20, 64 * 1024);
  const auto slow = reader(1000);
  say("a", std::string(2000, 'x'));
  turn();
  (void)slow->take();
  for (int i = 0; i < 50; ++i) {
    for (int j = 0; j < 20; ++j) say("a", std::string(1000, 'x'));
    turn();
  }
  const auto last = slow->take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->end_reason, "slow_reader");
  EXPECT_TRUE(last->bytes.ends_with("{\"type\":\"end\",\"reason\":\"slow_reader\"}\n")) << last->bytes;
  EXPECT_EQ(hub->reader_counters().cut_slow.get(), 1U);
  turn();
  EXPECT_EQ(hub->readers_count(), 0U);
  EXPECT_EQ(hub->reader_counters().missed.get(), 0U) << "it may come back, and is told then";
  const auto back = reader(1 << 20, {}, EventLog::at(1));
  turn();
  EXPECT_EQ(lines(back)[0]["missed"], hub->reader_counters().missed.get());
}

TEST_F(HubTest, TellsAReaderThatComesBackWhatItMissed) {
  open(1 << 20, 64 * 1024);
  for (int i = 0; i < 500; ++i) {
    say("a", std::string(1000, 'x'));
    turn();
  }
  const std::uint64_t begin = hub->log().begin();
  ASSERT_GT(begin, 10U);
  const auto back = reader(1 << 20, {}, EventLog::at(10));
  turn();
  const auto events = lines(back);
  ASSERT_GT(events.size(), 2U);
  EXPECT_EQ(events[0]["type"], "gap");
  EXPECT_EQ(events[0]["reason"], "overwritten");
  EXPECT_EQ(events[0]["missed"], begin - 10);
  EXPECT_EQ(events[1]["id"], "0000000000000001-" + std::to_string(begin));
}

// What the merger takes counts at once, also between a quarter and a half.
TEST_F(HubTest, HasRoomAgainOnceItsRingIsLessThanAQuarterFull) {
  open(4096);
  int said = 0;
  for (; observer->has_room(1); ++said) say("a", std::string(40, 'x'));
  EXPECT_GT(said, 10);
  say("a", "x");
  observer->finish_turn();
  EXPECT_FALSE(observer->has_room(1));
  const EventHub::Shard& shard = hub->shards().front();
  for (std::size_t step = 0; shard.ring.fill() >= shard.ring.size() / 4; ++step) {
    EXPECT_FALSE(observer->has_room(1)) << shard.ring.fill();
    (void)hub->of(0).ring.drain(1, [](const std::uint8_t*, std::size_t) { return true; });
    ASSERT_LT(step, 100U);
  }
  EXPECT_TRUE(observer->has_room(1));
  say("a", "x");
  EXPECT_TRUE(observer->has_room(1)) << "until it is half full";
}

TEST_F(HubTest, AStreamIsFullWhenItsSlowestReaderLagsByHalfTheLog) {
  open(1 << 20, 256 * 1024);
  const auto slow = reader(1000);
  say("a", "begin");
  turn();
  for (int i = 0; i < 150; ++i) {
    say("a", std::string(1000, 'x'));
    turn();
  }
  EXPECT_FALSE(observer->has_room(1));
  EXPECT_TRUE(observer->has_room(2)) << "another sink";
  std::size_t turns = 0;
  for (; !observer->has_room(1) && turns < 1000; ++turns) {
    if (const auto taken = slow->take()) slow->grant(taken->charged_bytes);
    turn();
  }
  EXPECT_GT(turns, 50U);
  slow->close();
  turn();
  EXPECT_TRUE(observer->has_room(1));
}

// on_overflow = "pause": what a patient sink has not read stays, and waits in the ring if the log has no room beside it.
TEST_F(HubTest, OverwritesNothingThatAPatientReaderHasNotRead) {
  open(1 << 20, 256 * 1024);
  hub->set_patience(1, 8 * 1024);
  const auto slow = reader(1000);
  std::uint64_t said = 0;
  for (; said < 500; ++said) {
    say("a", std::to_string(said) + std::string(1000, 'x'));
    turn();
  }
  EXPECT_GT(hub->of(0).ring.fill(), 100'000U) << "the rest waits in the ring";
  std::string text;
  for (std::size_t turns = 0; turns < 2000; ++turns) {
    if (const auto taken = slow->take()) {
      text += taken->bytes;
      EXPECT_EQ(taken->end_reason, "");
      slow->grant(taken->charged_bytes);
    }
    hub->look_at_readers();
    turn();
  }
  std::uint64_t read = 0;
  for (std::size_t at = 0; at < text.size(); ++read) {
    const std::size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const json event = json::parse(text.substr(at, end - at));
    ASSERT_EQ(event["type"], "device.message");
    ASSERT_EQ(event["text"].get<std::string>(), std::to_string(read) + std::string(1000, 'x'));
    at = end + 1;
  }
  EXPECT_EQ(read, said);
  EXPECT_EQ(hub->reader_counters().missed.get(), 0U);
}

TEST_F(HubTest, APatientReaderThatLeavesHoldsNothingBack) {
  open(1 << 20, 256 * 1024);
  hub->set_patience(1, 8 * 1024);
  const auto slow = reader(1000);
  for (int i = 0; i < 500; ++i) {
    say("a", std::string(1000, 'x'));
    turn();
  }
  EXPECT_FALSE(observer->has_room(1));
  slow->close();
  hub->look_at_readers();
  turn();
  EXPECT_EQ(hub->of(0).ring.fill(), 0U);
  EXPECT_TRUE(observer->has_room(1)) << "nobody is left who could free the stream";
}

// One that gives no credit is not stalled as its connection sees it: there is nothing to send.
TEST_F(HubTest, AReaderThatHoldsDevicesUpForTooLongIsCut) {
  open(1 << 20, 256 * 1024);
  hub->set_patience(1, 8 * 1024);
  const auto idle = reader(1);
  const auto good = reader(1 << 30);
  for (int i = 0; i < 500; ++i) {
    say("a", std::string(1000, 'x'));
    turn();
  }
  EXPECT_GT(hub->of(0).ring.fill(), 0U);
  now += 29 * nanoseconds_per_second;
  turn();
  EXPECT_GT(hub->of(0).ring.fill(), 0U);
  now += nanoseconds_per_second;
  turn();
  EXPECT_EQ(hub->of(0).ring.fill(), 0U);
  const auto last = idle->take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->end_reason, "slow_reader");
  EXPECT_EQ(hub->reader_counters().cut_slow.get(), 1U);
  EXPECT_EQ(hub->readers_count(), 1U);
  EXPECT_EQ(good->take()->end_reason, "");
}

TEST_F(HubTest, APatientSinkThatReadsTheLogItselfHoldsItToo) {
  open(1 << 20, 256 * 1024);
  hub->set_patience(2, 8 * 1024);
  hub->note_sources_next(0);
  for (int i = 0; i < 500; ++i) {
    say("a", std::string(1000, 'x'));
    turn();
  }
  EXPECT_EQ(hub->log().begin(), 0U);
  EXPECT_GT(hub->of(0).ring.fill(), 100'000U);
  for (std::uint64_t next = 100; next <= 500; next += 100) {
    hub->note_sources_next(next);
    turn();
    EXPECT_LE(hub->log().begin(), next);
  }
  EXPECT_EQ(hub->log().end(), 500U);
}

// Two records of the largest size, one of which may be lost to the end of the ring.
TEST_F(HubTest, PatienceLeavesRoomInTheRingForTheLargestRecord) {
  open(64 * 1024);
  hub->set_patience(1, 30 * 1024);
  EXPECT_EQ(hub->ring_full_bytes(), 4U * 1024);
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    if (observer->has_room(1)) say("a", std::string(random() % (29 * 1024), 'x'));
    observer->finish_turn();
    (void)hub->of(0).ring.drain(1, [](const std::uint8_t*, std::size_t) { return true; });
  }
  EXPECT_EQ(sum(hub->of(0).dropped), 0U);
  hub->set_patience(1, 1 << 20);
  EXPECT_EQ(hub->ring_full_bytes(), 0U) << "then only an empty ring has room";
  hub->set_patience(0, 0);
  EXPECT_EQ(hub->ring_full_bytes(), 32U * 1024);
}

TEST_F(HubTest, GivesASignOfLife) {
  open();
  const auto idle = reader();
  turn();
  now += 14 * nanoseconds_per_second;
  turn();
  EXPECT_FALSE(idle->take());
  now += nanoseconds_per_second;
  turn();
  const auto beat = idle->take();
  ASSERT_TRUE(beat);
  EXPECT_EQ(beat->bytes, "\n");
}

TEST_F(HubTest, RecordsNothingUntilSomebodyWantsIt) {
  hub = std::make_unique<EventHub>(EventHub::Options{.shards_count = 1,
                                                     .ring_bytes = 4096,
                                                     .log_bytes = 1 << 20,
                                                     .routes = {"/ws"},
                                                     .wake = [](std::uint8_t) {},
                                                     .clock = [] { return TimeNs{1}; }});
  observer.emplace(*hub, std::uint8_t{0}, *ring_);
  EXPECT_FALSE(observer->hears_devices());
  say("a", "x");
  observer->finish_turn();
  EXPECT_EQ(sum(hub->shards().front().offered), 0U);
}

// With its thread: nothing is lost between a shard that writes and a reader that takes.
TEST_F(HubTest, ItsThreadServesUntilItIsStopped) {
  std::mutex mutex;
  std::condition_variable woken;
  bool is_woken = false;
  hub = std::make_unique<EventHub>(EventHub::Options{.shards_count = 1,
                                                     .ring_bytes = 1 << 20,
                                                     .log_bytes = 1 << 22,
                                                     .boot = 1,
                                                     .routes = {"/ws"},
                                                     .wake =
                                                         [&](std::uint8_t) {
                                                           const std::lock_guard lock(mutex);
                                                           is_woken = true;
                                                           woken.notify_one();
                                                         },
                                                     .clock = [] { return TimeNs{1}; }});
  hub->want();
  observer.emplace(*hub, std::uint8_t{0}, *ring_);
  const auto all = reader(4096);
  constexpr std::size_t count = 3000;
  std::size_t taken = 0, offered = 0;
  while (taken < count) {
    for (int i = 0; i < 10 && offered < count; ++i, ++offered) say("a", "x");
    observer->finish_turn();
    if (!hub->take_news(0)) {
      std::unique_lock lock(mutex);
      if (offered == count) {
        ASSERT_TRUE(woken.wait_for(lock, std::chrono::seconds(30), [&] { return is_woken; }));
      }
      is_woken = false;
      continue;
    }
    if (const auto some = all->take()) {
      taken += static_cast<std::size_t>(std::ranges::count(some->bytes, '\n'));
      if (all->grant(some->bytes.size())) hub->look_at_readers();
    }
  }
  hub->stop();
  EXPECT_EQ(taken, count);
}

}  // namespace
}  // namespace ringgate::events
