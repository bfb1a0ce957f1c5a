// Messages, handlers and pings of one device.
#include "unit/dispatch/device_fixture.h"

namespace ringgate::simulated {
namespace {

using ws::Opcode;

class DeviceSession : public DeviceFixture {};

std::string numbered(char letter, int number) { return letter + std::to_string(number); }

TEST_F(DeviceSession, EchoesEverySizeWithItsTypeKept) {
  start();
  DeviceClient client = device("a", "/ws");
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 4096U, 65535U, 65536U, 70000U, 300000U}) {
    for (const Opcode opcode : {Opcode::text, Opcode::binary}) {
      const std::string payload(size, 'x');
      client.peer().send(DeviceClient::frame(opcode, payload));
      gate->settle();
      const auto echoes = client.take(opcode);
      ASSERT_EQ(echoes.size(), 1U) << "size " << size;
      EXPECT_EQ(echoes[0], payload);
    }
  }
}

TEST_F(DeviceSession, EchoesRunsOfFramesOfEverySize) {
  start();
  DeviceClient client = device("a", "/ws");
  std::string run;
  std::vector<std::string> expected;
  for (std::size_t size = 0; size <= 130; ++size) {
    expected.push_back(std::string(size, static_cast<char>('a' + size % 26)));
    run += DeviceClient::frame(Opcode::text, expected.back());
  }
  client.peer().send(run);
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), expected);
}

TEST_F(DeviceSession, KeepsTheOrderOfEchoesPongsAndRepliesInOneTurn) {
  handler.received = [](Connection& connection, MessageView message) {
    if (message.type == MessageType::text) connection.echo();
    else connection.send_binary(message.payload);
  };
  start();
  DeviceClient client = device("a");
  std::string run;
  for (int i = 0; i < 20; ++i) {
    run += DeviceClient::frame(Opcode::text, numbered('t', i));
    run += DeviceClient::frame(Opcode::ping, numbered('p', i));
    run += DeviceClient::frame(Opcode::binary, numbered('b', i));
  }
  client.peer().send(run);
  gate->settle();
  client.read();
  ASSERT_EQ(client.frames().size(), 60U);
  for (std::size_t i = 0; i < 60; ++i) {
    const int number = static_cast<int>(i / 3);
    EXPECT_EQ(client.frames()[i].payload, numbered("tpb"[i % 3], number));
  }
}

TEST_F(DeviceSession, TakesFragmentsWithPingsBetween) {
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().send(DeviceClient::frame(Opcode::text, "one ", false));
  gate->settle();
  client.ping("now");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::pong), std::vector<std::string>{"now"});
  client.peer().send(DeviceClient::frame(Opcode::continuation, "message"));
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"one message"});
}

TEST_F(DeviceSession, HalfClosedPeerStillGetsItsEchoes) {
  start();
  DeviceClient client = device("a", "/ws");
  const std::string payload(100'000, 'x');
  client.text(payload);
  client.text("last");
  client.peer().half_close();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{payload, "last"}));
  EXPECT_TRUE(client.saw_end());
  EXPECT_FALSE(client.close_code().has_value());
  expect_nothing_left();
}

TEST_F(DeviceSession, SlowHalfClosedPeerGetsEverythingToo) {
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().stop_reading(10);
  client.text(std::string(5000, 'x'));
  gate->settle();
  client.ping("answer me");
  gate->settle();
  client.peer().half_close();
  gate->settle();
  client.peer().resume_reading();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text).size(), 1U);
  EXPECT_EQ(client.take(Opcode::pong), std::vector<std::string>{"answer me"});
  EXPECT_TRUE(client.saw_end());
  expect_nothing_left();
}

// -- Pings

/// The first send is silent; one that follows a short one completes.
TEST_F(DeviceSession, TriesASendAgainThatTheKernelCouldNotMakeNow) {
  for (const auto error : {ring::IoError::again, ring::IoError::no_memory, ring::IoError::no_buffers}) {
    for (const bool is_second : {false, true}) {
      SCOPED_TRACE(std::string(ring::name_of(error)) + (is_second ? ", second send" : ", first send"));
      start();
      DeviceClient client = device("a");
      if (is_second) client.peer().stop_reading(3);
      world->options().failing_operation_error = error;
      world->options().failing_operation_number = world->operations_count() + (is_second ? 2 : 1);
      client.text("still there?");
      gate->settle();
      client.peer().resume_reading();
      gate->pass(milliseconds(100));
      EXPECT_EQ(client.take_messages(), std::vector<std::string>{"still there?"});
      EXPECT_FALSE(client.saw_reset());
    }
  }
}

TEST_F(DeviceSession, AnswersEveryPingInOrder) {
  start();
  DeviceClient client = device("a");
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(numbered('p', i));
    client.ping(sent.back());
  }
  gate->settle();
  EXPECT_EQ(client.take(Opcode::pong), sent);
}

TEST_F(DeviceSession, JoinsPongsOnlyBeyond64BehindASlowPeer) {
  start();
  for (const int count : {1, 63, 64, 65, 66, 300}) {
    SCOPED_TRACE(count);
    DeviceClient client = device("a" + std::to_string(count), "/ws");
    client.peer().stop_reading(1);
    client.text("occupies the way");
    gate->settle();
    for (int i = 0; i < count; ++i) client.ping(numbered('p', i));
    gate->settle();
    client.peer().resume_reading();
    gate->settle();
    EXPECT_EQ(client.take(Opcode::text).size(), 1U);
    const auto pongs = client.take(Opcode::pong);
    ASSERT_EQ(pongs.size(), static_cast<std::size_t>(std::min(count, 64)));
    for (int i = 0; i < std::min(count, 63); ++i) EXPECT_EQ(pongs[static_cast<std::size_t>(i)], numbered('p', i));
    EXPECT_EQ(pongs.back(), numbered('p', count - 1)) << "the latest ping has to be answered";
  }
}

// -- Flow

TEST_F(DeviceSession, ReadsNoMoreWhileMuchWaitsForThePeerAndLosesNothing) {
  options.settings.limits.send_queue_bytes_max = 64 * 1024;
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().stop_reading();
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(numbered('m', i) + std::string(4000, 'x'));
    client.text(sent.back());
    gate->settle();
  }
  // What had been received when reading paused may still come on top: at most the ring's buffers.
  EXPECT_GT(gate->counters().send_queue_bytes.get(), 32U * 1024);
  EXPECT_LT(gate->counters().send_queue_bytes.get(), 700U * 1024);
  const std::uint64_t taken = gate->counters().text_in.get();
  EXPECT_LT(taken, 300U);
  client.peer().resume_reading();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), sent);
}

TEST_F(DeviceSession, PausedHandlerGetsNoMessageUntilItResumes) {
  ConnectionRef ref;
  handler.received = [&ref](Connection& connection, MessageView) {
    connection.echo();
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  std::string run;
  for (int i = 0; i < 5; ++i) run += DeviceClient::frame(Opcode::text, numbered('m', i));
  client.peer().send(run);
  gate->settle();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.take(Opcode::text), std::vector<std::string>{numbered('m', i)});
    client.text(numbered('n', i));
    gate->settle();
    ASSERT_TRUE(client.take(Opcode::text).empty());
    gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
    gate->settle();
  }
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"n0"});
}

TEST_F(DeviceSession, PauseInOnOpenHoldsWhatCameBehindTheHead) {
  ConnectionRef ref;
  handler.opened = [&ref](Connection& connection) {
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = connect();
  client.peer().send(DeviceClient::request("a", "/handler") + DeviceClient::frame(Opcode::text, "early"));
  gate->settle();
  EXPECT_TRUE(client.take(Opcode::text).empty());
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"early"});
}

TEST_F(DeviceSession, EndOfStreamSeenWhilePausedComesAfterWhatIsHeld) {
  ConnectionRef ref;
  handler.received = [&ref](Connection& connection, MessageView) {
    connection.echo();
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.peer().send(DeviceClient::frame(Opcode::text, "first") + DeviceClient::frame(Opcode::text, "held"));
  client.peer().half_close();
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"first"});
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"held"});
  EXPECT_TRUE(handler.closed.empty());
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_TRUE(client.saw_end());
  ASSERT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(handler.closed[0].code, CloseCode::abnormal);
  expect_nothing_left();
}

TEST_F(DeviceSession, NothingHeldIsReadOnceTheConnectionEnds) {
  ConnectionRef ref;
  int messages_count = 0;
  handler.received = [&](Connection& connection, MessageView) {
    ++messages_count;
    ref = connection.ref();
    connection.pause();
  };
  handler.closing = [](Connection& connection) { connection.resume(); };
  start();
  DeviceClient client = device("a");
  client.peer().send(DeviceClient::frame(Opcode::text, "first") + DeviceClient::frame(Opcode::text, "held"));
  gate->settle();
  client.peer().reset();
  // In the turn that hears of the reset, before the connection is released.
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(handler.closed.size(), 1U);
  EXPECT_EQ(messages_count, 1);
  expect_nothing_left();
}

TEST_F(DeviceSession, PausedDeviceThatGoesAwayIsNoticed) {
  handler.received = [](Connection& connection, MessageView) { connection.pause(); };
  start();
  for (const bool resets : {true, false}) {
    SCOPED_TRACE(resets ? "by a reset" : "by a FIN");
    DeviceClient client = device("a");
    client.text("pause");
    gate->settle();
    resets ? client.peer().reset() : client.peer().close();
    gate->settle();
    EXPECT_FALSE(is_online("a"));
  }
  EXPECT_EQ(handler.closed.size(), 2U);
  expect_nothing_left();
}

TEST_F(DeviceSession, WhatAPausedDeviceSentBeforeItFinishedIsStillHandled) {
  ConnectionRef ref;
  std::vector<std::string> messages;
  handler.received = [&](Connection& connection, MessageView message) {
    messages.emplace_back(text_of(message.payload));
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.text("pause");
  gate->settle();
  client.text("lies in the socket");
  gate->settle();
  client.peer().half_close();
  gate->settle();
  EXPECT_EQ(messages, std::vector<std::string>{"pause"});
  EXPECT_TRUE(is_online("a"));
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(messages, (std::vector<std::string>{"pause", "lies in the socket"}));
  gate->with_connection(ref, [](Connection& connection) { connection.resume(); });
  gate->settle();
  EXPECT_EQ(handler.closed.size(), 1U);
  expect_nothing_left();
}

TEST_F(DeviceSession, PauseAndResumeInOneCallChangeNothing) {
  handler.received = [](Connection& connection, MessageView) {
    connection.pause();
    connection.resume();
    connection.echo();
  };
  start();
  DeviceClient client = device("a");
  client.peer().send(DeviceClient::frame(Opcode::text, "1") + DeviceClient::frame(Opcode::text, "2"));
  gate->settle();
  client.text("3");
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(DeviceSession, CloseWhilePausedStillReadsThePeersCloseAmongWhatWasHeld) {
  ConnectionRef ref;
  handler.received = [&ref](Connection& connection, MessageView) {
    ref = connection.ref();
    connection.pause();
  };
  start();
  DeviceClient client = device("a");
  client.peer().send(DeviceClient::frame(Opcode::text, "first") + DeviceClient::frame(Opcode::text, "held") +
                     DeviceClient::close_frame(1000));
  gate->settle();
  gate->with_connection(ref, [](Connection& connection) { connection.close(CloseCode::going_away, "over"); });
  gate->settle();
  client.read();
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_TRUE(client.saw_end()) << "the peer's Close was there already";
}

// -- Handlers

TEST_F(DeviceSession, HandlerThatThrowsCostsItsOwnConnectionAlone) {
  handler.received = [](Connection& connection, MessageView message) {
    if (text_of(message.payload) == "throw") throw std::runtime_error("on purpose");
    if (text_of(message.payload) == "throw a number") throw 42;
    connection.echo();
  };
  start();
  DeviceClient good = device("good");
  for (const char* trigger : {"throw", "throw a number"}) {
    DeviceClient bad = device("bad");
    bad.peer().send(DeviceClient::frame(Opcode::text, trigger) + DeviceClient::frame(Opcode::text, "after"));
    gate->settle();
    EXPECT_TRUE(bad.take(Opcode::text).empty());
    EXPECT_EQ(bad.close_code(), 1011);
    bad.close(1011);
    gate->settle();
    EXPECT_TRUE(bad.saw_end());
    gate->pass(seconds(2));
    ASSERT_FALSE(handler.closed.empty());
    EXPECT_EQ(handler.closed.back().code, CloseCode::internal_error);
  }
  good.text("still here");
  gate->settle();
  EXPECT_EQ(good.take(Opcode::text), std::vector<std::string>{"still here"});
}

TEST_F(DeviceSession, OnOpenMayThrowCloseAndSend) {
  start();
  handler.opened = [](Connection&) { throw std::runtime_error("on purpose"); };
  DeviceClient thrown = device("a");
  EXPECT_EQ(thrown.close_code(), 1011);
  handler.opened = [](Connection& connection) {
    connection.send_text("welcome");
    connection.close(CloseCode::policy_violation, "and goodbye");
    connection.send_text("ignored");
  };
  DeviceClient closed = device("b");
  EXPECT_EQ(closed.take(Opcode::text), std::vector<std::string>{"welcome"});
  EXPECT_EQ(closed.close_code(), 1008);
  EXPECT_EQ(closed.close_reason(), "and goodbye");
}

TEST_F(DeviceSession, OnCloseIsCalledOnceForEveryOnOpen) {
  start();
  DeviceClient polite = device("a");
  polite.close(3000);
  DeviceClient rude = device("b");
  rude.peer().reset();
  DeviceClient silent = device("c");
  silent.peer().close();
  DeviceClient wrong = device("d");
  wrong.peer().send(std::string("\x81\x05hello", 7));
  gate->pass(seconds(10));
  EXPECT_EQ(handler.open_count, 4);
  EXPECT_EQ(handler.closed.size(), 4U);
  expect_nothing_left();
  EXPECT_EQ(handler.closed.size(), 4U);
}

TEST_F(DeviceSession, DeliversAGoodMessageBeforeTheViolationBehindIt) {  // G43
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().send(DeviceClient::frame(Opcode::text, "good") + std::string("\x81\x05hello", 7));
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"good"});
  EXPECT_EQ(client.close_code(), 1002);
  EXPECT_TRUE(client.saw_end());
  EXPECT_EQ(gate->counters().protocol_violations.get(), 1U);
}

// -- The built-in echo, which takes small messages many at a time

TEST_F(DeviceSession, EchoesSmallMessagesInOrderHoweverManyArriveAtOnce) {
  start();
  DeviceClient client = device("a", "/ws");
  std::string bytes;
  std::vector<std::string> texts;
  for (int i = 0; i < 6000; ++i) {
    texts.push_back("message " + std::to_string(i));
    if (i % 1000 == 999) texts.back() += std::string(static_cast<std::size_t>(i), 'x');  // and a large one
    bytes += DeviceClient::frame(Opcode::text, texts.back());
  }
  client.peer().send(bytes);
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), texts);
  EXPECT_EQ(gate->counters().text_in.get(), 6000U);
  EXPECT_EQ(gate->counters().text_out.get(), 6000U);
  EXPECT_EQ(gate->counters().payload_bytes_in.get(), gate->counters().payload_bytes_out.get());
}

TEST_F(DeviceSession, EndsAnEchoRunAtTheFirstViolation) {
  start();
  DeviceClient client = device("a", "/ws");
  client.peer().send(DeviceClient::frame(Opcode::text, "good") + DeviceClient::frame(Opcode::text, "bad \xC3\x28") +
                     DeviceClient::frame(Opcode::text, "unseen"));
  gate->settle();
  EXPECT_EQ(client.take(Opcode::text), std::vector<std::string>{"good"});
  EXPECT_EQ(client.close_code(), 1007);
}

}  // namespace
}  // namespace ringgate::simulated
