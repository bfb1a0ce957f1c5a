// From the first byte of a request to the 101 or the refusal, as a peer sees it.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class DeviceUpgrade : public DeviceFixture {};

TEST_F(DeviceUpgrade, AnswersTheHandshakeAndEchoes) {
  start();
  DeviceClient client = device("a", "/ws");
  EXPECT_NE(client.head().find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  client.text("hello");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"hello"});
  client.peer().close();
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, TakesAHeadCutAnywhere) {
  start();
  const std::string head = DeviceClient::request("cut");
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    DeviceClient client = connect();
    client.peer().send(head.substr(0, cut));
    gate->settle();
    client.peer().send(head.substr(cut) + DeviceClient::frame(Opcode::text, "x"));
    gate->settle();
    ASSERT_EQ(client.take(Opcode::text), std::vector<std::string>{"x"}) << "cut at " << cut;
    client.peer().reset();
    gate->settle();
  }
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, ReadsFramesPipelinedBehindTheHead) {
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("a") + DeviceClient::frame(Opcode::text, "one") +
                     DeviceClient::frame(Opcode::binary, "two"));
  gate->settle();
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(DeviceUpgrade, ClosesAfterARefusalAndInterpretsNothingFurther) {
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("", "/ws") + DeviceClient::request("good"));
  gate->settle();
  client.peer().send(DeviceClient::request("better"));
  gate->settle();
  client.read();
  EXPECT_EQ(client.status(), 400);
  EXPECT_EQ(client.head().find("HTTP/1.1", 1), std::string::npos) << "a second answer";
  EXPECT_TRUE(client.saw_end());
  EXPECT_FALSE(is_online("good"));
  EXPECT_FALSE(is_online("better"));
  EXPECT_EQ(gate->counters().handshakes_refused.get(), 1U);
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, LingersForAPeerThatStillSends) {
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("", "/ws"));
  gate->settle();
  client.peer().send("what is still under way must not turn into a reset");
  gate->pass(milliseconds(500));
  EXPECT_FALSE(client.saw_reset());
  EXPECT_EQ(gate->counters().slots_used.get(), 1U);
  gate->pass(seconds(1));
  EXPECT_EQ(gate->counters().slots_used.get(), 0U);
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, DropsWhoNeverSaidAnything) {
  start();
  DeviceClient client = connect();
  gate->pass(seconds(9));
  EXPECT_FALSE(client.saw_end());
  gate->pass(seconds(2));
  client.read();
  EXPECT_TRUE(client.saw_end());
  EXPECT_FALSE(client.status().has_value());
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, AnswersWhoBeganAndDidNotFinishWith408) {
  start();
  DeviceClient client = connect();
  client.peer().send("GET /ws?deviceId=a HTTP/1.1\r\n");
  gate->pass(seconds(6));
  client.peer().send("Host: gate\r\n");  // the deadline is for the whole head, not from byte to byte
  gate->pass(seconds(5));
  client.read();
  EXPECT_EQ(client.status(), 408);
  EXPECT_TRUE(client.saw_end());
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, FreesWhoEndsInTheMiddleOfItsHead) {
  start();
  DeviceClient finished = connect();
  finished.peer().send("GET /ws?dev");
  finished.peer().half_close();
  DeviceClient reset = connect();
  reset.peer().send("GET /ws?dev");
  gate->settle();
  reset.peer().reset();
  gate->settle();
  EXPECT_EQ(gate->counters().slots_used.get(), 0U);
  expect_nothing_left();
}

TEST_F(DeviceUpgrade, TakesHeadsOfTheSizeThatIsSet) {
  options.settings.limits.head_bytes_max = 32 * 1024;
  options.settings.limits.fields_max = 200;
  start();
  const auto status_of = [this](const std::string& fields, std::size_t cut) {
    std::string head = DeviceClient::request("a");
    head.insert(head.size() - 2, fields);
    DeviceClient client = connect();
    client.peer().send(head.substr(0, cut));
    gate->settle();
    client.peer().send(head.substr(std::min(cut, head.size())));
    gate->settle();
    client.read();
    return client.status();
  };
  std::string lines;
  for (int i = 0; i < 150; ++i) lines += "X: y\r\n";
  for (const std::size_t cut : {std::size_t{1}, std::size_t{500}, std::size_t{1} << 20}) {
    EXPECT_EQ(status_of("Cookie: " + std::string(30'000, 'c') + "\r\n", cut), 101) << cut;
    EXPECT_EQ(status_of("Cookie: " + std::string(33'000, 'c') + "\r\n", cut), 431) << cut;
    EXPECT_EQ(status_of(lines, cut), 101) << cut;
    EXPECT_EQ(status_of(lines + lines, cut), 431) << cut;
  }
}

TEST_F(DeviceUpgrade, KnowsDevicesByEitherSpellingOfTheirParameter) {
  start();
  for (const char* query : {"deviceId=both", "deviceID=both", "deviceID=both&deviceId=both", "filter[]=1&x=100%&deviceID=both"}) {
    DeviceClient client = connect();
    std::string head = DeviceClient::request("both", "/ws");
    head.replace(head.find("deviceId=both"), 13, query);
    client.peer().send(head);
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101) << query;
    EXPECT_TRUE(is_online("both")) << query;
  }
}

TEST_F(DeviceUpgrade, NamesTheNamelessWhenAllowed) {
  options.settings.device.required = false;
  start();
  std::vector<std::string> ids;
  handler.opened = [&ids](Connection& connection) { ids.emplace_back(connection.device_id()); };
  device("");
  device("");
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0], ids[1]);
  for (const std::string& id : ids) {
    EXPECT_TRUE(id.starts_with("anon-"));
    EXPECT_EQ(id.size(), 5U + 26U);
    EXPECT_EQ(push(id, "to a nameless one").outcome, PushOutcome::delivered);
  }
  DeviceClient forged = connect();
  forged.open("anon-abcdefghijklmnopqrstuvwxyz", "/handler");
  gate->settle();
  forged.read();
  EXPECT_EQ(forged.status(), 400);
}

TEST_F(DeviceUpgrade, HoldsTheLimitOverAllShards) {
  options.shards_count = 2;
  options.settings.limits.connections_max = 2;
  start();
  DeviceClient first = device("a", "/ws", 0);
  DeviceClient second = device("b", "/ws", 1);
  DeviceClient third = connect(1);
  third.open("c");
  gate->settle();
  third.read();
  EXPECT_EQ(third.status(), 503);
  EXPECT_NE(third.head().find("Retry-After: "), std::string::npos);
  second.peer().reset();
  gate->settle();
  device("c", "/ws", 0);
}

TEST_F(DeviceUpgrade, GivesThePlaceOfARefusedHandshakeBack) {
  options.settings.limits.connections_max = 1;
  start();
  for (int i = 0; i < 3; ++i) {
    DeviceClient refused = connect();
    refused.open("");
    gate->settle();
    refused.read();
    EXPECT_EQ(refused.status(), 400);
  }
  device("a");
}

}  // namespace
}  // namespace ringgate::simulated
