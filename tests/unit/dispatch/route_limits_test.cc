// Limits of one route: they hold there, and the gate's hold elsewhere.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class RouteLimits : public DeviceFixture {
 protected:
  RouteLimitsConfig& of_route() { return options.settings.routes[1].limits; }
};

TEST_F(RouteLimits, BoundMessages) {
  of_route().message_bytes_max = 200;
  start();
  DeviceClient bound = device("a", "/handler");
  DeviceClient free = device("b", "/ws");
  for (DeviceClient* client : {&bound, &free}) client->text(std::string(200, 'x'));
  gate->settle();
  EXPECT_EQ(bound.take(Opcode::text).size(), 1U);
  EXPECT_EQ(free.take(Opcode::text).size(), 1U);
  for (DeviceClient* client : {&bound, &free}) client->text(std::string(201, 'x'));
  gate->settle();
  bound.read();
  EXPECT_EQ(bound.close_code(), 1009);
  EXPECT_EQ(free.take(Opcode::text).size(), 1U);
}

TEST_F(RouteLimits, BoundEchoedMessages) {
  options.settings.routes[0].limits.message_bytes_max = 125;  // of the built-in echo, which reads runs of messages
  start();
  DeviceClient client = device("a", "/ws");
  client.text(std::string(125, 'x'));
  client.text(std::string(126, 'x'));
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text).size(), 1U);
  EXPECT_EQ(client.close_code(), 1009);
}

TEST_F(RouteLimits, BoundInflatedMessages) {
  options.settings.routes[1].deflate.enabled = true;
  of_route().message_bytes_max = 200;
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("d", "/handler", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  gate->settle();
  // RFC 1951: a fixed block of "a" and a copy of it 258 bytes long.
  client.peer().send(DeviceClient::compressed_frame(Opcode::text, std::string("\x4B\x1C\x05\x00", 4)));
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1009);
}

TEST_F(RouteLimits, BoundWhatWaitsForADevice) {
  world_options.send_buffer_bytes = 1000;
  of_route().send_queue_bytes_max = 5000;
  start();
  DeviceClient bound = device("a", "/handler");
  DeviceClient free = device("b", "/ws");
  for (DeviceClient* client : {&bound, &free}) client->peer().stop_reading(0);
  for (const char* id : {"a", "b"}) EXPECT_EQ(push(id, std::string(4000, 'x')).outcome, PushOutcome::delivered);
  EXPECT_EQ(push("a", std::string(4000, 'x')).outcome, PushOutcome::backpressure);
  EXPECT_EQ(push("b", std::string(4000, 'x')).outcome, PushOutcome::delivered);
}

TEST_F(RouteLimits, SetDeadlines) {
  options.settings.limits.ping_interval_ns = 0;
  of_route().idle_timeout_ns = seconds(20);
  options.settings.routes[0].limits.message_timeout_ns = seconds(5);
  start();
  DeviceClient idle = device("a", "/handler");
  DeviceClient busy = device("b", "/ws");
  busy.peer().send(DeviceClient::frame(Opcode::text, "begun", false));
  gate->pass(seconds(6));
  busy.read();
  EXPECT_EQ(busy.close_code(), 1008);
  idle.peer().send(DeviceClient::frame(Opcode::text, "begun", false));
  gate->pass(seconds(12));
  idle.read();
  EXPECT_FALSE(idle.close_code().has_value()) << "the gate's message_timeout is longer";
  gate->pass(seconds(10));
  idle.read();
  EXPECT_EQ(idle.close_code(), 4408);
}

TEST_F(RouteLimits, SetPings) {
  of_route().ping_interval_ns = seconds(2);
  of_route().pong_timeout_ns = seconds(1);
  options.settings.routes[0].limits.ping_interval_ns = 0;
  start();
  DeviceClient pinged = device("a", "/handler");
  DeviceClient left_alone = device("b", "/ws");
  gate->pass(seconds(5));
  pinged.read();
  EXPECT_EQ(pinged.close_code(), 4408);
  gate->pass(seconds(60));
  left_alone.read();
  EXPECT_FALSE(left_alone.close_code().has_value());
  EXPECT_TRUE(left_alone.frames().empty());
}

}  // namespace
}  // namespace ringgate::simulated
