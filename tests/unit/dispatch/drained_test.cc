// What a handler learns of its output, and what a connection tells of itself.
#include "ringgate/prepared_message.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class Drained : public DeviceFixture {
 protected:
  Drained() {
    world_options.send_buffer_bytes = 4000;
    handler.drained = [this](Connection&) { ++drained_count; };
  }
  /// Runs `task` with the connection of the only device.
  void with_connection(std::move_only_function<void(Connection&)> task) {
    gate->with_connection(ref, std::move(task));
    gate->settle();
  }
  DeviceClient reporting_device() {
    handler.opened = [this](Connection& connection) { ref = connection.ref(); };
    return device("d");
  }
  ConnectionRef ref;
  int drained_count = 0;
};

TEST_F(Drained, SaysTakenWhileTheDeviceKeepsUp) {
  start();
  DeviceClient client = reporting_device();
  with_connection([](Connection& connection) {
    EXPECT_EQ(connection.send_text("a"), SendOutcome::taken);
    EXPECT_EQ(connection.send_binary(bytes_of("b")), SendOutcome::taken);
  });
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(drained_count, 0);
}

TEST_F(Drained, SaysWaitsAndThenOnceThatNothingWaits) {
  start();
  DeviceClient client = reporting_device();
  client.peer().stop_reading(0);
  const std::string large(20'000, 'x');
  with_connection([&](Connection& connection) { EXPECT_EQ(connection.send_text(large), SendOutcome::taken); });
  with_connection([&](Connection& connection) {
    EXPECT_EQ(connection.send_text("1"), SendOutcome::waits);
    EXPECT_EQ(connection.send_text("2"), SendOutcome::waits);
  });
  EXPECT_EQ(drained_count, 0);
  client.peer().resume_reading();
  gate->pass(seconds(1));
  EXPECT_EQ(client.take_messages(), (std::vector<std::string>{large, "1", "2"}));
  EXPECT_EQ(drained_count, 1);
  with_connection([](Connection& connection) { EXPECT_EQ(connection.send_text("3"), SendOutcome::taken); });
  EXPECT_EQ(drained_count, 1);
}

TEST_F(Drained, SaysWaitsWhenOneTurnWritesMoreThanTheQueueTakes) {
  options.settings.limits.send_queue_bytes_max = 4096;
  world_options.send_buffer_bytes = 1 << 20;  // the kernel takes it all
  start();
  DeviceClient client = reporting_device();
  with_connection([](Connection& connection) {
    EXPECT_EQ(connection.send_text(std::string(4000, 'x')), SendOutcome::taken);
    EXPECT_EQ(connection.send_text(std::string(4000, 'x')), SendOutcome::waits);
  });
  EXPECT_EQ(drained_count, 1) << "nothing waits, and nothing else would say so";
}

TEST_F(Drained, LetsAHandlerSendAFilePieceByPiece) {
  options.settings.limits.send_queue_bytes_max = 4096;
  start();
  int left = 0;
  const auto send_some = [&](Connection& connection) {
    while (left > 0) {
      --left;
      if (connection.send_text(std::string(3000, 'x')) != SendOutcome::taken) return connection.pause();
    }
    connection.resume();
  };
  handler.drained = [&](Connection& connection) { send_some(connection); };
  handler.received = [&](Connection& connection, MessageView) {
    EXPECT_EQ(left, 0) << "no message while the file is on its way";
    left = 100;
    send_some(connection);
  };
  DeviceClient client = device("d");
  client.text("send");
  client.text("again");
  std::size_t count = 0;
  for (int i = 0; i < 100 && count < 200; ++i) {
    gate->pass(milliseconds(100));
    count += client.take(Opcode::text).size();
  }
  EXPECT_EQ(count, 200U);
  EXPECT_EQ(left, 0);
  client.peer().close();
  expect_nothing_left();
}

TEST_F(Drained, SaysClosingOnceTheConnectionCloses) {
  start();
  DeviceClient client = reporting_device();
  with_connection([](Connection& connection) {
    connection.close(CloseCode::normal, "");
    EXPECT_EQ(connection.send_text("x"), SendOutcome::closing);
    EXPECT_EQ(connection.send(*PreparedMessage::make({MessageType::text, bytes_of("x")})), SendOutcome::closing);
  });
  EXPECT_EQ(client.take_messages(), std::vector<std::string>{});
}

TEST_F(Drained, SendsPreparedMessages) {
  start();
  DeviceClient client = reporting_device();
  const auto message = PreparedMessage::make({MessageType::text, bytes_of("shared")});
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(message->view().payload), "shared");
  with_connection([&](Connection& connection) {
    EXPECT_EQ(connection.send(*message), SendOutcome::taken);
    const PreparedMessage copy = *message;
    EXPECT_EQ(connection.send(copy, {.compress = Compress::no}), SendOutcome::taken);
  });
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"shared", "shared"}));
  EXPECT_EQ(PreparedMessage::make({MessageType::text, bytes_of("\xFF")}).error(), PrepareFault::invalid_utf8);
  EXPECT_TRUE(PreparedMessage::make({MessageType::binary, bytes_of("\xFF")}));
}

class CompressedMessages : public DeviceFixture {
 protected:
  DeviceClient compressing_device(std::string_view offer) {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request("d", "/handler", "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n"));
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
    return client;
  }
};

TEST_F(CompressedMessages, AreOffPerMessage) {
  for (const bool takeover : {false, true}) {
    options.settings.routes[1].deflate = {.enabled = true, .context_takeover = takeover};
    start();
    const std::string text(1000, 'x');
    const auto prepared = *PreparedMessage::make({MessageType::text, bytes_of(text)});
    handler.opened = [&](Connection& connection) {
      connection.send_text(text);
      connection.send({MessageType::text, bytes_of(text)}, {.compress = Compress::no});
      connection.send(prepared);
      connection.send(prepared, {.compress = Compress::no});
      connection.send_text(text);
    };
    DeviceClient client = compressing_device("permessage-deflate");
    std::vector<bool> compressed;
    for (const ServerFrame& frame : client.frames()) compressed.push_back(frame.compressed);
    EXPECT_EQ(compressed, (std::vector<bool>{true, false, true, false, true})) << takeover;
  }
}

TEST_F(CompressedMessages, AreToldByTheConnection) {
  std::optional<CompressionFacts> facts;
  handler.opened = [&](Connection& connection) { facts = connection.compression(); };
  options.settings.routes[1].deflate = {.enabled = true, .context_takeover = true};
  start();
  device("plain");
  EXPECT_FALSE(facts.has_value());
  compressing_device("permessage-deflate");
  EXPECT_EQ(facts, (CompressionFacts{15, 15, true, true}));
  compressing_device("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10");
  EXPECT_EQ(facts, (CompressionFacts{10, 15, false, false}));
  compressing_device("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(facts, CompressionFacts{});
}

class Facts : public DeviceFixture {};

TEST_F(Facts, TellTheRoundTripTimeOncePinged) {
  std::optional<std::chrono::milliseconds> rtt;
  ConnectionRef ref;
  handler.opened = [&](Connection& connection) {
    ref = connection.ref();
    rtt = connection.rtt();
  };
  start();
  DeviceClient client = device("d");
  EXPECT_FALSE(rtt.has_value());
  gate->pass(seconds(26));
  client.read();
  ASSERT_EQ(client.frames().size(), 1U);
  gate->pass(milliseconds(30));
  client.peer().send(DeviceClient::frame(Opcode::pong, client.frames().front().payload));
  gate->settle();
  gate->with_connection(ref, [&](Connection& connection) { rtt = connection.rtt(); });
  gate->settle();
  ASSERT_TRUE(rtt.has_value());
  EXPECT_GE(rtt->count(), 30);
  EXPECT_LE(rtt->count(), 1030) << "the ping left within the second before";
}

}  // namespace
}  // namespace ringgate::simulated
