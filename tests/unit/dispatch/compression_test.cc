// permessage-deflate from the handshake to the last message, as a device sees it.
#include "support/raw_deflate.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using test::RawDeflater;
using test::RawInflater;
using ws::Opcode;

std::string telemetry(std::size_t size, int seed = 0) {
  std::string text;
  for (int i = seed; text.size() < size; ++i) text += "{\"sensor\":\"th-" + std::to_string(i * 7919 % 97) + "\"},";
  text.resize(size);
  return text;
}

class Compression : public DeviceFixture {
 protected:
  Compression() { settings().enabled = true; }
  DeflateConfig& settings() { return options.settings.routes[1].deflate; }  // of /handler

  /// A device that offered `offer`; what was agreed on is in `agreed`.
  DeviceClient compressing_device(std::string_view id, std::string_view offer = "permessage-deflate") {
    DeviceClient client = connect();
    const std::string field = "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n";
    client.peer().send(DeviceClient::request(id, "/handler", field));
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
    agreed = "";
    constexpr std::string_view name = "Sec-WebSocket-Extensions: ";
    if (const std::size_t at = client.head().find(name); at != std::string::npos)
      agreed = client.head().substr(at + name.size(), client.head().find("\r\n", at) - at - name.size());
    return client;
  }

  void send(DeviceClient& client, std::string_view deflated, Opcode opcode = Opcode::text) {
    client.peer().send(DeviceClient::compressed_frame(opcode, deflated));
    gate->settle();
    client.read();
  }

  /// The only frame that came.
  ServerFrame only_frame(DeviceClient& client) {
    client.read();
    EXPECT_EQ(client.frames().size(), 1U);
    if (client.frames().empty()) return {};
    ServerFrame frame = client.frames().front();
    client.frames().clear();
    return frame;
  }

  std::string agreed;
};

TEST_F(Compression, IsOffUnlessTheRouteSaysOtherwise) {
  settings().enabled = false;
  start();
  DeviceClient client = compressing_device("a");
  EXPECT_EQ(agreed, "");
  send(client, "x");
  EXPECT_EQ(client.close_code(), 1002);
}

TEST_F(Compression, EchoesBothTypesAtEverySizeWithoutContext) {
  start();
  DeviceClient client = compressing_device("a");
  EXPECT_EQ(agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  RawDeflater deflater;
  RawInflater inflater;
  for (const std::size_t size : {0U, 1U, 100U, 255U, 256U, 1000U, 65536U, 300000U}) {
    for (const Opcode opcode : {Opcode::text, Opcode::binary}) {
      const std::string text = telemetry(size);
      send(client, deflater.deflate(text), opcode);
      const ServerFrame echo = only_frame(client);
      EXPECT_EQ(echo.opcode, opcode);
      EXPECT_EQ(echo.compressed, size >= 256) << "the least size for which it pays";
      EXPECT_EQ(echo.compressed ? inflater.inflate(echo.payload) : echo.payload, text);
    }
  }
}

TEST_F(Compression, EchoesWhatWasNotCompressed) {
  start();
  DeviceClient client = compressing_device("a");
  client.text("plain");
  gate->settle();
  const ServerFrame echo = only_frame(client);
  EXPECT_FALSE(echo.compressed);
  EXPECT_EQ(echo.payload, "plain");
}

TEST_F(Compression, KeepsContextBothWaysWhereTheRouteAllowsIt) {
  settings().context_takeover = true;
  start();
  DeviceClient client = compressing_device("a");
  EXPECT_EQ(agreed, "permessage-deflate");
  RawDeflater deflater(15, true);
  RawInflater inflater(15, true);
  std::size_t first_bytes = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string text = telemetry(2000, 1);
    send(client, deflater.deflate(text));
    const ServerFrame echo = only_frame(client);
    ASSERT_TRUE(echo.compressed);
    ASSERT_EQ(inflater.inflate(echo.payload), text);
    if (i == 0) first_bytes = echo.payload.size();
    EXPECT_LT(i == 0 ? 0 : echo.payload.size(), first_bytes / 2) << "it refers back";
  }
}

TEST_F(Compression, ReachesAFragmentedMessageWithPingsBetween) {
  start();
  DeviceClient client = compressing_device("a");
  const std::string text = telemetry(5000);
  const std::string deflated = RawDeflater().deflate(text);
  const std::size_t cut = deflated.size() / 3;
  client.peer().send(DeviceClient::compressed_frame(Opcode::binary, deflated.substr(0, cut), false));
  client.ping("between");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::pong), std::vector<std::string>{"between"});
  client.peer().send(DeviceClient::frame(Opcode::continuation, deflated.substr(cut)));
  gate->settle();
  EXPECT_EQ(RawInflater().inflate(only_frame(client).payload), text);
}

TEST_F(Compression, PushesAndBroadcastsArriveInOrderInOneStream) {
  settings().context_takeover = true;
  start();
  DeviceClient client = compressing_device("a");
  RawInflater inflater(15, true);
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    expected.push_back(telemetry(500, i));
    if (i % 2 == 0) {
      push("a", expected.back(), 0, [](PushResult result) { EXPECT_EQ(result.outcome, PushOutcome::delivered); });
    } else {
      gate->on_shard(0, [&](dispatch::PushService& pushes) {
        pushes.broadcast(ws::MessageRef::encode(MessageType::text, bytes_of(expected.back())),
                         [](const BroadcastResult& result) { EXPECT_EQ(result.delivered, 1U); });
      });
    }
    gate->settle();
  }
  client.read();
  ASSERT_EQ(client.frames().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(client.frames()[i].compressed);
    EXPECT_EQ(inflater.inflate(client.frames()[i].payload), expected[i]);
  }
}

TEST_F(Compression, ABroadcastIsCompressedOncePerWindow) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 6; ++i)
    clients.push_back(compressing_device("d" + std::to_string(i),
                                         i % 2 == 0 ? "permessage-deflate" : "permessage-deflate; server_max_window_bits=9"));
  DeviceClient plain = device("plain");
  const std::string text = telemetry(3000);
  const ws::MessageRef message = ws::MessageRef::encode(MessageType::text, bytes_of(text));
  gate->on_shard(0, [&](dispatch::PushService& pushes) { pushes.broadcast(message, [](const BroadcastResult&) {}); });
  gate->settle();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const ServerFrame frame = only_frame(clients[i]);
    ASSERT_TRUE(frame.compressed);
    const ws::PreparedMessage* const form = message->compressed_form(i % 2 == 0 ? 15 : 9);
    ASSERT_NE(form, nullptr);
    EXPECT_EQ(frame.payload, text_of(form->payload())) << "the form kept for all";
    EXPECT_EQ(RawInflater(i % 2 == 0 ? 15 : 9).inflate(frame.payload), text);
  }
  EXPECT_EQ(only_frame(plain).payload, text);
}

TEST_F(Compression, SendsAsItIsWhatDoesNotShrink) {
  start();
  DeviceClient client = compressing_device("a");
  std::string noise;
  for (unsigned i = 0, state = 1; i < 4096; ++i) noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  send(client, RawDeflater().deflate(noise), Opcode::binary);
  const ServerFrame echo = only_frame(client);
  EXPECT_FALSE(echo.compressed);
  EXPECT_EQ(echo.payload, noise);
}

TEST_F(Compression, GivesNoContextOnceItsMemoryIsUsedUp) {
  settings().context_takeover = true;
  options.settings.limits.deflate_bytes_max = 700'000;  // two contexts and two histories
  start();
  std::vector<DeviceClient> clients;
  for (const char* id : {"a", "b"}) {
    clients.push_back(compressing_device(id));
    EXPECT_EQ(agreed, "permessage-deflate");
  }
  (void)compressing_device("c");
  EXPECT_EQ(agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(gate->counters().deflate_contexts_refused.get(), 1U);
  clients[0].close(1000);
  gate->settle();
  clients[0].peer().half_close();
  gate->settle();
  (void)compressing_device("d");
  EXPECT_EQ(agreed, "permessage-deflate") << "the memory came back";
}

TEST_F(Compression, ClosesForWhatItMayNotBe) {
  options.settings.limits.message_bytes_max = 10'000;
  start();
  const auto code_after = [&](std::string_view deflated, Opcode opcode) {
    DeviceClient client = compressing_device("a");
    send(client, deflated, opcode);
    EXPECT_TRUE(client.frames().empty());
    return client.close_code().value_or(0);
  };
  RawDeflater deflater;
  EXPECT_EQ(code_after("\x07", Opcode::binary), 1007) << "a reserved block type";
  EXPECT_EQ(code_after(deflater.deflate("\xC3\x28"), Opcode::text), 1007) << "not UTF-8";
  EXPECT_EQ(code_after(deflater.deflate(std::string(10'001, 'a')), Opcode::binary), 1009);
  EXPECT_EQ(code_after(deflater.deflate(telemetry(500)).substr(0, 30), Opcode::binary), 1007) << "cut";
  DeviceClient client = compressing_device("a");
  send(client, deflater.deflate(std::string(10'000, 'a')));
  EXPECT_EQ(RawInflater().inflate(only_frame(client).payload), std::string(10'000, 'a'));
}

TEST_F(Compression, ClosesADeviceThatTakesMoreThanItsShareOfTheCore) {
  options.settings.limits.ping_interval_ns = 0;
  options.settings.limits.message_bytes_max = 16 * 1024 * 1024;
  handler.received = [](Connection&, MessageView) {};
  start();
  DeviceClient client = compressing_device("a");
  const std::string bomb = RawDeflater().deflate(std::string(10'000'000, 'a'));
  int sent = 0;
  while (!client.close_code() && sent < 100) {
    send(client, bomb, Opcode::binary);
    ++sent;
  }
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_GT(sent, 1) << "one message is always taken";

  DeviceClient patient = compressing_device("b");
  for (int i = 0; i < 50; ++i) {
    send(patient, bomb, Opcode::binary);
    gate->pass(seconds(1));
  }
  EXPECT_FALSE(patient.close_code().has_value());
}

TEST_F(Compression, RefusesAMessageThatIsAllWorkAndNoContent) {
  start();
  DeviceClient client = compressing_device("a", "permessage-deflate; client_max_window_bits=14");
  std::string work;
  while (work.size() < 500'000) work += std::string("\x03\x00", 2);  // empty blocks, each marked final
  send(client, work, Opcode::binary);
  EXPECT_EQ(client.close_code(), 1008);
}

TEST_F(Compression, ManySmallRepliesOfOneTurnArriveWhole) {
  start();
  DeviceClient client = compressing_device("a");
  const std::string frame = DeviceClient::compressed_frame(Opcode::binary, RawDeflater().deflate(std::string(200, 'a')));
  std::string run;
  while (run.size() < 60'000) run += frame;
  client.peer().send(run);
  gate->settle();
  const std::vector<std::string> echoes = client.take(Opcode::binary);
  EXPECT_EQ(echoes.size(), run.size() / frame.size());
  for (const std::string& echo : echoes) ASSERT_EQ(echo, std::string(200, 'a'));
}

/// Pongs between the echoes keep them from being written in place, so they are joined again and again in the turn's memory. Beginning
/// with a pong, the joined piece fills its room to the last byte just before another one.
TEST_F(Compression, ManyEchoesAndPongsOfOneTurnArriveWhole) {
  start();
  DeviceClient client = compressing_device("a");
  const std::string ping = DeviceClient::frame(Opcode::ping, "");
  const std::string pair = DeviceClient::frame(Opcode::binary, "x") + ping;
  constexpr std::size_t pairs = 30'000;  // replies of more than two blocks of that memory
  std::string run = ping;
  for (std::size_t i = 0; i < pairs; ++i) run += pair;
  client.peer().send(run);
  gate->settle();
  client.read();
  ASSERT_EQ(client.frames().size(), 1 + 2 * pairs);
  for (std::size_t i = 0; i < client.frames().size(); ++i) {
    ASSERT_EQ(client.frames()[i].opcode, i % 2 == 0 ? Opcode::pong : Opcode::binary) << "frame " << i;
    ASSERT_EQ(client.frames()[i].payload, i % 2 == 0 ? "" : "x") << "frame " << i;
  }
}

TEST_F(Compression, LeavesNothingBehind) {
  settings().context_takeover = true;
  start();
  {
    DeviceClient client = compressing_device("a");
    send(client, RawDeflater(15, true).deflate(telemetry(2000)));
    client.peer().reset();
    gate->settle();
  }
  gate->expect_nothing_left();
}

}  // namespace
}  // namespace ringgate::simulated
