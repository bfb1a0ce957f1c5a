// What a webhook reads of the log: each event is taken, passed over or counted as overwritten, so that its books balance.
#include "hooks/event_source.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "unit/events/samples.h"

namespace ringgate::hooks {
namespace {

using events::EventType;

class EventSourceTest : public ::testing::Test {
 protected:
  EventSourceTest() {
    WebhookConfig config;
    config.name = "backend";
    config.events = {"device.connected"};
    settings.push_back(std::make_shared<const WebhookSettings>(WebhookSettings{config, {}, "here"}));
    counters.emplace_back().name = config.name;
    thread.emplace(
        settings, counters, [](const Reply&) {},
        DecisionCourier([](ConnectionRef, UpgradeDecision&) { return true; }, nanoseconds_per_second));
    webhooks.emplace_back(settings.front(), caller, counters.front(), [](const Reply&) {});
    source.emplace(hub, 1U, *thread);
  }

  void log(const events::Bytes& record) {
    ASSERT_TRUE(hub.log().append(record.data(), record.size()));
    hub.log().publish();
  }
  void connect(std::string_view device, std::string_view payload = "192.0.2.1:5") {
    log(events::written({.type = EventType::connected, .device_id = device, .payload = bytes_of(payload)}));
  }
  void disconnect(std::string_view device) {
    const std::array<std::uint64_t, 6> words{};
    log(events::written({.type = EventType::disconnected, .words = words, .device_id = device}));
  }
  void read() {
    while (source->read(webhooks, nanoseconds_per_second)) {
    }
  }
  std::uint64_t overwritten() const { return counters.front().dropped[static_cast<std::size_t>(WebhookDrop::overwritten)].get(); }
  void expect_balance() const {
    const WebhookCounters& of = counters.front();
    std::uint64_t dropped = 0;
    for (const Counter& counter : of.dropped) dropped += counter.get();
    EXPECT_EQ(of.taken.get(), of.delivered.get() + dropped + of.queued_messages.get());
    EXPECT_EQ(hub.log().end() + of.notices.get(), of.taken.get() + of.unwanted.get());
  }

  events::EventHub hub{{.shards_count = 1,
                        .ring_bytes = 4096,
                        .log_bytes = 16 * 1024,
                        .boot = 1,
                        .routes = {"/ws"},
                        .wake = [](std::uint8_t) {},
                        .clock = [] { return TimeNs{0}; },
                        .threads = events::EventHub::Threads::none}};
  AllSettings settings;
  std::deque<WebhookCounters> counters;
  HttpCaller caller;
  std::optional<HookThread> thread;  // never started
  std::deque<Webhook> webhooks;
  std::optional<EventSource> source;
};

TEST_F(EventSourceTest, TakesWhatIsWantedAndPassesOverTheRest) {
  connect("a");
  disconnect("a");
  connect("b");
  read();
  EXPECT_EQ(counters.front().taken.get(), 2U);
  EXPECT_EQ(counters.front().unwanted.get(), 1U);
  EXPECT_EQ(counters.front().queued_messages.get(), 2U);
  expect_balance();
}

TEST_F(EventSourceTest, CountsEachEventThatWasOverwritten) {
  std::uint64_t logged = 0;
  while (hub.log().begin() < 100) connect("d" + std::to_string(logged++));
  const std::uint64_t missed = hub.log().begin();
  read();
  EXPECT_EQ(overwritten(), missed);
  EXPECT_EQ(counters.front().notices.get(), 1U);
  EXPECT_EQ(counters.front().queued_messages.get(), logged - missed + 1) << "what was left, and the notice";
  expect_balance();
  webhooks.front().end();
  EXPECT_EQ(counters.front().queued_messages.get(), 0U);
  expect_balance();
}

}  // namespace
}  // namespace ringgate::hooks
