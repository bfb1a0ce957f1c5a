// How connections and operations of the simulated ring end: cancel, shutdown, close; and how rings wake each other.
#include <algorithm>
#include <thread>

#include "fake_ring_fixture.h"

namespace ringgate::ring {
namespace {

// -- Cancelling: the four orders.

TEST_F(FakeRing, SaysWhenThereWasNothingToCancel) {
  accepted_peer();
  cancel();
  EXPECT_EQ(only(turn(), OperationKind::cancel).completion.error, IoError::not_found);
}

TEST_F(FakeRing, CancelsReceiveAndParkedSendOneByOne) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading();
  receive();
  send("abc", false);
  turn();
  for (const OperationKind kind : {OperationKind::receive, OperationKind::send}) {
    cancel(kind);
    const auto events = turn();
    EXPECT_EQ(events.size(), 2U);
    EXPECT_EQ(only(events, kind).completion.error, IoError::cancelled);
    EXPECT_FALSE(only(events, kind).completion.more);
    EXPECT_EQ(only(events, OperationKind::cancel).completion.error, IoError::none);
  }
  peer.send("later");
  EXPECT_TRUE(turn().empty());
}

TEST_F(FakeRing, MeetsAllOrdersOfACancelAndItsOperation) {
  FakeOptions options;
  options.shuffle_completions = true;
  options.cancel_race_probability = 0.5;
  options.late_completion_probability = 0.3;
  start(options);
  int before = 0, after = 0, turn_later = 0, completed_already = 0, bytes_first = 0;
  for (int i = 0; i < 200; ++i) {
    FakePeer& peer = accepted_peer();
    receive();
    turn();
    peer.send("x");
    cancel();
    auto events = turn();
    const bool last_is_cancel = events.back().completion.token.kind == OperationKind::cancel;
    const Completion answer = only(events, OperationKind::cancel).completion;
    const auto ended = [](const Event& event) { return event.completion.error == IoError::cancelled; };
    if (answer.error == IoError::not_found) {
      ++completed_already;
      EXPECT_EQ(events.front().bytes, "x");
      EXPECT_FALSE(events.front().completion.more);
    } else if (std::none_of(events.begin(), events.end(), ended)) {
      ++turn_later;
      EXPECT_TRUE(ended(only(turn(), OperationKind::receive)));
    } else {
      ++(last_is_cancel ? before : after);
      if (events.size() == 3) ++bytes_first;
    }
    close(false);
    turn();
  }
  for (const int count : {before, after, turn_later, completed_already, bytes_first}) EXPECT_GT(count, 5);
}

TEST_F(FakeRing, CancelsOneOperationAndLeavesTheOther) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading();
  receive();
  send("abc", false);
  turn();
  cancel();
  const auto events = turn();
  EXPECT_EQ(events.size(), 2U);
  EXPECT_EQ(only(events, OperationKind::receive).completion.error, IoError::cancelled);
  peer.resume_reading();
  EXPECT_EQ(only(turn(), OperationKind::send).completion.result, 3);
}

// -- Shutting down and closing.

TEST_F(FakeRing, ShutdownEndsOurDirectionAfterWhatWasQueued) {
  FakePeer& peer = accepted_peer();
  receive();
  send("bye", true);
  turn();
  ring().shutdown(last_socket, token(OperationKind::shutdown));
  EXPECT_EQ(only(turn(), OperationKind::shutdown).completion.error, IoError::none);
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(peer.received_text(), "bye");
  send("more", true);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.error, IoError::connection_ended);
}

TEST_F(FakeRing, ReceptionGoesOnAfterShutdown) {
  FakePeer& peer = accepted_peer();
  receive();
  ring().shutdown(last_socket, token(OperationKind::shutdown));
  turn();
  peer.send("still talking");
  peer.half_close();
  const auto events = turn();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].bytes, "still talking");
  EXPECT_EQ(events[1].completion.result, 0);
  EXPECT_FALSE(peer.saw_reset());
}

TEST_F(FakeRing, AnswersWithAResetWhatArrivesAfterClose) {
  FakePeer& peer = accepted_peer();
  close(false);
  turn();
  EXPECT_FALSE(peer.saw_reset());
  peer.send("still talking");
  EXPECT_TRUE(peer.saw_reset());
}

TEST_F(FakeRing, CloseSendsAnEndAfterEverythingSent) {
  FakePeer& peer = accepted_peer();
  send("bye", true);
  turn();
  close(false);
  turn();
  EXPECT_EQ(peer.received_text(), "bye");
  EXPECT_TRUE(peer.saw_end());
  EXPECT_FALSE(peer.saw_reset());
}

TEST_F(FakeRing, CloseDeliversToASlowPeerLater) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading(100);
  send("bye", true);
  turn();
  close(false);
  turn();
  EXPECT_FALSE(peer.saw_end());
  peer.resume_reading();
  EXPECT_EQ(peer.received_text(), "bye");
  EXPECT_TRUE(peer.saw_end());
}

TEST_F(FakeRing, CloseWithUnreadBytesResetsAsLinuxDoes) {
  FakePeer& peer = accepted_peer();
  peer.send("unread");
  close(false);
  turn();
  EXPECT_TRUE(peer.saw_reset());
}

TEST_F(FakeRing, CloseWithResetDropsWhatIsUnderWay) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading(100);
  send("bye", true);
  turn();
  close(true);
  turn();
  EXPECT_TRUE(peer.saw_reset());
  peer.resume_reading();
  EXPECT_EQ(peer.received_text(), "");
  EXPECT_FALSE(peer.saw_end());
}

TEST_F(FakeRing, ReusesASlotOnlyAfterItsClose) {
  for (int i = 0; i < 100; ++i) {
    accepted_peer();
    close(false);
    turn();
  }
  EXPECT_LT(last_socket, 8U);
}

// -- Waking, sleeping, time.

TEST_F(FakeRing, RingsAnotherRingWithItsNextEnter) {
  Station other;
  ring().ring(other.ring->doorbell());
  EXPECT_TRUE(other.turn().empty()) << "not before the enter";
  EXPECT_TRUE(turn().empty()) << "the ringing side hears nothing";
  EXPECT_FALSE(world->idle());
  EXPECT_EQ(only(other.turn(), OperationKind::doorbell).completion.token, (Token{OperationKind::doorbell, 0, 0}));
}

TEST_F(FakeRing, RingsThroughTheEventWithoutMessages) {
  FakeOptions options;
  options.features.message_ring = false;
  start(options);
  Station other;
  ring().ring(other.ring->doorbell());
  ring().ring(other.ring->doorbell());
  EXPECT_EQ(other.turn().size(), 1U) << "the event counts, it does not queue";
  EXPECT_TRUE(other.turn().empty());
}

TEST_F(FakeRing, IsWokenFromAnyThread) {
  const auto doorbell = ring().doorbell();
  std::thread([doorbell] { Ring::wake_from_any_thread(doorbell); }).join();
  only(turn(), OperationKind::doorbell);
}

TEST_F(FakeRing, SleepsUntilItsTimeoutOnTheFakeClock) {
  const TimeNs before = ring().now();
  station->turn({.may_sleep = true, .timeout = 5 * nanoseconds_per_second});
  EXPECT_EQ(ring().now(), before);
  EXPECT_TRUE(world->advance_to_next_event());
  EXPECT_EQ(ring().now(), before + 5 * nanoseconds_per_second);
  station->turn({.may_sleep = true});
  EXPECT_FALSE(world->advance_to_next_event()) << "asleep for ever";
}

TEST_F(FakeRing, ClockWaitsForARingThatHasWork) {
  FakePeer& peer = accepted_peer();
  receive();
  station->turn({.may_sleep = true, .timeout = nanoseconds_per_second});
  peer.send("x");
  const TimeNs before = ring().now();
  EXPECT_TRUE(world->advance_to_next_event());
  EXPECT_EQ(ring().now(), before);
}

TEST_F(FakeRing, BytesUnderWayArriveWhenTheClockReachesThem) {
  FakeOptions options;
  options.arrival_delay_max = nanoseconds_per_millisecond;
  start(options);
  FakePeer& peer = accepted_peer();
  receive();
  std::string sent, got;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    peer.send(std::string_view(&letter, 1));
    sent += letter;
  }
  int turns_with_bytes = 0;
  do {
    const std::string part = joined(station->turn({.may_sleep = true}));
    if (!part.empty()) ++turns_with_bytes;
    got += part;
  } while (world->advance_to_next_event());
  EXPECT_EQ(got, sent) << "late, but in order";
  EXPECT_GT(turns_with_bytes, 1);
}

TEST_F(FakeRing, SpreadsConnectionsOverTheRingsOfOnePort) {
  Station other;
  ASSERT_TRUE(other.ring->listen(0, address, {}));
  other.ring->accept(0);
  std::size_t here = 0, there = 0;
  for (int i = 0; i < 8; ++i) {
    world->connect(address);
    here += turn().size();
    there += other.turn().size();
  }
  EXPECT_EQ(here + there, 8U);
  EXPECT_GT(here, 0U);
  EXPECT_GT(there, 0U);
  world->connect(address, {.ring_index = 1});
  EXPECT_TRUE(turn().empty());
  EXPECT_EQ(other.turn().size(), 1U);
}

}  // namespace
}  // namespace ringgate::ring
