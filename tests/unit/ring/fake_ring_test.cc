// What the simulated ring promises when nothing goes wrong by chance. The fixture's world is in order and its ring small.
#include <algorithm>

#include "fake_ring_fixture.h"

namespace ringgate::ring {
namespace {

// -- Accepting.

TEST_F(FakeRing, AcceptsEachConnectionOnceAndStaysArmed) {
  world->connect(address);
  world->connect(address);
  const auto events = turn();
  ASSERT_EQ(events.size(), 2U);
  for (const Event& event : events) {
    EXPECT_EQ(event.completion.token, (Token{OperationKind::accept, 0, 0}));
    EXPECT_TRUE(event.completion.more);
  }
  EXPECT_NE(events[0].completion.result, events[1].completion.result);
  EXPECT_EQ(world->connections_waiting(address), 0U);
}

TEST_F(FakeRing, DropsAConnectionThatFindsTheDirectTableFull) {
  for (int i = 0; i < 8; ++i) accepted_peer();
  FakePeer& ninth = world->connect(address);
  const Event event = only(turn(), OperationKind::accept);
  EXPECT_EQ(event.completion.error, IoError::no_descriptors);
  EXPECT_FALSE(event.completion.more);
  EXPECT_TRUE(ninth.saw_end());
}

TEST_F(FakeRing, KeepsAConnectionWaitingWhenTheProcessIsOutOfDescriptors) {
  FakeOptions options;
  options.features.direct_descriptors = false;
  options.process_descriptors_max = 17;  // 16 belong to others
  start(options);
  accepted_peer();
  EXPECT_EQ(last_socket, 16U);
  FakePeer& second = world->connect(address);
  EXPECT_EQ(only(turn(), OperationKind::accept).completion.error, IoError::no_descriptors);
  EXPECT_FALSE(second.saw_end());
  EXPECT_EQ(world->connections_waiting(address), 1U);
  close(false);
  ring().accept(0);
  EXPECT_EQ(only(turn(), OperationKind::accept).completion.result, 16);
}

TEST_F(FakeRing, HandsOutSlotsAsTheKernelDoes) {
  accepted_peer();
  accepted_peer();
  accepted_peer();
  EXPECT_EQ(last_socket, 2U);
  last_socket = 0;
  close(false);
  turn();
  accepted_peer();
  EXPECT_EQ(last_socket, 0U) << "the search starts at the slot freed last";
  accepted_peer();
  EXPECT_EQ(last_socket, 3U);
}

TEST_F(FakeRing, CancelsAnAcceptAndKeepsLaterConnectionsWaiting) {
  ring().cancel_accept(0);
  const auto events = turn();
  EXPECT_EQ(only(events, OperationKind::accept).completion.error, IoError::cancelled);
  EXPECT_FALSE(only(events, OperationKind::accept).completion.more);
  world->connect(address);
  EXPECT_TRUE(turn().empty());
  ring().accept(0);
  EXPECT_EQ(turn().size(), 1U);
}

TEST_F(FakeRing, RefusesPeersOnceItStoppedListening) {
  FakePeer& waiting = world->connect(address);
  ring().cancel_accept(0);
  ring().stop_listening(0);
  EXPECT_TRUE(world->connect(address).saw_reset());
  EXPECT_EQ(only(station->collect(), OperationKind::accept).completion.error, IoError::cancelled);
  EXPECT_TRUE(waiting.saw_reset());
}

TEST_F(FakeRing, TellsThePeersAddressWithAndWithoutTheCommand) {
  FakePeer& peer = accepted_peer();
  PeerAddress told;
  ASSERT_TRUE(ring().peer_address(last_socket, &told, token(OperationKind::peer_name)));
  turn();
  EXPECT_EQ(told.text(), peer.address().text());

  FakeOptions options;
  options.features.peer_name_command = false;
  start(options);
  FakePeer& other = accepted_peer();
  EXPECT_FALSE(ring().peer_address(last_socket, &told, token(OperationKind::peer_name)));
  EXPECT_EQ(told, other.address());
}

TEST_F(FakeRing, CannotNameAPeerThatHasReset) {
  FakePeer& peer = accepted_peer();
  peer.reset();
  PeerAddress told;
  ASSERT_TRUE(ring().peer_address(last_socket, &told, token(OperationKind::peer_name)));
  EXPECT_EQ(only(turn(), OperationKind::peer_name).completion.error, IoError::connection_ended);
}

// -- Receiving.

TEST_F(FakeRing, ReceivesWhatThePeerSentThenTheEnd) {
  FakePeer& peer = accepted_peer();
  receive();
  EXPECT_TRUE(turn().empty());
  peer.send("hello ");
  peer.send("world");
  auto events = turn();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].bytes, "hello world");
  EXPECT_TRUE(events[0].completion.more);
  peer.half_close();
  events = turn();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].completion.error, IoError::none);
  EXPECT_EQ(events[0].completion.result, 0);
  EXPECT_FALSE(events[0].completion.more);
  EXPECT_FALSE(events[0].completion.has_buffer);
}

TEST_F(FakeRing, KeepsTheCutsOfASendInPieces) {
  FakePeer& peer = accepted_peer();
  receive();
  const std::array<std::size_t, 2> cuts{1, 4};
  peer.send_in_pieces(bytes_of("abcdef"), cuts);
  const auto events = turn();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].bytes, "a");
  EXPECT_EQ(events[1].bytes, "bcd");
  EXPECT_EQ(events[2].bytes, "ef");
}

TEST_F(FakeRing, ReceivesOncePerArmingWithoutMultishot) {
  FakeOptions options;
  options.features.multishot_receive = false;
  start(options);
  FakePeer& peer = accepted_peer();
  const std::array<std::size_t, 1> cuts{1};
  peer.send_in_pieces(bytes_of("ab"), cuts);
  for (const char* expected : {"a", "b"}) {
    receive();
    const auto events = turn();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].bytes, expected);
    EXPECT_FALSE(events[0].completion.more);
  }
}

TEST_F(FakeRing, PacksIncrementalBuffersAndStartsTheNextAtItsBegin) {
  FakePeer& peer = accepted_peer();
  receive();
  const std::array<std::size_t, 2> cuts{10, 200};
  peer.send_in_pieces(bytes_of(std::string(300, 'x')), cuts);
  const auto events = turn();
  ASSERT_EQ(events.size(), 4U) << "the third piece does not fit in what is left of the buffer";
  const std::array<std::uint32_t, 4> offsets{0, 10, 200, 0};
  const std::array<std::int32_t, 4> sizes{10, 190, 56, 44};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(events[i].completion.buffer_offset, offsets[i]);
    EXPECT_EQ(events[i].completion.result, sizes[i]);
    EXPECT_EQ(events[i].completion.buffer_id, i < 3 ? 0 : 1);
  }
}

TEST_F(FakeRing, UsesOneClassicBufferPerCompletionFirstInFirstOut) {
  FakeOptions options;
  options.features.incremental_buffers = false;
  start(options);
  FakePeer& peer = accepted_peer();
  receive();
  for (std::uint16_t i = 0; i < 9; ++i) {
    peer.send("x");
    const auto events = turn();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].completion.buffer_id, i % 4);
    EXPECT_EQ(events[0].completion.buffer_offset, 0U);
  }
}

TEST_F(FakeRing, EndsReceivingWhenStarvedAndLosesNothing) {
  FakeOptions options;
  options.features.incremental_buffers = false;
  start(options);
  FakePeer& peer = accepted_peer();
  receive();
  const std::string sent(300, 'y');  // 64 + 64 + 64 + 64, and 44 without a buffer
  peer.send(sent);
  (void)ring().submit_and_wait({});
  auto events = station->collect();
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[4].completion.error, IoError::no_buffers);
  EXPECT_FALSE(events[4].completion.more);
  EXPECT_EQ(ring().buffers_lent(), 4U);
  EXPECT_FALSE(ring().return_buffers()) << "lent since the last submit";

  receive();  // armed too early: ends at once
  (void)ring().submit_and_wait({});
  EXPECT_EQ(only(station->collect(), OperationKind::receive).completion.error, IoError::no_buffers);
  EXPECT_TRUE(ring().return_buffers());
  EXPECT_EQ(ring().buffers_lent(), 0U);
  EXPECT_EQ(ring().counters().starved, 2U);

  receive();
  EXPECT_EQ((joined(events) + joined(turn())), sent);
}

TEST_F(FakeRing, ReceivesNowOrNever) {
  FakePeer& peer = accepted_peer();
  const Token now = token(OperationKind::receive_now);
  ring().receive_now(last_socket, now);
  EXPECT_EQ(only(turn(), OperationKind::receive_now).completion.error, IoError::again);
  peer.send("here");
  world->advance(nanoseconds_per_second);
  ring().receive_now(last_socket, now);
  const Event event = only(turn(), OperationKind::receive_now);
  EXPECT_EQ(event.bytes, "here");
  EXPECT_FALSE(event.completion.more);
  peer.half_close();
  world->advance(nanoseconds_per_second);
  ring().receive_now(last_socket, now);
  EXPECT_EQ(only(turn(), OperationKind::receive_now).completion.result, 0);
}

TEST_F(FakeRing, WaitsForTheEndOfAPeerWhateverItSendsBefore) {
  FakePeer& finishing = accepted_peer();
  ring().wait_hang_up(last_socket, token(OperationKind::hang_up));
  finishing.send("bytes are no end");
  EXPECT_TRUE(turn().empty());
  finishing.half_close();
  EXPECT_EQ(only(turn(), OperationKind::hang_up).completion.error, IoError::none);

  FakePeer& resetting = accepted_peer();
  ring().wait_hang_up(last_socket, token(OperationKind::hang_up));
  EXPECT_TRUE(turn().empty());
  resetting.reset();
  EXPECT_EQ(only(turn(), OperationKind::hang_up).completion.error, IoError::connection_ended);
}

TEST_F(FakeRing, PoisonsReturnedBuffers) {
  for (const bool incremental : {true, false}) {
    FakeOptions options;
    options.features.incremental_buffers = incremental;
    start(options);
    FakePeer& peer = accepted_peer();
    receive();
    peer.send("secret");
    (void)ring().submit_and_wait({});
    std::array<Completion, 1> batch;
    ASSERT_EQ(ring().reap(batch), 1U);
    const MutableBytes view = ring().received(batch[0]);
    (void)ring().submit_and_wait({});
    EXPECT_EQ(text_of(view), "secret") << "lent until return_buffers";
    (void)ring().return_buffers();
    EXPECT_TRUE(std::all_of(view.begin(), view.end(), [](std::uint8_t byte) { return byte == 0xDD; }));
  }
}

TEST_F(FakeRing, GivesSlackBehindEveryBuffer) {
  FakeOptions options;
  options.features.incremental_buffers = false;
  start(options);
  FakePeer& peer = accepted_peer();
  receive();
  peer.send(std::string(64, 'z'));
  (void)ring().submit_and_wait({});
  std::array<Completion, 1> batch;
  ASSERT_EQ(ring().reap(batch), 1U);
  const MutableBytes view = ring().received(batch[0]);
  std::fill_n(view.data(), view.size() + 64, std::uint8_t{1});  // under ASan: one byte more would abort
}

TEST_F(FakeRing, TellsOfAResetOnceAfterTheBytesBeforeIt) {
  FakePeer& peer = accepted_peer();
  peer.send("last");
  peer.reset();
  receive();
  auto events = turn();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].bytes, "last");
  EXPECT_EQ(events[1].completion.error, IoError::connection_ended);
  EXPECT_FALSE(events[1].completion.more);
  receive();
  EXPECT_EQ(only(turn(), OperationKind::receive).completion.result, 0);
}

TEST_F(FakeRing, RunsAtMostTwentyReadyOperationsPerEnterAndStarvesNobody) {
  RingOptions options = Station::small();
  options.sockets_max = 50;
  start({}, options);
  std::vector<FakePeer*> peers;
  std::vector<int> served(50, 0);
  for (int i = 0; i < 50; ++i) {
    peers.push_back(&accepted_peer());
    receive();
  }
  turn();
  for (int round = 0; round < 5; ++round) {
    for (FakePeer* peer : peers) peer->send("x");
    const auto events = turn();
    EXPECT_EQ(events.size(), 20U);
    for (const Event& event : events) ++served[event.completion.token.slot];
  }
  EXPECT_EQ(*std::min_element(served.begin(), served.end()), 2);
}

// -- Sending.

TEST_F(FakeRing, IsSilentAboutASendThatWasTakenWhole) {
  FakePeer& peer = accepted_peer();
  const std::array<Piece, 2> pieces{Piece{bytes_of("ab").data(), 2}, Piece{bytes_of("cde").data(), 3}};
  ring().send(last_socket, pieces, Ring::Sending::silent, token(OperationKind::send));
  EXPECT_EQ(peer.received_text(), "") << "nothing leaves before the enter";
  EXPECT_TRUE(turn().empty());
  EXPECT_EQ(peer.received_text(), "abcde");
}

TEST_F(FakeRing, TellsHowMuchOfASilentSendWasTaken) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading(4);
  send("abcdef", true);
  Completion completion = only(turn(), OperationKind::send).completion;
  EXPECT_EQ(completion.error, IoError::none);
  EXPECT_EQ(completion.result, 4);
  send("ef", true);
  completion = only(turn(), OperationKind::send).completion;
  EXPECT_EQ(completion.error, IoError::again);
  EXPECT_EQ(peer.received_text(), "");
  peer.resume_reading();
  EXPECT_EQ(peer.received_text(), "abcd");
}

TEST_F(FakeRing, AlwaysCompletesAnOrdinarySend) {
  FakePeer& peer = accepted_peer();
  send("abc", false);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.result, 3);
  EXPECT_EQ(peer.received_text(), "abc");

  FakeOptions options;
  options.features.silent_sends = false;
  start(options);
  accepted_peer();
  send("abc", true);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.result, 3);
}

TEST_F(FakeRing, ParksAnOrdinarySendUntilThereIsRoom) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading();
  send("abc", false);
  EXPECT_TRUE(turn().empty());
  EXPECT_TRUE(world->idle());
  peer.resume_reading();
  EXPECT_FALSE(world->idle());
  EXPECT_EQ(only(turn(), OperationKind::send).completion.result, 3);
  EXPECT_EQ(peer.received_text(), "abc");
}

TEST_F(FakeRing, TakesNoMoreThanTheSendBufferPerEnter) {
  FakeOptions options;
  options.send_buffer_bytes = 5;
  start(options);
  FakePeer& peer = accepted_peer();
  send("abcdefgh", true);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.result, 5);
  send("fgh", true);
  EXPECT_TRUE(turn().empty());
  EXPECT_EQ(peer.received_text(), "abcdefgh");
}

TEST_F(FakeRing, ReadsThePiecesAtTheEnterSoThatEarlyReuseShows) {
  FakePeer& peer = accepted_peer();
  std::string memory = "right";
  send(memory, true);
  memory = "wrong";
  turn();
  EXPECT_EQ(peer.received_text(), "wrong");
}

TEST_F(FakeRing, ReadsTheBytesOfAParkedSendWhenTheyAreTaken) {
  FakePeer& peer = accepted_peer();
  peer.stop_reading();
  std::string memory = "right";
  send(memory, false);
  turn();
  memory = "wrong";
  peer.resume_reading();
  turn();
  EXPECT_EQ(peer.received_text(), "wrong");
}

TEST_F(FakeRing, TellsOfALinkAndHoldsADescriptorUntilThatIsReaped) {
  FakePeer& peer = accepted_peer();
  peer.set_link({.rtt_us = 7, .retransmits = 2});
  LinkQuality link;
  EXPECT_EQ(ring().link_status(last_socket), LinkStatus::known);
  ring().link(last_socket, &link, token(OperationKind::link));
  (void)ring().submit_and_wait({});
  EXPECT_EQ(world->process_descriptors_open(), 1U);
  EXPECT_EQ(link, LinkQuality{});
  EXPECT_EQ(only(station->collect(), OperationKind::link).completion.error, IoError::none);
  EXPECT_EQ(link, (LinkQuality{.rtt_us = 7, .retransmits = 2}));
  EXPECT_EQ(world->process_descriptors_open(), 0U);
}

TEST_F(FakeRing, ClosesTheDescriptorsOfLinksThatNobodyReaped) {
  accepted_peer();
  LinkQuality link;
  ring().link(last_socket, &link, token(OperationKind::link));
  (void)ring().submit_and_wait({});
  station.reset();
  EXPECT_EQ(world->process_descriptors_open(), 0U);
}

TEST_F(FakeRing, HasNothingToTellOfALinkWhereTheProcessIsOutOfDescriptors) {
  FakeOptions options;
  options.process_descriptors_max = 16;  // all belong to others
  start(options);
  accepted_peer();
  LinkQuality link;
  ring().link(last_socket, &link, token(OperationKind::link));
  EXPECT_EQ(only(turn(), OperationKind::link).completion.error, IoError::no_descriptors);
}

TEST_F(FakeRing, FailsSendsToAPeerThatIsGone) {
  FakePeer& peer = accepted_peer();
  peer.reset();
  send("abc", true);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.error, IoError::connection_ended);
}

TEST_F(FakeRing, AnswersWithAResetWhatAClosedPeerIsSent) {
  FakePeer& peer = accepted_peer();
  peer.close();
  send("abc", true);
  EXPECT_TRUE(turn().empty()) << "the kernel takes it; the reset comes later";
  send("def", true);
  EXPECT_EQ(only(turn(), OperationKind::send).completion.error, IoError::connection_ended);
}

}  // namespace
}  // namespace ringgate::ring
