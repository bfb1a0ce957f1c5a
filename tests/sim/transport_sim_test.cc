// The transport on the simulated ring: an echo of raw bytes for several peers at once, seed after seed.
//
// Checked for every seed: each peer gets back exactly what it sent, in order, and nothing of anybody else's; when all are gone, no
// slot, operation or buffer is left. A failing seed is printed; run with RINGGATE_SIM_SEED=N to repeat it alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "echo_shard.h"

namespace ringgate::conn {
namespace {

using ring::FakeOptions;
using ring::FakePeer;
using ring::FakeWorld;

struct Conversation {
  FakePeer* peer = nullptr;
  std::string sent;
  bool reset = false;     // by the peer, one way or another: what comes back does not matter
  bool finished = false;  // the peer has said all it has to say
};

void check_prefix(const Conversation& talk) {
  const std::string_view got = talk.peer->received_text();
  ASSERT_LE(got.size(), talk.sent.size());
  ASSERT_EQ(got, std::string_view(talk.sent).substr(0, got.size()));
}

void run_seed(std::uint64_t seed) {
  ring::FakeRandom dice(seed * 2 + 1);
  const FakeOptions options = draw_options(dice, 432);
  FakeWorld world(seed, options);
  EchoShard shard(dice.chance(0.5) ? 1 + dice.below(100) : SIZE_MAX);
  std::vector<Conversation> talks;

  for (int step = 0; step < 150; ++step) {
    const std::uint64_t act = dice.below(10);
    if (talks.size() < 12 && (talks.empty() || act == 0)) talks.push_back({.peer = &world.connect(shard.address)});
    Conversation& talk = talks[dice.below(talks.size())];
    if (talk.reset || talk.finished) {
      // nothing more to say
    } else if (act <= 6) {
      const std::string text(1 + dice.below(200), static_cast<char>('a' + dice.below(26)));
      talk.peer->send(text);
      talk.sent += text;
    } else if (act == 7) {
      talk.peer->stop_reading(dice.below(100));
    } else if (act == 8) {
      talk.peer->resume_reading();
    } else if (dice.chance(0.2)) {
      talk.peer->resume_reading();  // who finishes and does not read is cut off after the close timeout
      talk.peer->half_close();
      talk.finished = true;
    } else if (dice.chance(0.3)) {
      dice.chance(0.5) ? talk.peer->reset() : talk.peer->close();
      talk.reset = true;
    }
    if (dice.chance(0.8)) shard.turn();
    if (dice.chance(0.5)) (void)world.advance_to_next_event();
    for (const Conversation& each : talks) check_prefix(each);
    if (::testing::Test::HasFatalFailure()) return;
  }

  // Liveness: the disorder ends, everybody reads, everything sent comes back.
  world.options() = FakeOptions{.features = options.features, .send_buffer_bytes = options.send_buffer_bytes};
  const auto settle = [&] {
    // Long enough for what waits for a moment, and for cancels that were lost.
    for (int turns = 0; turns < 2000 && (!world.idle() || turns < 120); ++turns) {
      shard.turn();
      if (turns % 4 == 0) world.advance(50 * nanoseconds_per_millisecond);
    }
  };
  for (const Conversation& talk : talks) talk.peer->resume_reading();
  settle();
  for (const Conversation& talk : talks) {
    if (talk.reset) continue;
    ASSERT_EQ(talk.peer->received_text().size(), talk.sent.size())
        << "bytes are missing; finished " << talk.finished << ", saw end " << talk.peer->saw_end() << ", saw reset "
        << talk.peer->saw_reset() << ", waiting " << world.connections_waiting(shard.address);
    check_prefix(talk);
  }
  for (const Conversation& talk : talks) talk.peer->half_close();
  settle();
  for (const Conversation& talk : talks) {
    if (!talk.reset) {
      EXPECT_TRUE(talk.peer->saw_end());
    }
  }
  EXPECT_EQ(shard.session.open_count, 0);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_EQ(shard.transport.operations_in_flight(), 0U);
  EXPECT_EQ(shard.buffers_lent(), 0U);
}

/// The connection of the only peer.
Connection& only_connection(EchoShard& shard) {
  ConnectionTable& table = shard.transport.table();
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot)
    if (table.at(slot).state != State::free) return table.at(slot);
  ADD_FAILURE() << "no connection";
  return table.at(0);
}

class BulkConnection : public ::testing::Test {
 protected:
  BulkConnection() {
    for (int i = 0; i < 4; ++i) shard.turn();
  }

  /// Sends and turns until it is back.
  void converse(std::size_t bytes) {
    const std::string text(bytes, 'x');
    sent += text;
    peer.send(text);
    for (int i = 0; i < 12 && peer.received_text() != sent; ++i) {
      shard.turn();
      (void)world.advance_to_next_event();
    }
    EXPECT_EQ(peer.received_text(), sent);
    for (int i = 0; i < 4; ++i) shard.turn();
  }
  bool is_bulk() { return only_connection(shard).input.bulk; }

  static constexpr std::size_t large = 16, small = 2;  // all of a test fits into one buffer, so that none is cut
  FakeWorld world{1};
  EchoShard shard{large};
  FakePeer& peer = world.connect(shard.address);
  std::string sent;
};

TEST_F(BulkConnection, IsOneThatBringsMuchTwiceAndNotOnceItBringsLittleThreeTimes) {
  converse(large);
  EXPECT_FALSE(is_bulk());
  converse(large);
  EXPECT_TRUE(is_bulk());
  EXPECT_FALSE(only_connection(shard).is_cold());
  converse(small);
  converse(small);
  EXPECT_TRUE(is_bulk());
  converse(large);
  converse(small);
  converse(small);
  EXPECT_TRUE(is_bulk());
  converse(small);
  EXPECT_FALSE(is_bulk());
  converse(small);
  converse(large);
  EXPECT_FALSE(is_bulk());
}

TEST_F(BulkConnection, CanPauseCoolFinishAndEnd) {
  converse(large);
  converse(large);
  Connection& connection = only_connection(shard);
  ASSERT_TRUE(connection.input.bulk);

  shard.transport.pause(connection);
  shard.turn();
  shard.turn();
  EXPECT_EQ(connection.input.armed, Armed::hang_up);
  peer.send("held back");
  sent += "held back";
  shard.turn();
  EXPECT_LT(peer.received_text().size(), sent.size());
  shard.transport.resume(connection);
  for (int i = 0; i < 6; ++i) shard.turn();
  EXPECT_EQ(peer.received_text(), sent);

  ASSERT_TRUE(connection.input.bulk);
  shard.transport.cool(connection);
  EXPECT_TRUE(connection.is_cold());
  converse(small);
  EXPECT_FALSE(connection.is_cold());
  EXPECT_FALSE(connection.input.bulk);

  converse(large);
  converse(large);
  ASSERT_TRUE(connection.input.bulk);
  peer.half_close();
  for (int i = 0; i < 8; ++i) shard.turn();
  EXPECT_TRUE(peer.saw_end());
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_EQ(shard.transport.operations_in_flight(), 0U);
  EXPECT_EQ(shard.buffers_lent(), 0U);
}

/// What a session writes when its output has drained (a waiting pong, say) has to go out like everything else.
TEST(TransportSim, SendsWhatASessionWritesWhenItsOutputHasDrained) {
  FakeWorld world(1);
  EchoShard shard;
  shard.session.drained_text = "drained";
  FakePeer& peer = world.connect(shard.address);
  peer.stop_reading();
  peer.send("hello ");
  for (int i = 0; i < 4; ++i) shard.turn();
  peer.resume_reading();
  for (int i = 0; i < 4; ++i) shard.turn();
  EXPECT_EQ(peer.received_text(), "hello drained");
}

TEST(TransportSim, SendsItsFinBehindWhatTheTurnHasWritten) {
  FakeWorld world(1);
  EchoShard shard;
  shard.session.drained_text = "the last answer";
  shard.session.closes_when_drained = true;
  FakePeer& peer = world.connect(shard.address);
  peer.stop_reading();
  peer.send("hello ");
  for (int i = 0; i < 4; ++i) shard.turn();
  peer.resume_reading();
  for (int i = 0; i < 4; ++i) shard.turn();
  EXPECT_EQ(peer.received_text(), "hello the last answer");
  EXPECT_TRUE(peer.saw_end());
  EXPECT_FALSE(peer.saw_reset());
}

// -- Shortages: whatever fails is tried again, but not at once

class Shortage : public ::testing::Test {
 protected:
  /// Turns until the shard would sleep; false if it never does.
  bool comes_to_rest() {
    for (int turns = 0; turns < 50; ++turns) {
      shard.turn();
      if (world.idle() && !shard.transport.wants_turn()) return true;
    }
    return false;
  }
  FakeWorld world{1};
  EchoShard shard;
};

TEST_F(Shortage, AcceptingPausesWhateverTheErrorAndGoesOn) {
  for (const ring::IoError error : {ring::IoError::no_descriptors, ring::IoError::no_memory, ring::IoError::other,
                                    ring::IoError::unsupported, ring::IoError::again}) {
    SCOPED_TRACE(ring::name_of(error));
    world.options().accept_error = error;
    FakePeer& peer = world.connect(shard.address);
    peer.send("let me in");
    EXPECT_TRUE(comes_to_rest());
    world.options().accept_error = ring::IoError::none;
    world.advance(200 * nanoseconds_per_millisecond);
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(peer.received_text(), "let me in");
  }
}

TEST_F(Shortage, OfMemoryStopsReceivesAndSendsForAMomentOnly) {
  FakePeer& talking = world.connect(shard.address);
  FakePeer& slow = world.connect(shard.address);
  slow.stop_reading();
  slow.send("waits ");
  EXPECT_TRUE(comes_to_rest());
  world.options().memory_is_short = true;
  world.options().multishot_end_probability = 1;  // so that receives are armed again
  talking.send("hello ");
  slow.resume_reading();
  EXPECT_TRUE(comes_to_rest());
  talking.send("you");
  for (int i = 0; i < 5; ++i) {
    world.advance(30 * nanoseconds_per_millisecond);
    EXPECT_TRUE(comes_to_rest());
  }
  world.options().memory_is_short = false;
  world.advance(30 * nanoseconds_per_millisecond);
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(talking.received_text(), "hello you");
  EXPECT_EQ(slow.received_text(), "waits ");
}

// -- Cancels that have no effect

class LostCancel : public Shortage {
 protected:
  LostCancel() {
    EXPECT_TRUE(comes_to_rest());
    world.options().lost_cancel_probability = 1;
  }
  FakePeer& peer = world.connect(shard.address);
};

TEST_F(LostCancel, HoldsNoSlotForEver) {
  shard.transport.terminate(only_connection(shard), EndCause::aborted, Farewell::reset);
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(shard.transport.table().used_count(), 1U);
  world.options().lost_cancel_probability = 0;
  world.advance(1100 * nanoseconds_per_millisecond);
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_TRUE(peer.saw_reset());
}

TEST_F(LostCancel, PausesAndResumesAllTheSame) {
  Connection& connection = only_connection(shard);
  shard.transport.pause(connection);
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(connection.input.armed, Armed::receive);
  world.options().lost_cancel_probability = 0;
  world.advance(30 * nanoseconds_per_millisecond);
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(connection.input.armed, Armed::hang_up);

  world.options().lost_cancel_probability = 1;
  shard.transport.resume(connection);
  EXPECT_TRUE(comes_to_rest());
  world.options().lost_cancel_probability = 0;
  world.advance(30 * nanoseconds_per_millisecond);
  peer.send("hello");
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(peer.received_text(), "hello");
}

// -- Paused connections

class PausedConnection : public Shortage {};

TEST_F(PausedConnection, EndsWhenItsPeerIsGone) {
  FakePeer& peer = world.connect(shard.address);
  EXPECT_TRUE(comes_to_rest());
  shard.transport.pause(only_connection(shard));
  EXPECT_TRUE(comes_to_rest());
  peer.reset();
  EXPECT_TRUE(comes_to_rest());
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
}

/// A short, orderly conversation in which the n-th operation of the world fails; false when there was no n-th.
bool run_with_failure(std::uint64_t failing_number, ring::IoError error, std::size_t bulk_bytes) {
  FakeOptions options;
  options.features.silent_sends = failing_number % 2 == 0;
  options.failing_operation_number = failing_number;
  options.failing_operation_error = error;
  FakeWorld world(failing_number, options);
  EchoShard shard(bulk_bytes);
  FakePeer& first = world.connect(shard.address);
  const auto run_turns = [&](int count) {
    for (int i = 0; i < count; ++i) {
      shard.turn();
      world.advance(100 * nanoseconds_per_millisecond);
    }
  };
  for (int i = 0; i < 3; ++i) {
    first.send("to and fro");
    run_turns(3);
  }
  first.half_close();
  run_turns(30);
  EXPECT_EQ(shard.transport.table().used_count(), 0U);
  EXPECT_EQ(shard.transport.operations_in_flight(), 0U);
  EXPECT_EQ(shard.buffers_lent(), 0U);
  const bool happened = world.operations_count() >= failing_number;
  world.options().failing_operation_number = 0;
  FakePeer& second = world.connect(shard.address);
  second.send("still there?");
  run_turns(5);
  EXPECT_EQ(second.received_text(), "still there?");
  second.close();
  run_turns(30);
  return happened;
}

TEST(TransportSim, RecoversFromAnyOneOperationFailing) {
  for (const ring::IoError error : {ring::IoError::no_memory, ring::IoError::connection_ended, ring::IoError::other}) {
    for (const std::size_t bulk_bytes : {SIZE_MAX, std::size_t{5}}) {
      std::uint64_t number = 1;
      while (true) {
        SCOPED_TRACE("operation " + std::to_string(number) + " fails with " + std::to_string(static_cast<int>(error)) +
                     ", bulk from " + std::to_string(bulk_bytes));
        const bool happened = run_with_failure(number, error, bulk_bytes);
        if (HasFailure()) return;
        if (!happened) break;
        ++number;
      }
      EXPECT_GT(number, 5U);
    }
  }
}

// -- Terminating

/// No cancel is lost here, so nothing may need the timer that repeats it.
void terminate_in_any_state(std::uint64_t seed, std::map<std::pair<Armed, OutboxSend>, int>& met) {
  ring::FakeRandom dice(seed * 2 + 1);
  FakeOptions options = draw_options(dice, 432);
  options.lost_cancel_probability = 0;
  FakeWorld world(seed, options);
  EchoShard shard(dice.chance(0.5) ? 1 + dice.below(100) : SIZE_MAX);
  ConnectionTable& table = shard.transport.table();
  const auto each = [&](auto&& act) {
    for (std::uint32_t slot = 0; slot < table.high_water(); ++slot)
      if (table.at(slot).state != State::free && table.at(slot).state != State::terminating) act(table.at(slot));
  };
  std::vector<FakePeer*> peers;
  for (int step = 0; step < 100; ++step) {
    const std::uint64_t act = dice.below(8);
    if (peers.empty() || act == 0) peers.push_back(&world.connect(shard.address));
    FakePeer& peer = *peers[dice.below(peers.size())];
    if (act < 4) peer.send(std::string(1 + dice.below(300), 'x'));
    else if (act == 4) peer.stop_reading(dice.below(100));
    else if (act == 5) peer.resume_reading();
    each([&](Connection& connection) {
      switch (dice.below(20)) {
        case 0: return shard.transport.pause(connection);
        case 1: return shard.transport.resume(connection);
        case 2: return shard.transport.cool(connection);
        case 3: return shard.transport.flush_and_close(connection);
        case 4:
          ++met[std::pair(Armed{connection.input.armed}, OutboxSend{connection.outbox_send})];
          return shard.transport.terminate(connection, EndCause::aborted, Farewell::reset);
        default: return;
      }
    });
    if (dice.chance(0.8)) shard.turn();
    if (dice.chance(0.5)) world.advance(100 * nanoseconds_per_microsecond);
  }
  world.options().partial_submission_probability = 0;
  each([&](Connection& connection) { shard.transport.terminate(connection, EndCause::aborted, Farewell::reset); });
  for (int i = 0; i < 40; ++i) {  // 40 ms: long before a cancel would be repeated
    shard.turn();
    world.advance(nanoseconds_per_millisecond);
  }
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot) EXPECT_NE(table.at(slot).state, State::terminating) << slot;
}

TEST(TransportSim, EndsAtOnceWhatIsTerminatedInAnyState) {
  std::map<std::pair<Armed, OutboxSend>, int> met;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    terminate_in_any_state(seed, met);
    if (HasFailure()) return;
  }
  for (const Armed armed : {Armed::receive, Armed::readable, Armed::hang_up}) {
    EXPECT_GT((met[std::pair(armed, OutboxSend::none)]), 0) << static_cast<int>(armed);
    if (armed == Armed::readable) continue;  // a cold connection has nothing to send
    EXPECT_GT((met[std::pair(armed, OutboxSend::in_flight)]), 0) << static_cast<int>(armed);
  }
}

TEST(TransportSim, EchoesEverythingToItsOwnerUnderEveryDisorder) {
  const char* chosen = std::getenv("RINGGATE_SIM_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen != nullptr ? first : 1000;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(run_seed(seed));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace ringgate::conn
