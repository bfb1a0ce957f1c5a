// What the ring promises, on this machine's kernel.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "kernel_ring_fixture.h"
#include "ring/kernel/self_test.h"
#include "ring/kernel/zero_copy.h"

namespace ringgate::ring {
namespace {

// The last three are of no consequence for what a ring does, so they have no combinations of their own.
constexpr std::array<bool Features::*, 12> all_features{
    &Features::multishot_receive, &Features::direct_descriptors, &Features::silent_sends,        &Features::incremental_buffers,
    &Features::message_ring,      &Features::minimum_wait,       &Features::no_submission_array, &Features::peer_name_command,
    &Features::zero_copy_sends,   &Features::unacked_command,    &Features::idle_waits,          &Features::descriptor_install};

/// What is left of `features` with the features masked whose bit is clear.
Features masked(Features features, unsigned bits) {
  for (std::size_t i = 0; i < all_features.size(); ++i)
    if ((bits >> i & 1U) == 0) features.*all_features[i] = false;
  return features;
}

std::string numbers(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

// -- What is offered.

TEST_F(KernelRing, PassesItsSelfTestAndProvesNothingThatIsMasked) {
  for (const NamedFeature& feature : list(*proven())) std::printf("%s=%d\n", feature.name, feature.available);
  for (const unsigned bits : {0U, 0x0FU, 0xF0U, 0x5AU}) {
    const Features allowed = masked(*proven(), bits);
    const auto found = self_test(allowed);
    ASSERT_TRUE(found) << found.error().cause;
    for (const auto feature : all_features) EXPECT_LE((*found).*feature, allowed.*feature);
  }
}

/// A self-test that fails by itself would only make the gate slower.
TEST_F(KernelRing, FindsAllThatItsKernelHas) {
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  int major = 0, minor = 0;
  ASSERT_EQ(std::sscanf(names.release, "%d.%d", &major, &minor), 2);
  if (major < 6 || (major == 6 && minor < 12)) GTEST_SKIP() << "kernel " << names.release << " is older than 6.12";
  const bool has_idle_waits = major > 6 || minor >= 15;
  for (const NamedFeature& feature : list(*proven()))
    EXPECT_TRUE(feature.available || (!has_idle_waits && std::string_view(feature.name) == "idle_waits")) << feature.name;
}

TEST_F(KernelRing, EchoesUnderEveryCombinationOfFeatures) {
  const std::string question = numbers(3000);
  for (unsigned bits = 0; bits < 1U << (all_features.size() - 3); ++bits) {
    SCOPED_TRACE(testing::Message() << "features " << bits);
    RingOptions options = small_ring();
    options.allowed = masked(options.allowed, bits);
    ASSERT_NO_FATAL_FAILURE(start(options));
    const LoopbackPeer peer = accepted_peer();
    PeerAddress address;
    if (ring->peer_address(socket, &address, {OperationKind::peer_name, socket, 1})) {
      EXPECT_EQ(next(OperationKind::peer_name).error, IoError::none);
    }
    EXPECT_EQ(address.text(), "127.0.0.1:" + std::to_string(peer.port()));
    peer.send(question);
    const std::string answer = received(question.size());
    ASSERT_EQ(answer, question);
    const bool is_silent = bits % 2 == 0 && ring->features().silent_sends;
    send(answer, bits % 2 == 0);
    if (is_silent) {
      EXPECT_TRUE(stays_silent(OperationKind::send));
    } else {
      EXPECT_EQ(next(OperationKind::send).result, std::ssize(question));
    }
    ASSERT_EQ(peer.read(question.size()), question);
  }
}

// -- Accepting.

TEST_F(KernelRing, NamesEachPeerWhereTheKernelCannotBeAskedLater) {
  RingOptions options = small_ring();
  options.allowed.peer_name_command = false;
  start(options);
  std::vector<LoopbackPeer> peers;  // more than accepts are armed at a time
  for (int i = 0; i < 30; ++i) peers.emplace_back(port);
  std::set<std::uint16_t> expected, named;
  for (const LoopbackPeer& peer : peers) expected.insert(peer.port());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Completion completion = next(OperationKind::accept);
    ASSERT_EQ(completion.error, IoError::none);
    EXPECT_TRUE(completion.more);
    PeerAddress address;
    EXPECT_FALSE(ring->peer_address(static_cast<Socket>(completion.result), &address, {}));
    named.insert(address.port);
  }
  EXPECT_EQ(named, expected);
}

/// Accepts until cancelled: whatever the set-up, one completion alone says that no accept is armed any more.
TEST_F(KernelRing, EndsAnAcceptOnceWhenItIsCancelled) {
  for (const bool peer_name_command : {true, false}) {
    SCOPED_TRACE(testing::Message() << "peer_name_command " << peer_name_command);
    RingOptions options = small_ring();
    options.allowed.peer_name_command = peer_name_command && options.allowed.peer_name_command;
    start(options);
    turn();
    ring->cancel_accept(0);
    int ends = 0;
    ASSERT_TRUE(turn_until([&] {
      ends = static_cast<int>(std::ranges::count_if(events, [](const Event& event) {
        return event.completion.token.kind == OperationKind::accept && !event.completion.more;
      }));
      return ends > 0;
    }));
    EXPECT_TRUE(stays_silent(OperationKind::wake));
    EXPECT_EQ(ends, 1);
    events.clear();
    LoopbackPeer waiting(port);
    EXPECT_TRUE(stays_silent(OperationKind::accept));
    ring->accept(0);
    EXPECT_EQ(next(OperationKind::accept).error, IoError::none);
  }
}

TEST_F(KernelRing, GoesOnAcceptingAfterTheDescriptorTableWasFull) {
  for (const bool peer_name_command : {true, false}) {
    SCOPED_TRACE(testing::Message() << "peer_name_command " << peer_name_command);
    RingOptions options = small_ring();
    if (!options.allowed.direct_descriptors) GTEST_SKIP() << "no direct descriptors here";
    options.allowed.peer_name_command = peer_name_command && options.allowed.peer_name_command;
    options.sockets_max = 2;
    start(options);
    accepted_peer();
    accepted_peer();
    for (int round = 0; round < 20; ++round) {
      LoopbackPeer refused(port);
      const Completion completion = next(OperationKind::accept);
      EXPECT_EQ(completion.error, IoError::no_descriptors);
      EXPECT_TRUE(refused.sees_end() || refused.sees_reset());
      if (!completion.more) ring->accept(0);
    }
    ring->close(socket, false, {OperationKind::close, socket, 1});
    turn();
    LoopbackPeer peer(port);
    EXPECT_EQ(next(OperationKind::accept).error, IoError::none);
  }
}

// -- Receiving.

TEST_F(KernelRing, LosesNothingWhenBuffersRunOut) {
  for (const bool incremental : {false, true}) {
    SCOPED_TRACE(testing::Message() << "incremental " << incremental);
    start(two_small_buffers(incremental));
    const LoopbackPeer peer = accepted_peer();
    const std::string bytes = numbers(5000);
    peer.send(bytes);
    EXPECT_EQ(received(bytes.size()), bytes);
    EXPECT_TRUE(starved);
    EXPECT_GT(ring->counters().starved, 0U);
    turn();
    EXPECT_EQ(ring->buffers_lent(), 0U);
  }
}

TEST_F(KernelRing, ReceivesNothingWhileHalfOfTheBuffersAreLent) {
  for (const bool incremental : {false, true}) {
    SCOPED_TRACE(testing::Message() << "incremental " << incremental);
    start(two_small_buffers(incremental));
    const LoopbackPeer peer = accepted_peer();
    peer.send(std::string(64, 'a'));  // fills one of two
    EXPECT_EQ(received(64), std::string(64, 'a'));
    ASSERT_EQ(ring->buffers_lent(), 1U);
    if (!ring->features().multishot_receive) ring->receive(socket, receive_token());
    peer.send("b");
    const std::uint64_t enters = ring->counters().enters;
    turn({.may_sleep = true, .timeout = patience});  // does not wait either: there is something to give back first
    EXPECT_LE(ring->counters().enters, enters + 1);  // none when nothing is queued
    EXPECT_TRUE(events.empty());
    EXPECT_EQ(ring->buffers_lent(), 0U);
    EXPECT_EQ(received(1), "b");
    EXPECT_EQ(ring->counters().starved, 0U);
  }
}

/// What a turn is to bring stays bounded: the rest follows in its order, without waiting, and without more being received before it.
TEST_F(KernelRing, HoldsBackWhatATurnNeedNotBring) {
  RingOptions options = small_ring();
  options.turn_bytes = 8;  // two receives of six bytes
  start(options);
  std::vector<LoopbackPeer> peers;
  std::vector<Socket> sockets;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(accepted_peer());
    sockets.push_back(socket);
    ring->receive(socket, receive_token());
  }
  turn();
  for (const LoopbackPeer& peer : peers) peer.send("bytes");
  std::vector<Socket> order;
  const auto note = [&] {
    for (const Event& event : std::exchange(events, {})) {
      EXPECT_EQ(event.completion.token.kind, OperationKind::receive);
      EXPECT_EQ(event.received, "bytes");
      order.push_back(event.completion.token.slot);
    }
  };
  turn({.may_sleep = true, .timeout = patience, .completions_min = 5});
  note();
  ASSERT_EQ(order.size(), 2U);
  EXPECT_EQ(ring->held_back(), 3U);

  // What a send took does not wait its turn, nor does what was asked for by itself: the few buffers for that must come back.
  peers[0].send("more");
  socket = sockets[0];
  send("reply", false);
  ring->receive_now(socket, {OperationKind::receive_now, socket, 7});
  const std::uint64_t enters = ring->counters().enters;
  turn({.may_sleep = true, .timeout = patience});
  EXPECT_EQ(ring->counters().enters, enters + 1) << "to send";
  EXPECT_EQ(std::erase_if(events, [](const Event& event) { return event.completion.token.kind == OperationKind::send; }), 1U);
  EXPECT_EQ(std::erase_if(events, [](const Event& event) { return event.received == "more"; }), 1U);
  EXPECT_EQ(events.size(), 2U);
  note();
  EXPECT_EQ(ring->held_back(), 1U);
  EXPECT_EQ(peers[0].read(5), "reply");

  turn({.may_sleep = true, .timeout = patience});
  EXPECT_EQ(ring->counters().enters, enters + 1) << "there is nothing to send, and something to bring";
  note();
  EXPECT_EQ(ring->held_back(), 0U);
  EXPECT_EQ(std::set<Socket>(order.begin(), order.end()), std::set<Socket>(sockets.begin(), sockets.end()));
}

TEST_F(KernelRing, ReceivesNowOrNever) {
  start(small_ring());
  LoopbackPeer peer = accepted_peer();
  const auto receive_now = [&] {
    ring->receive_now(socket, {OperationKind::receive_now, socket, 7});
    turn();  // one enter is enough
    EXPECT_EQ(events.size(), 1U);
    Event event = events.empty() ? Event{} : events.back();
    events.clear();
    EXPECT_EQ(event.completion.token.kind, OperationKind::receive_now);
    EXPECT_FALSE(event.completion.more);
    return event;
  };
  const std::string bytes = numbers(50'000);
  for (int round = 0; round < 10; ++round) {  // more rounds than buffers
    EXPECT_EQ(receive_now().completion.error, IoError::again);
    peer.send(bytes);
    std::string got;
    while (got.size() < bytes.size()) {
      ring->wait_readable(socket, {OperationKind::readable, socket, 7});
      ASSERT_EQ(next(OperationKind::readable).error, IoError::none);
      const Event event = receive_now();
      ASSERT_TRUE(event.completion.has_buffer);
      got += event.received;
    }
    EXPECT_EQ(got, bytes);
  }
  peer.hang_up();
  ring->wait_readable(socket, {OperationKind::readable, socket, 7});
  ASSERT_EQ(next(OperationKind::readable).error, IoError::none);
  const Event end = receive_now();
  EXPECT_EQ(end.completion.error, IoError::none);
  EXPECT_EQ(end.completion.result, 0);
  EXPECT_FALSE(end.completion.has_buffer);
  turn();
  EXPECT_EQ(ring->buffers_lent(), 0U);
}

TEST_F(KernelRing, LosesNothingWhenBulkBuffersRunOut) {
  start(small_ring());
  const LoopbackPeer peer = accepted_peer();
  const Token token{OperationKind::receive_now, socket, 7};
  for (std::size_t i = 0; i < 2 * Ring::bulk_receives_max; ++i) {  // each in an enter of its own, and none given back
    peer.send("lent");
    ring->wait_readable(socket, {OperationKind::readable, socket, 7});
    ASSERT_TRUE(ring->submit_and_wait({.may_sleep = true, .timeout = nanoseconds_per_second}));
    Completion completion;
    while (ring->reap({&completion, 1}) > 0) ASSERT_EQ(completion.token.kind, OperationKind::readable);
    ring->receive_now(socket, token);
    ASSERT_TRUE(ring->submit_and_wait({}));
    ASSERT_EQ(ring->reap({&completion, 1}), 1U);
    ASSERT_EQ(text_of(ring->received(completion)), "lent");
  }
  EXPECT_EQ(ring->buffers_lent(), 2 * Ring::bulk_receives_max);
  peer.send("waits");
  ring->wait_readable(socket, {OperationKind::readable, socket, 7});
  ASSERT_TRUE(ring->submit_and_wait({.may_sleep = true, .timeout = nanoseconds_per_second}));
  ring->receive_now(socket, token);
  (void)next(OperationKind::readable);
  EXPECT_EQ(next(OperationKind::receive_now).error, IoError::no_buffers);
  EXPECT_EQ(ring->buffers_lent(), 0U);
  ring->receive_now(socket, token);
  turn();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].received, "waits");
}

TEST_F(KernelRing, SaysWhenTheStreamEnds) {
  start(small_ring());
  LoopbackPeer peer = accepted_peer();
  ring->receive(socket, receive_token());
  peer.hang_up();
  const Completion end = next(OperationKind::receive);
  EXPECT_EQ(end.error, IoError::none);
  EXPECT_EQ(end.result, 0);
  EXPECT_FALSE(end.more);
}

// -- A kernel that is unwilling for a while

TEST_F(KernelRing, ListensNoMoreThoughTheEnterThatShouldSayItFails) {
  start(small_ring());
  turn();
  unwilling::enters = 1;
  ring->stop_listening(0);
  EXPECT_EQ(unwilling::enters, 0) << "the enter failed";
  // Whoever opens a file now must not get the listener's number while a cancel that names it has not been taken.
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  EXPECT_EQ(next(OperationKind::accept).error, IoError::cancelled);
  ::close(pair[0]);
  ::close(pair[1]);
  EXPECT_TRUE(refuses_peers());
}

/// Completions queued aside would else be taken for silence, and silence for success.
TEST_F(KernelRing, ReapsWhatWasQueuedAsideThoughSubmittingFails) {
  RingOptions options = small_ring();
  options.submission_entries = 4;
  options.completion_entries = 8;
  start(options);
  const LoopbackPeer peer = accepted_peer();
  for (std::uint32_t i = 0; i < 40; ++i) ring->cancel({OperationKind::receive, socket, i}, {OperationKind::cancel, socket, i});
  (void)ring->submit_and_wait({});
  ring->cancel({OperationKind::receive, socket, 40}, {OperationKind::cancel, socket, 40});  // to be submitted
  unwilling::submits = true;
  std::size_t cancels = 0;
  Completion completions[16];
  while (const std::size_t count = ring->reap(completions)) cancels += count;
  unwilling::submits = false;
  EXPECT_EQ(cancels, 40U);
  EXPECT_EQ(next(OperationKind::cancel).token.generation, 40U);
}

TEST_F(KernelRing, WaitsForTheEndOfAPeerWhateverItSendsBefore) {
  start(small_ring());
  const auto hang_up_token = [this] { return Token{OperationKind::hang_up, socket, 7}; };
  LoopbackPeer finishing = accepted_peer();
  ring->wait_hang_up(socket, hang_up_token());
  finishing.send("bytes are no end");
  EXPECT_TRUE(stays_silent(OperationKind::hang_up));
  finishing.hang_up();
  const Completion end = next(OperationKind::hang_up);
  EXPECT_EQ(end.error, IoError::none);
  EXPECT_FALSE(end.more);
  EXPECT_EQ(received(16), "bytes are no end");

  LoopbackPeer resetting = accepted_peer();
  ring->wait_hang_up(socket, hang_up_token());
  turn();
  resetting.reset();
  EXPECT_EQ(next(OperationKind::hang_up).error, IoError::connection_ended);

  const LoopbackPeer staying = accepted_peer();
  ring->wait_hang_up(socket, hang_up_token());
  turn();
  ring->cancel(hang_up_token(), {OperationKind::cancel, socket, 1});
  EXPECT_EQ(next(OperationKind::hang_up).error, IoError::cancelled);
}

TEST_F(KernelRing, CancelsTheOneOperationWithThatToken) {
  start(small_ring());
  const LoopbackPeer peer = accepted_peer();
  ring->receive(socket, receive_token());
  turn();
  ring->cancel(receive_token(), {OperationKind::cancel, socket, 1});
  EXPECT_EQ(next(OperationKind::cancel).error, IoError::none);
  const Completion cancelled = next(OperationKind::receive);
  EXPECT_EQ(cancelled.error, IoError::cancelled);
  EXPECT_FALSE(cancelled.more);
  EXPECT_EQ(cancelled.token, receive_token());
  ring->cancel(receive_token(), {OperationKind::cancel, socket, 2});
  EXPECT_EQ(next(OperationKind::cancel).error, IoError::not_found);
  peer.send("still there");
  EXPECT_EQ(received(11), "still there");
}

/// More completions than the queue holds: a multishot receive may end early, and what it received stays in
/// order.
TEST_F(KernelRing, LosesNothingWhenCompletionsOverflow) {
  for (const std::uint32_t entries : {4U, 8U, 16U}) {
    SCOPED_TRACE(testing::Message() << entries << " completion entries");
    RingOptions options = small_ring();
    options.submission_entries = 4;
    options.completion_entries = entries;
    start(options);
    constexpr std::size_t peers_count = 24, rounds = 20;
    std::vector<LoopbackPeer> peers;
    for (std::size_t i = 0; i < peers_count; ++i) peers.emplace_back(port);
    std::array<std::string, 64> streams;
    std::size_t accepted = 0, bytes = 0, taken = 0;
    const auto take = [&]() -> void {
      for (; taken < events.size(); ++taken) {
        const auto [completion, received] = events[taken];
        Socket from = completion.token.slot;
        if (completion.token.kind == OperationKind::accept) {
          if (!completion.more) ring->accept(0);
          if (completion.error != IoError::none) continue;
          from = static_cast<Socket>(completion.result);
          ++accepted;
        } else if (completion.token.kind != OperationKind::receive) {
          continue;
        }
        ASSERT_LT(from, streams.size());
        streams[from] += received;
        bytes += received.size();
        if (completion.token.kind == OperationKind::accept || !completion.more)
          ring->receive(from, {OperationKind::receive, from, 1});
      }
    };
    ASSERT_TRUE(turn_until([&] { return take(), accepted == peers_count; }));
    std::string expected;
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::string piece = std::to_string(round) + " ";
      for (const LoopbackPeer& peer : peers) peer.send(piece);
      expected += piece;
      ASSERT_TRUE(turn_until([&] { return take(), bytes == expected.size() * peers_count; })) << "round " << round;
    }
    EXPECT_EQ(std::ranges::count(streams, expected), std::ssize(peers));
    EXPECT_GT(ring->counters().overflows, 0U);
  }
}

// -- Sending.

TEST_F(KernelRing, SendsPiecesAsOneRun) {
  start(small_ring());
  const LoopbackPeer peer = accepted_peer();
  const std::string bytes = numbers(800);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < Ring::pieces_max; ++i)
    pieces.push_back({reinterpret_cast<const std::uint8_t*>(bytes.data()) + 100 * i, 100});
  for (const bool silent : {true, false}) {
    ring->send(socket, pieces, silent ? Ring::Sending::silent : Ring::Sending::completes, send_token());
    if (silent && ring->features().silent_sends) {
      EXPECT_TRUE(stays_silent(OperationKind::send));
    } else {
      EXPECT_EQ(next(OperationKind::send).result, 800);
    }
    EXPECT_EQ(peer.read(800), bytes);
  }
}

TEST_F(KernelRing, BreaksItsSilenceWhenNotEverythingWasTaken) {
  RingOptions options = small_ring();
  if (!options.allowed.silent_sends) GTEST_SKIP() << "no silent sends here";
  start(options, {.send_buffer_bytes = 8192});
  const LoopbackPeer peer = accepted_peer(4096);
  const std::string bytes = numbers(1'000'000);
  send(bytes, true);
  const Completion completion = next(OperationKind::send);
  ASSERT_EQ(completion.error, IoError::none);
  ASSERT_GT(completion.result, 0);
  ASSERT_LT(completion.result, std::ssize(bytes));
  const auto sent = static_cast<std::size_t>(completion.result);
  EXPECT_EQ(peer.read(sent), bytes.substr(0, sent));
  EXPECT_TRUE(stays_silent(OperationKind::send));
  EXPECT_TRUE(peer.has_nothing_to_read());
}

TEST_F(KernelRing, WaitsForRoomWhenItSendsAloud) {
  start(small_ring(), {.send_buffer_bytes = 8192});
  const LoopbackPeer peer = accepted_peer(4096);
  const std::string bytes = numbers(1'000'000);
  send(bytes, false);
  const auto first = static_cast<std::size_t>(next(OperationKind::send).result);
  ASSERT_LT(first, bytes.size());
  send(std::string_view(bytes).substr(first), false);
  turn();
  std::string arrived = peer.read(first);
  const auto second = static_cast<std::size_t>(next(OperationKind::send).result);
  ASSERT_GT(second, 0U);
  arrived += peer.read(second);
  EXPECT_EQ(arrived, bytes.substr(0, first + second));
}

/// Loopback copies, but says so, and lets go of the memory all the same.
TEST_F(KernelRing, SendsRegisteredMemoryAndLetsGoOfIt) {
  start(small_ring());
  if (!ring->features().zero_copy_sends) GTEST_SKIP() << "no zero-copy sends here";
  const LoopbackPeer peer = accepted_peer();
  const std::string bytes = numbers(20'000);
  int dropped = 0;
  const auto drop = [](const void* count) { ++*static_cast<int*>(const_cast<void*>(count)); };
  for (int round = 1; round <= 200; ++round) {  // more than there are places for memories
    const std::size_t offset = static_cast<std::size_t>(round) % 7;
    ASSERT_TRUE(ring->send_zero_copy(socket, bytes_of(bytes), offset, {&dropped, drop}, send_token()));
    const Completion sent = next(OperationKind::send);
    EXPECT_EQ(sent.token, send_token());
    EXPECT_FALSE(sent.more);
    ASSERT_EQ(sent.result, std::ssize(bytes) - static_cast<std::ptrdiff_t>(offset));
    EXPECT_EQ(peer.read(bytes.size() - offset), bytes.substr(offset));
    ASSERT_TRUE(turn_until([&] { return dropped == round; }));
  }
  EXPECT_EQ(ring->counters().zero_copies, 200U);
  EXPECT_LE(ring->counters().zero_copies_copied, 200U);
}

TEST_F(KernelRing, RegistersAMemoryOnceForManySendsAndOutlivesTheSockets) {
  start(small_ring());
  if (!ring->features().zero_copy_sends) GTEST_SKIP() << "no zero-copy sends here";
  const std::string bytes = numbers(20'000);
  int dropped = 0;
  const auto drop = [](const void* count) { ++*static_cast<int*>(const_cast<void*>(count)); };
  std::vector<LoopbackPeer> peers;
  std::vector<Socket> sockets;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(accepted_peer());
    sockets.push_back(socket);
  }
  for (const Socket each : sockets)
    ASSERT_TRUE(ring->send_zero_copy(each, bytes_of(bytes), 0, {&dropped, drop}, {OperationKind::send, each, 7}));
  EXPECT_EQ(dropped, 19) << "one keeper is enough";
  for (std::size_t i = 0; i < sockets.size(); ++i) EXPECT_EQ(next(OperationKind::send).result, std::ssize(bytes));
  for (const Socket each : sockets) ring->close(each, false, {OperationKind::close, each, 7});
  turn();
  for (const LoopbackPeer& peer : peers) EXPECT_EQ(peer.read(bytes.size() + 1), bytes);
  EXPECT_TRUE(turn_until([&] { return dropped == 20; }));
}

TEST_F(KernelRing, CancelsASendOfRegisteredMemoryByItsCallersToken) {
  start(small_ring());
  if (!ring->features().zero_copy_sends) GTEST_SKIP() << "no zero-copy sends here";
  const LoopbackPeer peer = accepted_peer();  // reads nothing
  const std::string bytes = numbers(4 << 20);
  int dropped = 0;
  const auto drop = [](const void* count) { ++*static_cast<int*>(const_cast<void*>(count)); };
  int begun = 0;
  while (true) {
    ASSERT_TRUE(ring->send_zero_copy(socket, bytes_of(bytes), 0, {&dropped, drop}, send_token()));
    ++begun;
    if (stays_silent(OperationKind::send)) break;
    ASSERT_GT(next(OperationKind::send).result, 0);
  }
  ring->cancel(send_token(), {OperationKind::cancel, socket, 1});
  EXPECT_EQ(next(OperationKind::send).error, IoError::cancelled);
  ring->cancel(send_token(), {OperationKind::cancel, socket, 2});
  EXPECT_EQ(next(OperationKind::cancel).error, IoError::none);  // of the first
  EXPECT_EQ(next(OperationKind::cancel).error, IoError::not_found);
  ring->close(socket, true, {OperationKind::close, socket, 7});
  EXPECT_TRUE(turn_until([&] { return dropped == begun; })) << dropped << " of " << begun;
}

TEST_F(KernelRing, RefusesMoreMemoriesThanItHasPlacesFor) {
  start(small_ring());
  if (!ring->features().zero_copy_sends) GTEST_SKIP() << "no zero-copy sends here";
  const LoopbackPeer peer = accepted_peer();
  std::size_t dropped = 0;
  const auto drop = [](const void* count) { ++*static_cast<std::size_t*>(const_cast<void*>(count)); };
  const std::vector<std::string> memories(100, numbers(5000));
  std::size_t begun = 0;
  while (begun < memories.size() &&  // none is over as long as nothing is reaped
         ring->send_zero_copy(socket, bytes_of(memories[begun]), 0, {&dropped, drop}, send_token()))
    ++begun;
  EXPECT_EQ(begun, ZeroCopy::memories_max);
  EXPECT_EQ(dropped, 1U) << "of the one that was refused";
  ring.reset();
  EXPECT_EQ(dropped, 1U) << "what the kernel may still send is not given back";
}

// -- Closing.

TEST_F(KernelRing, ShutsItsOwnDirectionOnly) {
  start(small_ring());
  const LoopbackPeer peer = accepted_peer();
  ring->shutdown(socket, {OperationKind::shutdown, socket, 1});
  EXPECT_EQ(next(OperationKind::shutdown).error, IoError::none);
  EXPECT_TRUE(peer.sees_end());
  peer.send("heard");
  EXPECT_EQ(received(5), "heard");
}

/// With direct descriptors a shutdown borrows a process descriptor; without one to be had, a worker of the kernel does it.
TEST_F(KernelRing, ShutsDownWithoutKeepingADescriptor) {
  for (const bool direct : {true, false}) {
    for (const bool descriptors_left : {true, false}) {
      SCOPED_TRACE(testing::Message() << "direct " << direct << ", descriptors left " << descriptors_left);
      RingOptions options = small_ring();
      options.allowed.direct_descriptors = direct && options.allowed.direct_descriptors;
      start(options);
      const LoopbackPeer peer = accepted_peer();
      const auto lowest_free = [] {
        const int descriptor = ::dup(STDERR_FILENO);
        ::close(descriptor);
        return descriptor;
      };
      const int before = lowest_free();
      rlimit limit{};
      ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
      const rlimit none_left{.rlim_cur = static_cast<rlim_t>(before), .rlim_max = limit.rlim_max};
      ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, descriptors_left ? &limit : &none_left), 0);
      send("the last", Ring::Sending::before_end);
      EXPECT_EQ(next(OperationKind::send).result, 8);
      ring->shutdown(socket, {OperationKind::shutdown, socket, 1});
      const Completion completion = next(OperationKind::shutdown);
      ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
      EXPECT_EQ(completion.error, IoError::none);
      EXPECT_EQ(completion.token, (Token{OperationKind::shutdown, socket, 1}));
      EXPECT_EQ(peer.read(100), "the last");
      EXPECT_TRUE(peer.sees_end());
      EXPECT_EQ(lowest_free(), before);
    }
  }
}

TEST_F(KernelRing, ShutsDownOncePeersAreGone) {
  start(small_ring());
  LoopbackPeer peer = accepted_peer();
  ring->receive(socket, receive_token());
  peer.reset();
  (void)next(OperationKind::receive);
  ring->shutdown(socket, {OperationKind::shutdown, socket, 1});
  EXPECT_EQ(next(OperationKind::shutdown).error, IoError::connection_ended);
}

TEST_F(KernelRing, ClosesWithAnEndOrAReset) {
  for (const bool direct : {true, false}) {
    SCOPED_TRACE(testing::Message() << "direct " << direct);
    RingOptions options = small_ring();
    options.allowed.direct_descriptors = direct && options.allowed.direct_descriptors;
    start(options);
    {
      const LoopbackPeer peer = accepted_peer();
      ring->close(socket, false, {OperationKind::close, socket, 1});
      turn();
      EXPECT_TRUE(peer.sees_end());
    }
    if (ring->features().direct_descriptors && !ring->features().peer_name_command) continue;  // such a kernel cannot
    const LoopbackPeer peer = accepted_peer();
    ring->close(socket, true, {OperationKind::close, socket, 1});
    turn();
    EXPECT_TRUE(peer.sees_reset());
  }
}

TEST_F(KernelRing, GivesAClosedSocketsNumberAway) {
  start(small_ring());
  for (int i = 0; i < 200; ++i) {  // more than the table has
    const LoopbackPeer peer = accepted_peer();
    ASSERT_LT(socket, 64U);
    ring->close(socket, false, {OperationKind::close, socket, 1});
  }
}

// -- Waking.

TEST_F(KernelRing, WakesAnotherRing) {
  for (const bool message_ring : {true, false}) {
    SCOPED_TRACE(testing::Message() << "msg_ring " << message_ring);
    RingOptions options = small_ring();
    options.allowed.message_ring = message_ring && options.allowed.message_ring;
    start(options);
    auto other = Ring::open(options);
    ASSERT_TRUE(other && (*other)->start_on_this_thread());
    for (int i = 0; i < 3; ++i) {
      (*other)->ring(ring->doorbell());
      (void)(*other)->submit_and_wait({});
      EXPECT_EQ(next(OperationKind::doorbell).error, IoError::none);
    }
  }
}

/// What the start-up test tells from a kernel that has no messages between rings, or a filter that swallows them.
TEST_F(KernelRing, KnowsAMessageThatArrivesFromOneThatDoesNot) {
  if (!proven()->message_ring) GTEST_SKIP() << "no messages between rings here";
  start(small_ring());
  auto other = Ring::open(small_ring());
  ASSERT_TRUE(other && (*other)->start_on_this_thread());
  EXPECT_TRUE(message_arrives(*ring, **other, {.ring_descriptor = (*other)->doorbell().ring_descriptor}));
  int no_ring[2];
  ASSERT_EQ(::pipe(no_ring), 0);
  EXPECT_FALSE(message_arrives(*ring, **other, {.ring_descriptor = no_ring[0]}));
  for (const int descriptor : no_ring) ::close(descriptor);
}

/// Tasks that the kernel counts as waiting for a disk, the whole machine's.
int tasks_in_iowait() {
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    int count = 0;
    if (word == "procs_blocked" && stat >> count) return count;
  }
  return 0;
}

/// The machine's count while `threads_count` rings sleep, each with an operation under way.
int tasks_in_iowait_while_rings_sleep(const RingOptions& options, int threads_count) {
  std::atomic<bool> done{false};
  std::atomic<int> asleep{0};
  std::vector<std::unique_ptr<Ring>> rings;
  std::vector<std::jthread> threads;  // joined before the rings go
  for (int i = 0; i < threads_count; ++i) rings.push_back(std::move(*Ring::open(options)));
  for (const auto& ring : rings)
    threads.emplace_back([&] {
      (void)ring->start_on_this_thread();
      ++asleep;
      while (!done) (void)ring->submit_and_wait({.may_sleep = true});
    });
  int most = 0;
  const TimeNs until = rings[0]->now() + 100 * nanoseconds_per_millisecond;
  while (asleep < threads_count || rings[0]->now() < until) most = std::max(most, tasks_in_iowait());
  done = true;
  for (const auto& ring : rings) Ring::wake_from_any_thread(ring->doorbell());
  return most;
}

TEST_F(KernelRing, SleepsWithoutLookingLikeAWaitForADisk) {
  if (!proven()->idle_waits) GTEST_SKIP() << "this kernel counts every sleeping ring as one (before 6.15)";
  constexpr int threads_count = 32;
  RingOptions options = small_ring();
  RingOptions blind = options;
  blind.allowed.idle_waits = false;
  // The rest of the machine counts too, so it may take a few looks.
  bool seen = false;
  const TimeNs until = (*Ring::open(options))->now() + patience;
  for (TimeNs now = 0; !seen && now < until; now = (*Ring::open(options))->now())
    seen = tasks_in_iowait_while_rings_sleep(options, threads_count) + threads_count / 2 <
           tasks_in_iowait_while_rings_sleep(blind, threads_count);
  EXPECT_TRUE(seen);
}

TEST_F(KernelRing, IsWokenFromAnyThread) {
  start(small_ring());
  for (int i = 0; i < 100; ++i) {
    std::thread other([doorbell = ring->doorbell()] { Ring::wake_from_any_thread(doorbell); });
    const TimeNs before = ring->now();
    while (events.empty() && ring->now() < before + patience) turn({.may_sleep = true, .timeout = patience});
    other.join();
    ASSERT_EQ(next(OperationKind::doorbell).error, IoError::none);
    ASSERT_LT(ring->now(), before + patience) << "slept through it";
  }
}

TEST_F(KernelRing, SleepsNoLongerThanItIsTold) {
  start(small_ring());
  turn();
  const TimeNs before = ring->now();
  turn({.may_sleep = true, .timeout = 2 * nanoseconds_per_millisecond});
  EXPECT_GE(ring->now() - before, 2 * nanoseconds_per_millisecond);
  EXPECT_LT(ring->now() - before, patience);
}

// -- Addresses.

TEST_F(KernelRing, RefusesAnAddressThatIsTaken) {
  start(small_ring());
  const auto taken = check_address_free({"127.0.0.1", port});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().exit_code, 71);
  EXPECT_NE(taken.error().cause.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
}

TEST_F(KernelRing, ADualStackListenerTakesIpv4AndNamesItAsSuch) {
  start(small_ring());
  const auto address = ring->listen(1, {.host = "::", .port = 0, .dual_stack = true}, {});
  if (!address) GTEST_SKIP() << "no IPv6 here: " << address.error().cause;
  ring->accept(1);
  turn();
  const LoopbackPeer peer(address->port, 0);  // connects to 127.0.0.1
  const Completion accepted = next(OperationKind::accept);
  ASSERT_EQ(accepted.error, IoError::none);
  PeerAddress from;
  const auto accepted_socket = static_cast<Socket>(accepted.result);
  if (ring->peer_address(accepted_socket, &from, {OperationKind::peer_name, accepted_socket, 1}))
    (void)next(OperationKind::peer_name);
  EXPECT_TRUE(from.text().starts_with("127.0.0.1:")) << from.text();
}

TEST_F(KernelRing, RefusesPeersOnceItStoppedListening) {
  start(small_ring());
  turn();
  ring->stop_listening(0);
  EXPECT_EQ(next(OperationKind::accept).error, IoError::cancelled);
  EXPECT_TRUE(check_address_free({"127.0.0.1", port}));
}

}  // namespace
}  // namespace ringgate::ring
