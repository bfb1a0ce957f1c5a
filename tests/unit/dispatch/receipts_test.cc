// Whoever waits for a push learns how far it came: and that is true of devices that read, do not read, vanish, answer no pings, or talk
// all the time, in the clear and over TLS, from the device's shard and from another.
#include <algorithm>
#include <ctime>

#include "support/tls/certificate_maker.h"
#include "support/tls/tunnel.h"
#include "tls/certificates.h"
#include "tls/context.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

std::shared_ptr<const tls::Context> server_context() {
  static const std::shared_ptr<const tls::Context> made = []() -> std::shared_ptr<const tls::Context> {
    test::CertificateMaker maker;
    const auto files = maker.make("gate.test");
    auto identity = tls::load_identity(files.certificate, files.key, std::time(nullptr));
    auto context =
        tls::Context::create({{std::make_shared<const tls::Identity>(std::move(identity.value()))}, tls::Profile::modern});
    return std::move(context.value());
  }();
  return made;
}

struct Way {
  bool has_tls;
  std::size_t asking_shard;  // devices are on shard 0
};

class Receipts : public DeviceFixture, public ::testing::WithParamInterface<Way> {
 protected:
  Receipts() {
    options.shards_count = 2;
    if (!GetParam().has_tls) return;
    options.tls = server_context();
    options.tunnel = [this] { return std::make_unique<test::TlsTunnel>(test::ClientOptions{}, SIZE_MAX, sealed_bytes); };
  }

  /// A push with options; its result is in `results` once it is there.
  void order(std::string_view id, std::string_view payload, const PushOptions& asked) {
    const std::size_t number = results.size();
    results.emplace_back();
    gate->on_shard(GetParam().asking_shard, [&](dispatch::PushService& pushes) {
      pushes.push(id, ws::MessageRef::encode(MessageType::text, bytes_of(payload)), asked,
                  [this, number](const PushResult& result) {
                    EXPECT_FALSE(results[number].has_value());
                    results[number] = result;
                  });
    });
    gate->settle();
  }
  /// The same for a level, with a timeout of a second.
  void wait_for(PushLevel level, std::string_view payload = "x") {
    order("a", payload, {.wait = level, .timeout_ns = nanoseconds_per_second});
  }
  /// Answers the pings that have come.
  static void answer_pings(DeviceClient& client) {
    for (const std::string& payload : client.take(Opcode::ping)) client.peer().send(DeviceClient::frame(Opcode::pong, payload));
  }
  PushOutcome outcome(std::size_t number) { return results[number] ? results[number]->outcome : PushOutcome::unknown_outcome; }
  PushLevel reached(std::size_t number) { return results[number] ? results[number]->receipt.reached : PushLevel::none; }

  std::vector<std::optional<PushResult>> results;
  std::size_t sealed_bytes = 0;
};

TEST_P(Receipts, DeviceThatReadsReachesEveryLevel) {
  start();
  DeviceClient client = device("a");
  wait_for(PushLevel::queued, "1");
  wait_for(PushLevel::sent, "2");
  wait_for(PushLevel::acked, "3");
  wait_for(PushLevel::ponged, "4");
  gate->pass(milliseconds(5));
  ASSERT_TRUE(results[0] && results[1] && results[2]);
  EXPECT_EQ(reached(0), PushLevel::queued);
  EXPECT_EQ(reached(1), PushLevel::sent);
  EXPECT_EQ(reached(2), PushLevel::acked);
  EXPECT_FALSE(results[3]) << "the ping is not answered yet";
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{"1", "2", "3", "4"}));
  answer_pings(client);
  gate->settle();
  ASSERT_TRUE(results[3]);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(outcome(i), PushOutcome::delivered);
    EXPECT_GT(results[i]->receipt.queued_at_ms, 1'800'000'000'000);
  }
  EXPECT_EQ(reached(3), PushLevel::ponged);
  const PushReceipt& last = results[3]->receipt;
  EXPECT_NE(last.sent_after_us, PushReceipt::not_known);
  EXPECT_GE(last.ponged_after_us, 5000U);
  EXPECT_GE(last.ponged_after_us, last.sent_after_us);
}

TEST_P(Receipts, PingFollowsItsMessageAndOneIsOutstanding) {
  start();
  DeviceClient client = device("a");
  for (int i = 0; i < 5; ++i) wait_for(PushLevel::ponged, std::to_string(i));
  client.read();
  ASSERT_EQ(client.frames().size(), 6U);
  EXPECT_EQ(client.frames()[0].payload, "0");
  EXPECT_EQ(client.frames()[1].opcode, Opcode::ping) << "right behind the first message";
  answer_pings(client);
  gate->settle();
  EXPECT_EQ(outcome(0), PushOutcome::delivered);
  EXPECT_FALSE(results[1]) << "its ping is sent now";
  (void)client.take_messages();
  answer_pings(client);
  gate->settle();
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(reached(i), PushLevel::ponged) << i;
}

TEST_P(Receipts, PongsThatNobodyAskedForProveNothing) {
  start();
  DeviceClient client = device("a");
  wait_for(PushLevel::ponged);
  for (const std::string& payload :
       std::vector<std::string>{"", std::string(8, '\0'), std::string(8, '\xff'), "abcd", std::string(125, 'x')})
    client.peer().send(DeviceClient::frame(Opcode::pong, payload));
  gate->settle();
  EXPECT_FALSE(results[0]);
  answer_pings(client);
  gate->settle();
  EXPECT_EQ(reached(0), PushLevel::ponged);
}

TEST_P(Receipts, DeviceThatDoesNotReadIsNeverSaidToHaveRead) {
  options.settings.limits.send_timeout_ns = 0;
  start();
  DeviceClient client = device("a");
  client.peer().stop_reading(4096);  // its kernel takes so much
  wait_for(PushLevel::acked, std::string(1000, 'a'));
  wait_for(PushLevel::ponged, std::string(1000, 'b'));
  const std::string large(200'000, 'c');
  wait_for(PushLevel::sent, large);
  wait_for(PushLevel::acked, "d");
  gate->pass(seconds(2));
  EXPECT_EQ(outcome(2), PushOutcome::timed_out) << "the rest of it never left the gate";
  EXPECT_EQ(reached(2), PushLevel::queued);
  EXPECT_EQ(outcome(3), PushOutcome::timed_out);
  EXPECT_EQ(outcome(1), PushOutcome::timed_out);
  EXPECT_LE(reached(1), PushLevel::acked);
  client.peer().resume_reading();
  gate->settle();
  wait_for(PushLevel::acked, "e");
  gate->pass(milliseconds(50));
  EXPECT_EQ(outcome(4), PushOutcome::delivered);
  EXPECT_EQ(client.take_messages().size(), 5U);
}

TEST_P(Receipts, DeviceThatVanishesIsKnownToHaveGotNothing) {
  start();
  DeviceClient client = device("a");
  client.peer().stop_reading(0);  // no FIN: whatever is sent stays under way
  wait_for(PushLevel::sent, "s");
  wait_for(PushLevel::acked, "a");
  wait_for(PushLevel::ponged, "p");
  gate->pass(seconds(2));
  EXPECT_EQ(outcome(1), PushOutcome::timed_out);
  EXPECT_LE(reached(1), PushLevel::sent);
  EXPECT_EQ(outcome(2), PushOutcome::timed_out);
  EXPECT_LE(reached(2), PushLevel::sent);
  EXPECT_TRUE(client.take_messages().empty());
}

TEST_P(Receipts, DeviceThatAnswersNoPingsIsKnownToHaveAcknowledged) {
  start();
  DeviceClient client = device("a");
  wait_for(PushLevel::ponged);
  gate->pass(seconds(2));
  EXPECT_EQ(outcome(0), PushOutcome::timed_out);
  EXPECT_EQ(reached(0), PushLevel::acked);
  EXPECT_NE(results[0]->receipt.acked_after_us, PushReceipt::not_known);
}

TEST_P(Receipts, DeviceThatTalksAllTheTimeReachesEveryLevel) {
  start();
  DeviceClient client = device("a");
  for (int round = 0; round < 50; ++round) {
    client.text(std::string(3000, 'e'));
    if (round == 10) {
      wait_for(PushLevel::sent, "1");
      wait_for(PushLevel::acked, "2");
      wait_for(PushLevel::ponged, "3");
    }
    gate->pass(milliseconds(2));
    answer_pings(client);
  }
  gate->settle();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outcome(i), PushOutcome::delivered) << i;
}

TEST_P(Receipts, KeepAliveAnswersForThePingBeforeIt) {
  options.settings.limits.ping_interval_ns = seconds(1);
  start();
  DeviceClient client = device("a");
  order("a", "x", {.wait = PushLevel::ponged, .timeout_ns = seconds(10)});
  gate->pass(milliseconds(1200));
  const std::vector<std::string> pings = client.take(Opcode::ping);
  ASSERT_EQ(pings.size(), 2U);
  client.peer().send(DeviceClient::frame(Opcode::pong, pings.back()));  // only the latest, as RFC 6455 section 5.5.3 allows
  gate->settle();
  EXPECT_EQ(reached(0), PushLevel::ponged);
}

TEST_P(Receipts, EndOfTheConnectionEndsItsWaitsWithWhatIsKnown) {
  start();
  for (int how = 0; how < 3; ++how) {
    results.clear();
    DeviceClient client = device("a");
    wait_for(PushLevel::ponged);
    if (how == 0) client.peer().reset();
    if (how == 1) client.close(1000);
    if (how == 2) client.peer().half_close();
    gate->settle();
    EXPECT_EQ(outcome(0), PushOutcome::connection_ended) << how;
    EXPECT_GE(reached(0), PushLevel::sent) << how;
    EXPECT_LT(reached(0), PushLevel::ponged) << how;
    client.peer().close();
    gate->pass(seconds(2));
  }
  EXPECT_EQ(gate->counters(GetParam().asking_shard).push_connection_ended.get(), 3U);
}

TEST_P(Receipts, EndOfTheGateEndsAllWaits) {
  start();
  DeviceClient client = device("a");
  order("a", "x", {.wait = PushLevel::ponged, .timeout_ns = seconds(200)});
  gate->close_down();
  ASSERT_TRUE(results[0]);
  EXPECT_EQ(outcome(0), PushOutcome::connection_ended);
}

TEST_P(Receipts, LevelThatTheKernelCannotTellIsRefusedBeforeAnythingIsSent) {
  world_options.features.unacked_command = false;
  start();
  DeviceClient client = device("a");
  wait_for(PushLevel::acked);
  EXPECT_EQ(outcome(0), PushOutcome::level_unsupported);
  EXPECT_TRUE(client.take_messages().empty());
  wait_for(PushLevel::sent);
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
}

TEST_P(Receipts, WaitsHaveACeiling) {
  start();
  DeviceClient client = device("a");
  std::size_t waiting = 0, refused = 0;
  gate->on_shard(0, [&](dispatch::PushService& pushes) {
    for (std::size_t i = 0; i < limits::receipts_per_connection_max + 10; ++i)
      pushes.push("a", ws::MessageRef::encode(MessageType::text, bytes_of("x")), {.wait = PushLevel::ponged},
                  [&](const PushResult& result) { ++(result.outcome == PushOutcome::backpressure ? refused : waiting); });
  });
  gate->settle();
  EXPECT_EQ(refused, 10U);
  answer_pings(client);
  gate->settle();
  answer_pings(client);
  gate->settle();
  EXPECT_EQ(waiting, limits::receipts_per_connection_max);
  client.peer().close();
  expect_nothing_left();
}

TEST_P(Receipts, RepeatThatDoesNotWaitIsToldAtOnceThatTheFirstWasQueued) {
  start();
  DeviceClient client = device("a");
  order("a", "x", {.id = "k", .wait = PushLevel::ponged, .timeout_ns = seconds(100)});
  order("a", "x", {.id = "k"});
  gate->pass(seconds(20));  // longer than a shard awaits the answer of another
  EXPECT_FALSE(results[0]);
  ASSERT_TRUE(results[1]);
  EXPECT_EQ(outcome(1), PushOutcome::delivered);
  EXPECT_EQ(reached(1), PushLevel::queued);
  EXPECT_TRUE(results[1]->receipt.is_repeat);
  EXPECT_GT(results[1]->receipt.queued_at_ms, 1'800'000'000'000);
  answer_pings(client);
  gate->settle();
  EXPECT_EQ(reached(0), PushLevel::ponged);
  EXPECT_EQ(client.take_messages(), std::vector<std::string>{"x"});
}

TEST_P(Receipts, RepeatThatWaitsIsToldWhatBecameOfTheFirstInItsOwnTime) {
  start();
  DeviceClient client = device("a");
  order("a", "x", {.id = "k", .wait = PushLevel::ponged, .timeout_ns = seconds(100)});
  order("a", "x", {.id = "k", .wait = PushLevel::ponged, .timeout_ns = seconds(1)});
  order("a", "x", {.id = "k", .wait = PushLevel::ponged, .timeout_ns = seconds(80)});
  gate->pass(milliseconds(900));
  EXPECT_FALSE(results[1]);
  gate->pass(milliseconds(200));
  ASSERT_TRUE(results[1]);
  EXPECT_EQ(outcome(1), PushOutcome::timed_out);
  EXPECT_GE(reached(1), PushLevel::queued);
  EXPECT_TRUE(results[1]->receipt.is_repeat);
  gate->pass(seconds(30));
  EXPECT_FALSE(results[0] || results[2]);
  answer_pings(client);
  gate->settle();
  for (const std::size_t i : {0U, 2U}) EXPECT_EQ(reached(i), PushLevel::ponged) << i;
  EXPECT_TRUE(results[2]->receipt.is_repeat);
  client.peer().close();
  expect_nothing_left();
}

TEST_P(Receipts, NothingIsKeptOnceNobodyWaits) {
  start();
  DeviceClient client = device("a");
  for (const PushLevel level : {PushLevel::sent, PushLevel::acked, PushLevel::ponged}) wait_for(level);
  answer_pings(client);
  gate->pass(milliseconds(10));
  EXPECT_FALSE(gate->devices(0).next_push_due());
  client.peer().close();
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Ways, Receipts, ::testing::Values(Way{false, 0}, Way{false, 1}, Way{true, 0}, Way{true, 1}),
                         [](const auto& way) {
                           return std::string(way.param.has_tls ? "Tls" : "Plain") +
                                  (way.param.asking_shard == 0 ? "Here" : "Crossed");
                         });

}  // namespace
}  // namespace ringgate::simulated
