#include "fake_ring/fake_peer.h"

#include <string>
#include <utility>

#include "base/assert.h"
#include "fake_ring/fake_connection.h"
#include "fake_ring/fake_world.h"

namespace ringgate::ring {

FakePeer::FakePeer(FakeWorld& world, std::shared_ptr<FakeConnection> connection)
    : world_(world), connection_(std::move(connection)) {}

const PeerAddress& FakePeer::address() const { return connection_->peer_address(); }

// -- The tunnel

void FakePeer::go_through(std::unique_ptr<PeerTunnel> tunnel) { tunnel_ = std::move(tunnel); }

bool FakePeer::pump() {
  if (!tunnel_) return false;
  if (!connection_->received().empty()) tunnel_->receive(connection_->take_received(), opened_);
  return send_from_tunnel();
}

bool FakePeer::is_through() const { return is_closed_ || saw_end() || saw_reset(); }

bool FakePeer::send_from_tunnel() {
  const PeerTunnel::Output output = tunnel_->take_output();
  if (is_finished_ || output.bytes.empty()) return false;
  const ByteView bytes = bytes_of(output.bytes);
  const bool is_cut = output.cut > 0 && output.cut < bytes.size();
  world_.trace().add(bytes);
  if (is_cut) connection_->peer_send(bytes.first(output.cut), world_.arrival_time(), true);
  connection_->peer_send(bytes.subspan(is_cut ? output.cut : 0), world_.arrival_time(), is_cut);
  return true;
}

void FakePeer::finish_tunnel() {
  if (!tunnel_ || is_finished_) return;
  tunnel_->finish();
  send_from_tunnel();
  is_finished_ = true;
}

// -- Sending

void FakePeer::send(ByteView bytes) {
  if (tunnel_) {
    tunnel_->put(bytes);
    send_from_tunnel();
    return;
  }
  world_.trace().add(bytes);
  connection_->peer_send(bytes, world_.arrival_time(), false);
}

void FakePeer::send_in_pieces(ByteView bytes, std::span<const std::size_t> cuts) {
  std::size_t begin = 0;
  const auto send_piece = [&](ByteView piece) {
    if (tunnel_) return send(piece);  // a record of its own
    connection_->peer_send(piece, world_.arrival_time(), true);
  };
  world_.trace().add(bytes);
  for (const std::size_t cut : cuts) {
    RINGGATE_ASSERT(begin <= cut && cut <= bytes.size());
    send_piece(bytes.subspan(begin, cut - begin));
    begin = cut;
  }
  send_piece(bytes.subspan(begin));
}

void FakePeer::half_close() {
  finish_tunnel();
  connection_->peer_finish(world_.arrival_time());
}
void FakePeer::close() {
  finish_tunnel();
  is_closed_ = true;
  connection_->peer_close(world_.arrival_time());
}
void FakePeer::reset() {
  is_finished_ = is_closed_ = true;
  connection_->peer_reset(world_.arrival_time());
}

// -- Receiving

ByteView FakePeer::received() const { return tunnel_ ? ByteView(opened_) : connection_->received(); }
std::vector<std::uint8_t> FakePeer::take_received() {
  if (!tunnel_) return connection_->take_received();
  pump();
  return std::exchange(opened_, {});
}
void FakePeer::set_link(const LinkQuality& link) { connection_->set_link(link); }
void FakePeer::stop_reading(std::size_t room) { connection_->peer_stop_reading(room); }
void FakePeer::resume_reading() { connection_->peer_resume_reading(); }
bool FakePeer::saw_end() const { return connection_->peer_saw_end(); }
bool FakePeer::saw_reset() const { return connection_->peer_saw_reset(); }

}  // namespace ringgate::ring
