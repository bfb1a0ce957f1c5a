// Pushes to a device that reads too slowly: they wait as messages, expire, are replaced or dropped, each as somebody is told.
#include <algorithm>

#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

class PushQueue : public DeviceFixture {
 protected:
  PushQueue() {
    options.settings.limits.send_queue_bytes_max = 4000;
    options.settings.limits.send_timeout_ns = 0;
    options.settings.limits.ping_interval_ns = 0;
  }

  /// A device that reads nothing, in front of which output waits.
  DeviceClient slow_device(std::string_view id = "a") {
    DeviceClient client = device(id);
    client.peer().stop_reading();
    EXPECT_EQ(push(id, "first").outcome, PushOutcome::delivered);
    return client;
  }
  void order(std::string_view payload, PushOptions asked = {}) {
    const std::size_t number = results.size();
    results.emplace_back();
    gate->on_shard(0, [&](dispatch::PushService& pushes) {
      pushes.push("a", ws::MessageRef::encode(MessageType::text, bytes_of(payload)), asked,
                  [this, number](const PushResult& result) {
                    EXPECT_FALSE(results[number].has_value());
                    results[number] = result;
                  });
    });
    gate->settle();
  }
  std::vector<std::string> resume(DeviceClient& client) {
    client.peer().resume_reading();
    gate->settle();
    return client.take_messages();
  }
  PushOutcome outcome(std::size_t number) { return results[number] ? results[number]->outcome : PushOutcome::unknown_outcome; }

  std::vector<std::optional<PushResult>> results;
};

using Texts = std::vector<std::string>;

TEST_F(PushQueue, ExpiresOnTimeWithoutBeingSent) {
  start();
  DeviceClient client = slow_device();
  order("short", {.ttl_ns = seconds(1), .wait = PushLevel::sent, .timeout_ns = seconds(10)});
  order("long", {.ttl_ns = seconds(60), .wait = PushLevel::sent, .timeout_ns = seconds(20)});
  order("unwatched", {.ttl_ns = seconds(1)});
  order("plain");
  EXPECT_EQ(outcome(2), PushOutcome::delivered);
  EXPECT_FALSE(results[0]);
  gate->pass(milliseconds(1001));
  EXPECT_EQ(outcome(0), PushOutcome::expired);
  EXPECT_EQ(results[0]->receipt.reached, PushLevel::queued);
  EXPECT_FALSE(results[1]);
  EXPECT_EQ(resume(client), (Texts{"first", "long", "plain"}));
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_EQ(gate->counters().withdrawn_expired.get(), 2U);
  EXPECT_EQ(gate->counters().push_expired.get(), 1U);
  client.peer().close();
  expect_nothing_left();
}

TEST_F(PushQueue, ZeroTtlMeansAtOnceOrNotAtAll) {
  start();
  DeviceClient client = slow_device();
  order("late", {.ttl_ns = 0});
  EXPECT_EQ(outcome(0), PushOutcome::expired);
  EXPECT_EQ(resume(client), Texts{"first"});
  order("now", {.ttl_ns = 0});
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_EQ(client.take_messages(), Texts{"now"});
}

TEST_F(PushQueue, NewerOneTakesThePlaceOfAnOlderOneWithItsKey) {
  start();
  DeviceClient client = slow_device();
  order("t1", {.coalesce_key = "temp", .wait = PushLevel::sent});
  order("h1", {.coalesce_key = "hum"});
  order("t2", {.coalesce_key = "temp", .wait = PushLevel::sent});
  EXPECT_EQ(outcome(0), PushOutcome::coalesced);
  EXPECT_FALSE(results[2]);
  EXPECT_EQ(resume(client), (Texts{"first", "h1", "t2"}));
  EXPECT_EQ(outcome(2), PushOutcome::delivered);
  EXPECT_EQ(gate->counters().withdrawn_coalesced.get(), 1U);
}

TEST_F(PushQueue, OneThatIsRefusedTakesNobodysPlace) {
  options.settings.limits.slow_policy = SlowPolicy::coalesce;
  start();
  DeviceClient client = slow_device();
  order("keeps", {.coalesce_key = "k"});
  order(std::string(5000, 'x'), {.coalesce_key = "k"});
  EXPECT_EQ(outcome(1), PushOutcome::backpressure) << "larger than limits.send_queue";
  EXPECT_EQ(resume(client), (Texts{"first", "keeps"}));
}

TEST_F(PushQueue, OrderIsKeptAlsoOfPushesWithoutOptionsAndBroadcasts) {
  start();
  DeviceClient client = slow_device();
  Texts expected{"first"};
  for (int i = 0; i < 60; ++i) {
    expected.push_back(std::to_string(i));
    if (i % 3 == 0) order(expected.back(), {.ttl_ns = seconds(60)});
    if (i % 3 == 1) order(expected.back());
    if (i % 3 == 2) {
      gate->on_shard(0, [&](dispatch::PushService& pushes) {
        pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of(expected.back())), nullptr);
      });
      gate->settle();
    }
  }
  EXPECT_EQ(resume(client), expected);
}

TEST_F(PushQueue, SlowReaderGetsAllInOrder) {
  options.settings.limits.send_queue_bytes_max = 400'000;
  options.settings.limits.slow_policy = SlowPolicy::drop_new;
  start();
  DeviceClient client = slow_device();
  Texts expected{"first"};
  for (int i = 0; i < 100; ++i) {
    expected.push_back(std::to_string(i) + std::string(3000, 'x'));
    order(expected.back(), {.wait = PushLevel::sent, .timeout_ns = seconds(60)});
  }
  Texts received;
  for (int i = 0; i < 200; ++i) {
    client.peer().stop_reading(5000);
    gate->pass(milliseconds(1));
    for (std::string& text : client.take_messages()) received.push_back(std::move(text));
  }
  for (std::string& text : resume(client)) received.push_back(std::move(text));
  EXPECT_EQ(received, expected);
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(outcome(i), PushOutcome::delivered) << i;
}

TEST_F(PushQueue, PoliciesDecideWhoGoesWithoutRoom) {
  struct Case {
    SlowPolicy policy;
    PushOutcome first, last;
    Texts received;
  };
  const std::string big(1800, 'x');
  for (const Case& c :
       {Case{SlowPolicy::drop_new, PushOutcome::delivered, PushOutcome::backpressure, {"first", "1" + big, "2" + big}},
        Case{SlowPolicy::drop_old, PushOutcome::dropped, PushOutcome::delivered, {"first", "2" + big, "3" + big}},
        Case{SlowPolicy::coalesce, PushOutcome::coalesced, PushOutcome::delivered, {"first", "3" + big}}}) {
    results.clear();
    options.settings.limits.slow_policy = c.policy;
    start();
    DeviceClient client = slow_device();
    for (const char* name : {"1", "2", "3"}) order(name + big, {.wait = PushLevel::sent, .timeout_ns = seconds(9)});
    EXPECT_EQ(resume(client), c.received);
    EXPECT_EQ(outcome(0), c.first);
    EXPECT_EQ(outcome(2), c.last);
  }
}

TEST_F(PushQueue, RouteHasItsOwnPolicy) {
  options.settings.routes[1].limits.slow_policy = RouteSlowPolicy::drop_old;
  start();
  DeviceClient client = slow_device();
  for (int i = 0; i < 5; ++i) order(std::to_string(i) + std::string(1500, 'x'));
  EXPECT_EQ(gate->counters().withdrawn_dropped.get(), 3U);
  EXPECT_EQ(resume(client).size(), 3U);
}

TEST_F(PushQueue, WaitingPushesAreCompressedWhenTheyLeave) {
  options.settings.routes[1].deflate = {.enabled = true, .context_takeover = true, .message_bytes_min = 1};
  options.settings.limits.slow_policy = SlowPolicy::drop_old;
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("a", "/handler", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  gate->settle();
  client.read();
  ASSERT_EQ(client.status(), 101);
  client.peer().stop_reading();
  order("first" + std::string(100, 'f'));
  order("gone" + std::string(100, 'g'), {.ttl_ns = milliseconds(10)});
  order("second" + std::string(100, 's'));
  gate->pass(milliseconds(20));
  EXPECT_EQ(resume(client).size(), 2U);
  EXPECT_EQ(gate->counters().withdrawn_expired.get(), 1U);
  EXPECT_EQ(gate->counters().deflated_bytes_in.get(), 105U + 106U) << "what expired never was in the compressor's window";
}

TEST_F(PushQueue, OurCloseComesBehindWhatWaits) {
  options.settings.limits.slow_policy = SlowPolicy::drop_new;
  start();
  DeviceClient client = slow_device();
  order("waits", {.wait = PushLevel::sent, .timeout_ns = seconds(9)});
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.close_device("a", CloseCode::closed_by_backend, "go", [](dispatch::CloseOutcome) {});
  });
  gate->settle();
  EXPECT_EQ(outcome(0), PushOutcome::connection_ended);
  EXPECT_EQ(resume(client), (Texts{"first", "waits"}));
  EXPECT_EQ(client.close_code(), 4000);
}

TEST_F(PushQueue, EndTellsThoseWhoWait) {
  options.settings.limits.slow_policy = SlowPolicy::drop_new;
  start();
  DeviceClient client = slow_device();
  order("waits", {.wait = PushLevel::sent, .timeout_ns = seconds(9)});
  order("unwatched");
  client.peer().reset();
  gate->settle();
  EXPECT_EQ(outcome(0), PushOutcome::connection_ended);
  EXPECT_EQ(results[0]->receipt.reached, PushLevel::queued);
  EXPECT_EQ(gate->counters().withdrawn_by_end.get(), 2U);
  EXPECT_EQ(gate->counters().queued_push_bytes.get(), 0U);
  expect_nothing_left();
}

TEST_F(PushQueue, RepeatIsNotSentAndGetsTheFirstAnswer) {
  start();
  DeviceClient client = device("a");
  order("x", {.id = "k1", .wait = PushLevel::queued});
  order("x", {.id = "k1", .wait = PushLevel::queued});
  order("y", {.id = "k1"});
  order("x", {.id = "k2"});
  EXPECT_EQ(client.take_messages(), (Texts{"x", "x"}));
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_TRUE(results[1]->receipt.is_repeat);
  EXPECT_EQ(results[1]->receipt.queued_at_ms, results[0]->receipt.queued_at_ms);
  EXPECT_EQ(outcome(2), PushOutcome::id_conflict);
  EXPECT_EQ(gate->counters().pushes_repeated.get(), 1U);
  gate->pass(seconds(121));
  order("x", {.id = "k1"});
  EXPECT_EQ(client.take_messages(), Texts{"x"}) << "the window is over";
}

TEST_F(PushQueue, RepeatWhileTheFirstIsUnderWayWaitsForIt) {
  start();
  DeviceClient client = slow_device();
  order("x", {.ttl_ns = seconds(60), .id = "k", .wait = PushLevel::sent, .timeout_ns = seconds(9)});
  order("x", {.ttl_ns = seconds(60), .id = "k", .wait = PushLevel::sent, .timeout_ns = seconds(9)});
  EXPECT_FALSE(results[0] || results[1]);
  EXPECT_EQ(resume(client), (Texts{"first", "x"}));
  EXPECT_EQ(outcome(0), PushOutcome::delivered);
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_TRUE(results[1]->receipt.is_repeat);
}

TEST_F(PushQueue, IdOfAPushThatWasRefusedIsFreeAgain) {
  start();
  DeviceClient client = slow_device();
  order(std::string(5000, 'x'), {.id = "k"});
  EXPECT_EQ(outcome(0), PushOutcome::backpressure);
  (void)resume(client);
  order(std::string(5000, 'x'), {.id = "k"});
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_FALSE(results[1]->receipt.is_repeat);
}

}  // namespace
}  // namespace ringgate::simulated
