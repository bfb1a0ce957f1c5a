// What observers are told of devices: messages for sinks, replacement, slowness, the end and whose it was, and epochs.
#include "dispatch/epochs.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using dispatch::EndedBy;
using dispatch::Slowness;

/// Keeps all that it is told.
class Witness final : public dispatch::Observer {
 public:
  struct Message {
    std::string device, payload;
    MessageType type;
    std::uint64_t sinks;
    std::uint64_t epoch;
  };
  bool hears_all() const override { return true; }
  bool hears_messages() const override { return true; }
  void on_connected(const dispatch::DeviceView& device) override {
    connected.push_back(device.connection);
    epochs.push_back(device.epoch);
    traces.emplace_back(device.trace_parent);
  }
  void on_replaced(const dispatch::DeviceView& device, ConnectionRef older) override {
    replaced.emplace_back(device.connection, older);
  }
  void on_message(const dispatch::DeviceView& device, const dispatch::UpstreamMessage& message) override {
    messages.push_back(
        {std::string(device.device_id), std::string(text_of(message.payload)), message.type, message.sinks, device.epoch});
  }
  void on_slow(const dispatch::DeviceView&, const dispatch::SlowView& slow) override { slowness.push_back(slow.slowness); }
  void on_disconnected(const dispatch::DeviceView& device, const dispatch::DisconnectView& end) override {
    ended_by.emplace(device.device_id, end.ended_by);
    ended_epochs.push_back(device.epoch);
  }

  std::vector<ConnectionRef> connected;
  std::vector<std::string> traces;
  std::vector<std::uint64_t> epochs, ended_epochs;
  std::vector<std::pair<ConnectionRef, ConnectionRef>> replaced;
  std::vector<Message> messages;
  std::vector<Slowness> slowness;
  std::map<std::string, EndedBy, std::less<>> ended_by;
};

class Telling : public DeviceFixture {
 protected:
  void start_watched() {
    start();
    witnesses.clear();
    witnesses.resize(gate->shards_count());
    for (std::size_t shard = 0; shard < gate->shards_count(); ++shard) gate->devices(shard).add_observer(witnesses[shard]);
  }
  Witness& witness() { return witnesses.front(); }

  std::deque<Witness> witnesses;
};

TEST_F(Telling, MessagesOfARouteWithSinksBeforeTheirHandlerSeesThem) {
  options.settings.routes.push_back({.path = "/up", .upstream = {"events"}});
  start_watched();
  DeviceClient client = device("a", "/up");
  client.text("one");
  client.peer().send(DeviceClient::frame(ws::Opcode::binary, "two"));
  gate->settle();
  ASSERT_EQ(witness().messages.size(), 2U);
  EXPECT_EQ(witness().messages[0].device, "a");
  EXPECT_EQ(witness().messages[0].payload, "one");
  EXPECT_EQ(witness().messages[0].type, MessageType::text);
  EXPECT_EQ(witness().messages[0].sinks, 1U);
  EXPECT_EQ(witness().messages[1].payload, "two");
  EXPECT_EQ(witness().messages[1].type, MessageType::binary);
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{"one", "two"})) << "and they are echoed";
}

TEST_F(Telling, TheTraceOfAHandshakeIfItHasExactlyOneThatIsValid) {
  start_watched();
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto line = [](std::string_view value) { return "traceparent: " + std::string(value) + "\r\n"; };
  for (const std::string& fields :
       std::vector<std::string>{line(trace), "", line("00-0"), line(trace) + line(trace), line(trace)}) {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request("a", "/ws", fields));
    gate->settle();
  }
  EXPECT_EQ(witness().traces, (std::vector<std::string>{trace, "", "", "", trace}));
}

TEST_F(Telling, NoMessagesOfOtherRoutes) {
  start_watched();
  DeviceClient echoed = device("a", "/ws"), handled = device("b");
  echoed.text("one");
  handled.text("two");
  gate->settle();
  EXPECT_TRUE(witness().messages.empty());
}

TEST_F(Telling, EpochsRiseOverConnectionsAndShards) {
  options.shards_count = 2;
  start_watched();
  std::vector<std::uint64_t> epochs;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::size_t shard = i % 2;
    DeviceClient client = device("d" + std::to_string(i), "/ws", shard);
    epochs.push_back(witnesses[shard].epochs.back());
    if (i % 5 == 0) gate->pass(milliseconds(7));
  }
  EXPECT_TRUE(std::ranges::is_sorted(epochs, std::less_equal{}) && std::ranges::adjacent_find(epochs) == epochs.end());
  EXPECT_EQ(epochs.front() >> dispatch::Epochs::shift >> 10, 1'800'000'000'000ULL >> 10) << "Unix time in milliseconds";
}

TEST_F(Telling, AConnectionKeepsItsEpochThroughALongHandshake) {
  options.settings.limits.handshake_timeout_ns = options.settings.limits.authentication_timeout_ns = seconds(3600);
  ConnectionRef undecided;
  handler.asked = [&](const UpgradeRequest& request) -> UpgradeVerdict {
    undecided = request.ref();
    return UpgradeLater{};
  };
  start_watched();
  DeviceClient client = connect();
  client.open("a", "/handler");
  gate->settle();
  gate->pass(seconds(3590));
  gate->decide(undecided, UpgradeAccept{}, [](DecideOutcome) {});
  gate->settle();
  ASSERT_EQ(witness().epochs.size(), 1U);
  const std::uint64_t registered_at_ms = witness().epochs.front() >> dispatch::Epochs::shift;
  EXPECT_GE(registered_at_ms, 1'800'000'000'000U + 3590'000);
  EXPECT_LE(registered_at_ms, 1'800'000'000'000U + 3600'000);
  client.peer().reset();
  gate->settle();
  EXPECT_EQ(witness().ended_epochs, witness().epochs);
}

TEST_F(Telling, AReplacedConnectionAndByWhich) {
  start_watched();
  DeviceClient older = device("a"), newer = device("a");
  gate->settle();
  ASSERT_EQ(witness().connected.size(), 2U);
  ASSERT_EQ(witness().replaced.size(), 1U);
  EXPECT_EQ(witness().replaced.front(), std::pair(witness().connected[1], witness().connected[0]));
  EXPECT_GT(witness().epochs[1], witness().epochs[0]);
}

TEST_F(Telling, WhoseTheEndWas) {
  start_watched();
  DeviceClient polite = device("a");
  polite.close(1000);
  gate->settle();
  DeviceClient rude = device("b");
  rude.peer().reset();
  gate->settle();
  DeviceClient wrong = device("c");
  wrong.peer().send(std::string("\xFF\x80\0\0\0\0", 6));
  gate->settle();
  handler.received = [](Connection& connection, MessageView) { connection.close(CloseCode::normal, "enough"); };
  DeviceClient dismissed = device("d");
  dismissed.text("x");
  gate->settle();
  gate->pass(seconds(30));
  EXPECT_EQ(witness().ended_by,
            (std::map<std::string, EndedBy, std::less<>>{
                {"a", EndedBy::device}, {"b", EndedBy::network}, {"c", EndedBy::gate}, {"d", EndedBy::backend}}));
}

TEST_F(Telling, SlownessOnceUntilNothingWaits) {
  options.settings.limits.send_queue_bytes_max = 64 * 1024;
  start_watched();
  DeviceClient client = device("a");
  client.peer().stop_reading();
  const std::string large(8 * 1024, 'x');
  int delivered = 0;
  while (push("a", large).outcome == PushOutcome::delivered && delivered < 10'000) ++delivered;
  EXPECT_EQ(push("a", large).outcome, PushOutcome::backpressure);
  EXPECT_EQ(witness().slowness, (std::vector{Slowness::half_full, Slowness::refused}));
  gate->pass(seconds(60));  // limits.send_timeout
  EXPECT_EQ(witness().slowness, (std::vector{Slowness::half_full, Slowness::refused, Slowness::closed}));
}

}  // namespace
}  // namespace ringgate::simulated
