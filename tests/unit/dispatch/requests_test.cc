// Messages that a device answers: the caller gets the device's next message with the same id, from any shard, or learns why not.
#include "base/limits.h"
#include "dispatch/awaited_replies.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using dispatch::RequestOutcome;
using dispatch::RequestResult;
using ws::Opcode;

class Requests : public DeviceFixture {
 protected:
  Requests() {
    options.shards_count = 2;
    options.settings.routes[0].correlation = "/1";
    options.settings.routes[1].correlation = "/1";
    RouteConfig without = options.settings.routes.front();
    without.path = "/handler/without";
    without.correlation.clear();
    options.settings.routes.push_back(without);
    handler.received = [this](Connection&, MessageView message) { heard.emplace_back(text_of(message.payload)); };
  }

  void ask(std::string_view id, std::string_view message, std::size_t shard = 0, DurationNs timeout = seconds(5)) {
    gate->on_shard(shard, [&](dispatch::PushService& pushes) {
      pushes.request(id, ws::MessageRef::encode(MessageType::text, bytes_of(message)), timeout, [this](RequestResult result) {
        outcomes.push_back(result.outcome);
        replies.push_back(result.reply == nullptr ? "" : result.reply->payload);
      });
    });
    gate->settle();
  }

  std::vector<RequestOutcome> outcomes;
  std::vector<std::string> replies;
  std::vector<std::string> heard;
};

using Outcomes = std::vector<RequestOutcome>;

TEST_F(Requests, TheNextMessageWithTheSameIdIsTheReply) {
  start();
  for (std::size_t shard : {0U, 1U}) {
    outcomes.clear();
    replies.clear();
    heard.clear();
    DeviceClient client = device("a", "/handler", 0);
    ask("a", R"([2,"x1","Reset",{}])", shard);
    EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{R"([2,"x1","Reset",{}])"});
    EXPECT_TRUE(outcomes.empty());
    client.text(R"([2,"other","Heartbeat",{}])");
    client.text("no JSON");
    client.text(R"([3,"x1",{"status":"Accepted"}])");
    client.text(R"([3,"x1",{"again":true}])");
    gate->settle();
    EXPECT_EQ(outcomes, Outcomes{RequestOutcome::answered});
    EXPECT_EQ(replies, std::vector<std::string>{R"([3,"x1",{"status":"Accepted"}])"});
    EXPECT_EQ(heard.size(), 4U) << "the handler hears the reply too";
    client.peer().reset();
    gate->settle();
  }
}

TEST_F(Requests, AnEchoRouteAnswersCallersToo) {
  start();
  DeviceClient client = device("a", "/ws", 1);
  ask("a", R"([2,7,"x"])");
  (void)client.take(Opcode::text);
  client.text(R"([3,"7"])");
  client.text(R"([3,7])");
  gate->settle();
  EXPECT_EQ(replies, std::vector<std::string>{"[3,7]"});
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{R"([3,"7"])", "[3,7]"}));
}

TEST_F(Requests, SeveralRequestsWaitEachForItsReply) {
  start();
  DeviceClient client = device("a", "/handler", 1);
  for (const char* id : {"1", "2", "3"}) ask("a", "[2,\"" + std::string(id) + "\"]");
  ask("a", R"([2,"2"])");
  EXPECT_EQ(outcomes, Outcomes{RequestOutcome::id_in_use});
  EXPECT_EQ(client.take(Opcode::text).size(), 3U) << "the one with an id in use was not sent";
  for (const char* id : {"3", "1", "2"}) client.text("[3,\"" + std::string(id) + "\"]");
  gate->settle();
  EXPECT_EQ(replies, (std::vector<std::string>{"", R"([3,"3"])", R"([3,"1"])", R"([3,"2"])"}));
}

TEST_F(Requests, ADeviceThatDoesNotReplyLeavesTheCallerWithATimeout) {
  start();
  DeviceClient client = device("a", "/handler", 1);
  ask("a", R"([2,"x"])", 0, milliseconds(300));
  ask("a", R"([2,"y"])", 1, milliseconds(300));
  gate->pass(milliseconds(290));
  EXPECT_TRUE(outcomes.empty());
  gate->pass(milliseconds(200));
  EXPECT_EQ(outcomes, (Outcomes{RequestOutcome::timed_out, RequestOutcome::timed_out}));
  client.text(R"([3,"x"])");
  gate->settle();
  EXPECT_EQ(outcomes.size(), 2U);
}

TEST_F(Requests, AnEndOfTheConnectionEndsTheWait) {
  start();
  DeviceClient client = device("a", "/handler", 1);
  ask("a", R"([2,"x"])");
  client.peer().reset();
  gate->settle();
  EXPECT_EQ(outcomes, Outcomes{RequestOutcome::ended});
}

TEST_F(Requests, WhatCannotBeAnsweredIsNotSent) {
  start();
  DeviceClient client = device("a", "/handler", 1), plain = device("b", "/handler/without", 1);
  ask("nobody", R"([2,"x"])");
  ask("b", R"([2,"x"])");
  for (const char* message : {"", "no JSON", "[2]", "[2,null]", "[2,1.5]", R"({"id":"x"})"}) ask("a", message);
  EXPECT_EQ(outcomes,
            (Outcomes{RequestOutcome::unknown_device, RequestOutcome::no_pointer, RequestOutcome::no_id, RequestOutcome::no_id,
                      RequestOutcome::no_id, RequestOutcome::no_id, RequestOutcome::no_id, RequestOutcome::no_id}));
  EXPECT_TRUE(client.take(Opcode::text).empty());
  EXPECT_TRUE(plain.take(Opcode::text).empty());
}

TEST_F(Requests, NoMoreThanTheCeilingWaitForOneDevice) {
  start();
  DeviceClient client = device("a", "/handler", 1);
  for (std::size_t i = 0; i <= limits::replies_awaited_per_device_max; ++i) ask("a", "[2," + std::to_string(i) + "]");
  EXPECT_EQ(outcomes, Outcomes{RequestOutcome::no_room});
  EXPECT_EQ(client.take(Opcode::text).size(), limits::replies_awaited_per_device_max);
  client.text("[3,0]");
  gate->settle();
  ask("a", "[2,\"one more\"]");
  EXPECT_EQ(outcomes, (Outcomes{RequestOutcome::no_room, RequestOutcome::answered}));
}

TEST_F(Requests, AGateThatEndsAnswersThoseWhoWait) {
  start();
  DeviceClient client = device("a", "/handler", 1);
  ask("a", R"([2,"x"])");
  client.peer().reset();
  gate->settle();
  gate->close_down();
  EXPECT_EQ(outcomes.size(), 1U);
}

}  // namespace
}  // namespace ringgate::simulated
