// Input that is read on in a later turn: replies of one turn are bounded, large compressed messages do not hold a shard, and what
// waits has a budget.
#include "support/raw_deflate.h"
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using test::RawDeflater;
using ws::Opcode;

constexpr std::uint64_t MiB = 1024 * 1024;

class ReadingOn : public DeviceFixture {
 protected:
  ReadingOn() { limits().ping_interval_ns = 0; }
  LimitsConfig& limits() { return options.settings.limits; }

  /// `count` numbered messages as one run of bytes.
  static std::string numbered(int count) {
    std::string run;
    for (int i = 0; i < count; ++i) run += DeviceClient::frame(Opcode::text, std::to_string(i));
    return run;
  }
  static std::string reply_to(std::string_view message) { return std::string(message) + std::string(1024, '-'); }
  void reply_with_1_kib() {
    handler.received = [](Connection& connection, MessageView message) {
      connection.send({MessageType::text, bytes_of(reply_to(text_of(message.payload)))});
    };
  }
  static void expect_replies(const std::vector<std::string>& replies, int count) {
    ASSERT_EQ(replies.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) ASSERT_EQ(replies[static_cast<std::size_t>(i)], reply_to(std::to_string(i)));
  }
};

TEST_F(ReadingOn, ATurnAnswersATinyFrameEachWithAKibibyteNoFurtherThanTheQueue) {
  limits().send_queue_bytes_max = 64 * 1024;
  reply_with_1_kib();
  start();
  DeviceClient client = device("a");
  client.peer().send(numbered(3000));
  std::vector<std::string> replies;
  int turns = 0;
  while (gate->is_awake(0)) {
    ASSERT_LT(++turns, 10'000);
    const std::uint64_t before = gate->counters().payload_bytes_out.get();
    gate->turn(0);
    ASSERT_LE(gate->counters().payload_bytes_out.get() - before, limits().send_queue_bytes_max + 2 * 1024);
    for (std::string& reply : client.take(Opcode::text)) replies.push_back(std::move(reply));
  }
  expect_replies(replies, 3000);
  EXPECT_EQ(gate->counters().held_bytes.get(), 0U);
  client.peer().close();
  expect_nothing_left();
}

TEST_F(ReadingOn, WhoDoesNotReadIsNotAnsweredFurtherThanTheQueue) {
  limits().send_queue_bytes_max = 64 * 1024;
  limits().send_timeout_ns = 0;
  reply_with_1_kib();
  start();
  DeviceClient client = device("a");
  client.peer().stop_reading();
  client.peer().send(numbered(3000));
  gate->settle();
  gate->pass(seconds(5));
  EXPECT_LE(gate->counters().send_queue_bytes.get(), 2 * limits().send_queue_bytes_max + 4 * 1024);
  EXPECT_GT(gate->counters().held_bytes.get(), 0U);
  client.peer().resume_reading();
  gate->settle();
  expect_replies(client.take(Opcode::text), 3000);
  EXPECT_EQ(gate->counters().held_bytes.get(), 0U);
}

TEST_F(ReadingOn, AHandlersPauseWinsOverWhatWasPutOff) {
  limits().send_queue_bytes_max = 64 * 1024;
  ConnectionRef ref;
  handler.opened = [&](Connection& connection) { ref = connection.ref(); };
  int received = 0;
  handler.received = [&](Connection& connection, MessageView message) {
    connection.send({MessageType::text, bytes_of(reply_to(text_of(message.payload)))});
    if (++received % 100 == 0) connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.peer().send(numbered(1000));
  gate->settle();
  for (int paused_after = 100; paused_after < 1000; paused_after += 100) {
    ASSERT_EQ(received, paused_after);
    gate->pass(seconds(1));
    ASSERT_EQ(received, paused_after);
    gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
    gate->settle();
  }
  expect_replies(client.take(Opcode::text), 1000);
}

TEST_F(ReadingOn, ACloseIsAnsweredThoughInputWaits) {
  limits().send_queue_bytes_max = 64 * 1024;
  limits().send_timeout_ns = 0;
  reply_with_1_kib();
  start();
  DeviceClient client = device("a");
  client.peer().stop_reading();
  client.peer().send(numbered(3000) + DeviceClient::close_frame(1000));
  gate->settle();
  client.peer().resume_reading();
  gate->settle();
  expect_replies(client.take(Opcode::text), 3000);
  EXPECT_EQ(client.close_code(), 1000);
  expect_nothing_left();
}

TEST_F(ReadingOn, AFinBehindInputThatWaitsIsSeenAfterIt) {
  limits().send_queue_bytes_max = 64 * 1024;
  reply_with_1_kib();
  start();
  DeviceClient client = device("a");
  client.peer().send(numbered(3000));
  client.peer().half_close();
  gate->settle();
  expect_replies(client.take(Opcode::text), 3000);
  EXPECT_TRUE(client.saw_end());
  expect_nothing_left();
}

// -- The budget of what is held

class HeldBudget : public ReadingOn {
 protected:
  HeldBudget() {
    limits().held_bytes_max = 2 * MiB;
    handler.opened = [this](Connection& connection) { refs.push_back(connection.ref()); };
    handler.received = [this](Connection& connection, MessageView message) {
      connection.echo();
      if (text_of(message.payload) == "0" && pauses) connection.pause();
    };
  }
  /// A device whose handler pauses after the first of about 100,000 bytes.
  DeviceClient paused(const std::string& id) {
    DeviceClient client = device(id);
    client.peer().send(run);
    gate->settle();
    return client;
  }
  void resume(const ConnectionRef& ref) {
    gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
    gate->settle();
  }

  const std::string run = DeviceClient::frame(Opcode::text, "0") + DeviceClient::frame(Opcode::binary, std::string(100'000, 'x'));
  std::vector<ConnectionRef> refs;
  bool pauses = true;
};

TEST_F(HeldBudget, WhoDoesNotFitAnyMoreIsClosed) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(paused("d" + std::to_string(i)));
    ASSERT_LE(gate->counters().held_bytes.get(), 2 * MiB);
  }
  EXPECT_EQ(gate->counters().held_bytes_max.get(), 2 * MiB);
  std::size_t kept = 0;
  for (DeviceClient& client : clients) {
    client.read();
    if (client.close_code()) EXPECT_EQ(client.close_code(), 1013);
    else ++kept;
  }
  EXPECT_GE(kept, 15U);
  EXPECT_EQ(gate->counters().held_given_up.get(), clients.size() - kept);
  DeviceClient good = device("good", "/ws");
  good.text("still here");
  gate->settle();
  EXPECT_EQ(good.take(Opcode::text), std::vector<std::string>{"still here"});
}

TEST_F(HeldBudget, WhoMadeMessagesWaitIsNotReadFromUntilLessDoes) {
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 14; ++i) clients.push_back(paused("d" + std::to_string(i)));
  ASSERT_GT(gate->counters().held_bytes.get(), MiB);
  pauses = false;
  resume(refs[0]);
  EXPECT_EQ(clients[0].take(Opcode::binary).size(), 1U) << "what was held is read";
  EXPECT_EQ(gate->counters().held_pauses.get(), 1U);
  clients[0].text("more");
  gate->settle();
  EXPECT_EQ(clients[0].take(Opcode::text), std::vector<std::string>{"0"}) << "and no more";
  for (std::size_t i = 1; i < 6; ++i) resume(refs[i]);
  ASSERT_LT(gate->counters().held_bytes.get(), MiB);
  EXPECT_EQ(clients[0].take(Opcode::text), std::vector<std::string>{"more"});
  for (std::size_t i = 6; i < clients.size(); ++i) resume(refs[i]);
  for (DeviceClient& client : clients) client.peer().reset();
  gate->settle();
  EXPECT_EQ(gate->counters().held_bytes.get(), 0U);
  expect_nothing_left();
}

// -- Messages that take several turns to inflate

class LargeCompressed : public ReadingOn {
 protected:
  LargeCompressed() {
    options.settings.routes[1].deflate.enabled = true;
    options.settings.routes[1].deflate.message_bytes_min = 256 * MiB;  // echoes come uncompressed
    limits().message_bytes_max = 32 * MiB;
    limits().reassembly_bytes_max = 1024 * MiB;
    limits().inflate_cpu_percent = 100;
    limits().send_timeout_ns = 0;
    handler.received = [this](Connection& connection, MessageView message) {
      received.push_back(message.payload.size());
      connection.send({MessageType::binary, message.payload.first(std::min<std::size_t>(message.payload.size(), 10))});
    };
  }

  DeviceClient compressing(std::string_view id, std::string_view offer = "permessage-deflate") {
    DeviceClient client = connect();
    client.peer().send(DeviceClient::request(id, "/handler", "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n"));
    gate->settle();
    client.read();
    EXPECT_EQ(client.status(), 101);
    return client;
  }
  /// A message of `size` bytes.
  static std::string large(std::size_t size, Opcode opcode = Opcode::binary) {
    return DeviceClient::compressed_frame(opcode, RawDeflater().deflate(std::string(size, 'a')));
  }

  std::vector<std::size_t> received;
};

TEST_F(LargeCompressed, OthersAreServedMeanwhile) {
  start();
  DeviceClient greedy = compressing("greedy");
  DeviceClient good = device("good", "/ws");
  greedy.peer().send(large(30 * MiB) + DeviceClient::frame(Opcode::binary, "behind"));
  int answered = 0;
  while (received.empty()) {
    good.text("still here");
    gate->turn(0);
    gate->turn(0);
    answered += static_cast<int>(good.take(Opcode::text).size());
    ASSERT_LT(answered, 1000);
  }
  EXPECT_GE(answered, 3) << "one message held the shard";
  gate->settle();
  EXPECT_EQ(received, (std::vector<std::size_t>{30 * MiB, 6}));
  EXPECT_EQ(greedy.take(Opcode::binary), (std::vector<std::string>{std::string(10, 'a'), "behind"}));
  EXPECT_EQ(gate->counters().messages_inflating.get(), 0U);
  greedy.peer().close();
  good.peer().close();
  expect_nothing_left();
}

TEST_F(LargeCompressed, MoreThanMayBeUnderWayAreAllServed) {
  limits().message_bytes_max = 16 * MiB;
  start();
  std::vector<DeviceClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(compressing("d" + std::to_string(i)));
  for (DeviceClient& client : clients) client.peer().send(large(16 * MiB));
  gate->settle();
  for (DeviceClient& client : clients) ASSERT_EQ(client.take(Opcode::binary).size(), 1U);
  EXPECT_EQ(received.size(), 20U);
  EXPECT_EQ(gate->counters().messages_inflating.get(), 0U);
}

TEST_F(LargeCompressed, TheLastByteOfATextDecidesAsBefore) {
  start();
  DeviceClient client = compressing("a");
  client.peer().send(large(20 * MiB, Opcode::text));
  gate->settle();
  EXPECT_EQ(received, std::vector<std::size_t>{20 * MiB});
  std::string text(20 * MiB, 'a');
  text.back() = '\xC3';
  client.peer().send(DeviceClient::compressed_frame(Opcode::text, RawDeflater().deflate(text)));
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1007);
  expect_nothing_left();
}

TEST_F(LargeCompressed, ASmallWindowIsCheckedInSlicesToo) {
  start();
  DeviceClient client = compressing("a", "permessage-deflate; client_max_window_bits=10");
  ASSERT_NE(client.head().find("client_max_window_bits=10"), std::string::npos);
  std::string text;
  for (unsigned i = 0; text.size() < 4 * MiB; ++i) text += std::to_string(i * 2654435761U % 1000) + ",";
  client.peer().send(DeviceClient::compressed_frame(Opcode::text, RawDeflater(10).deflate(text)));
  gate->settle();
  EXPECT_EQ(received, std::vector<std::size_t>{text.size()});
  client.peer().send(DeviceClient::compressed_frame(Opcode::text, RawDeflater(15).deflate(text)));
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1007);
}

TEST_F(LargeCompressed, NothingIsLeftOfOneThatWasCutOff) {
  start();
  DeviceClient cut = compressing("cut");
  DeviceClient closed = compressing("closed");
  cut.peer().send(large(30 * MiB));
  closed.peer().send(large(30 * MiB));
  for (int i = 0; i < 3; ++i) gate->turn(0);
  ASSERT_EQ(gate->counters().messages_inflating.get(), 2U);
  cut.peer().reset();
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.close_device("closed", CloseCode{4000}, "leave", [](dispatch::CloseOutcome) {});
  });
  gate->settle();
  closed.read();
  EXPECT_EQ(closed.close_code(), 4000);
  EXPECT_EQ(gate->counters().messages_inflating.get(), 0U);
  EXPECT_LE(received.size(), 1U) << "no more than that of the one whose reset was seen late";
  expect_nothing_left();
}

TEST_F(LargeCompressed, OneThatIsClosedMeanwhileHasItsTimeToAnswerThoughMemoryIsShort) {
  limits().message_bytes_max = 32 * MiB;
  limits().reassembly_bytes_max = 32 * MiB;
  start();
  DeviceClient closed = compressing("closed");
  closed.peer().send(large(30 * MiB));
  for (int i = 0; i < 3; ++i) gate->turn(0);
  ASSERT_EQ(gate->counters().messages_inflating.get(), 1U);
  gate->on_shard(0, [](dispatch::PushService& pushes) {
    pushes.close_device("closed", CloseCode{4000}, "leave", [](dispatch::CloseOutcome) {});
  });
  gate->settle();
  ASSERT_EQ(gate->counters().messages_inflating.get(), 0U);
  // Two messages in the making are more than there is memory for: the older one has to go, and nobody who holds nothing.
  DeviceClient older = device("older");
  older.peer().send(DeviceClient::frame(Opcode::binary, std::string(20 * MiB, 'x'), false));
  gate->settle();
  DeviceClient newer = device("newer");
  newer.peer().send(DeviceClient::frame(Opcode::binary, std::string(20 * MiB, 'x'), false));
  gate->settle();
  older.read();
  EXPECT_EQ(older.close_code(), 1013);
  EXPECT_EQ(gate->counters().messages_given_up.get(), 1U);
  closed.read();
  EXPECT_EQ(closed.close_code(), 4000);
  EXPECT_FALSE(closed.saw_end());
}

}  // namespace
}  // namespace ringgate::simulated
