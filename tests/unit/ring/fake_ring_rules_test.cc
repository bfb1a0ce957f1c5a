// The rules of ring/ring.h that only our own code can break: each aborts, names itself and the seed.
#include "fake_ring_fixture.h"

namespace ringgate::ring {
namespace {

using FakeRingDeathTest = FakeRing;

TEST_F(FakeRingDeathTest, NamesTheSeed) {
  accepted_peer();
  receive();
  EXPECT_DEATH(receive(), "fake ring: seed 2026: receive or poll armed twice");
}

TEST_F(FakeRingDeathTest, OneReceivePerSocketUntilItsEndWasReaped) {
  FakePeer& peer = accepted_peer();
  receive();
  peer.half_close();
  (void)ring().submit_and_wait({});
  EXPECT_DEATH(receive(), "receive or poll armed twice") << "its end was not reaped yet";
  station->collect();
  receive();
}

TEST_F(FakeRingDeathTest, OneSendPerSocketUntilItsSilenceIsKnown) {
  accepted_peer();
  send("a", true);
  EXPECT_DEATH(send("b", true), "send in flight twice");
  (void)ring().submit_and_wait({});
  EXPECT_DEATH(send("b", true), "send in flight twice") << "the completion may still be in the queue";
  station->collect();
  send("b", true);
}

TEST_F(FakeRingDeathTest, NoSendBesideAParkedOne) {
  accepted_peer().stop_reading();
  send("a", false);
  turn();
  EXPECT_DEATH(send("b", true), "send in flight twice");
}

TEST_F(FakeRingDeathTest, NoCloseWithOperationsInFlight) {
  accepted_peer();
  receive();
  EXPECT_DEATH(close(false), "close with operations in flight");
  turn();
  cancel();
  (void)ring().submit_and_wait({});
  EXPECT_DEATH(close(false), "close with operations in flight") << "cancelled, but not reaped";
  station->collect();
  close(false);
}

TEST_F(FakeRingDeathTest, NothingOnAClosedSocket) {
  accepted_peer();
  close(false);
  EXPECT_DEATH(receive(), "not open");
  EXPECT_DEATH(close(false), "not open");
  EXPECT_DEATH(ring().receive(7, {OperationKind::receive, 7, 1}), "not open");
}

TEST_F(FakeRingDeathTest, ReceivedExactlyOncePerBuffer) {
  FakePeer& peer = accepted_peer();
  receive();
  peer.send("abc");
  (void)ring().submit_and_wait({});
  std::array<Completion, 1> batch;
  ASSERT_EQ(ring().reap(batch), 1U);
  (void)ring().submit_and_wait({});
  EXPECT_DEATH(ring().return_buffers(), "received was never called");
  (void)ring().received(batch[0]);
  EXPECT_DEATH((void)ring().received(batch[0]), "received was called twice");
  (void)ring().return_buffers();
  EXPECT_DEATH((void)ring().received(batch[0]), "not lent");
}

TEST_F(FakeRingDeathTest, NoBufferWhereNoneWasGiven) {
  FakePeer& peer = accepted_peer();
  receive();
  peer.half_close();
  const auto events = turn();
  EXPECT_DEATH((void)ring().received(events.at(0).completion), "has no buffer");
}

TEST_F(FakeRingDeathTest, AGenerationPerConnection) {
  accepted_peer();
  receive();
  turn();
  cancel();
  turn();
  close(false);
  turn();
  accepted_peer();
  --generation;
  EXPECT_DEATH(receive(), "token reuse");
}

TEST_F(FakeRingDeathTest, NoTokenTwiceInFlight) {
  accepted_peer();
  ring().shutdown(last_socket, token(OperationKind::shutdown));
  EXPECT_DEATH(ring().shutdown(last_socket, token(OperationKind::shutdown)), "token reuse");
}

TEST_F(FakeRing, CancelsMayOverlapAndEachIsAnswered) {
  accepted_peer();
  cancel();
  cancel();
  EXPECT_EQ(turn().size(), 2U);
  close(false);
}

TEST_F(FakeRingDeathTest, TokensNameTheirKindAndSlot) {
  accepted_peer();
  EXPECT_DEATH(ring().receive(last_socket, token(OperationKind::send)), "another kind");
  EXPECT_DEATH(ring().receive(last_socket, {OperationKind::receive, last_socket + 1, generation}), "another slot");
}

TEST_F(FakeRingDeathTest, OneAcceptPerListener) { EXPECT_DEATH(ring().accept(0), "accept armed twice"); }

TEST_F(FakeRingDeathTest, TheWorldOutlivesItsRings) { EXPECT_DEATH(world.reset(), "the world ends before its ring"); }

}  // namespace
}  // namespace ringgate::ring
