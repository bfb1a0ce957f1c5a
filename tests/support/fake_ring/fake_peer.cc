#include "fake_ring/fake_peer.h"

#include "base/assert.h"
#include "fake_ring/fake_connection.h"
#include "fake_ring/fake_world.h"

namespace ringgate::ring {

FakePeer::FakePeer(FakeWorld& world, std::shared_ptr<FakeConnection> connection)
    : world_(world), connection_(std::move(connection)) {}

const PeerAddress& FakePeer::address() const { return connection_->peer_address(); }

void FakePeer::send(ByteView bytes) {
  world_.trace().add(bytes);
  connection_->peer_send(bytes, world_.arrival_time(), false);
}

void FakePeer::send_in_pieces(ByteView bytes, std::span<const std::size_t> cuts) {
  world_.trace().add(bytes);
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    RINGGATE_ASSERT(begin <= cut && cut <= bytes.size());
    connection_->peer_send(bytes.subspan(begin, cut - begin), world_.arrival_time(), true);
    begin = cut;
  }
  connection_->peer_send(bytes.subspan(begin), world_.arrival_time(), true);
}

void FakePeer::half_close() { connection_->peer_finish(world_.arrival_time()); }
void FakePeer::close() { connection_->peer_close(world_.arrival_time()); }
void FakePeer::reset() { connection_->peer_reset(world_.arrival_time()); }

ByteView FakePeer::received() const { return connection_->received(); }
std::vector<std::uint8_t> FakePeer::take_received() { return connection_->take_received(); }
void FakePeer::stop_reading(std::size_t room) { connection_->peer_stop_reading(room); }
void FakePeer::resume_reading() { connection_->peer_resume_reading(); }
bool FakePeer::saw_end() const { return connection_->peer_saw_end(); }
bool FakePeer::saw_reset() const { return connection_->peer_saw_reset(); }

}  // namespace ringgate::ring
