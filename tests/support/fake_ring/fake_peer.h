// The other end of one connection, as a test holds it: a device, a backend, or somebody who means no good.
// Thread: the test's, which is also the one that runs the rings. Owned by the FakeWorld; references stay valid with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fake_ring/peer_tunnel.h"
#include "ring/ring.h"
#include "ringgate/bytes.h"

namespace ringgate::ring {

class FakeConnection;
class FakeWorld;

class FakePeer {
 public:
  FakePeer(FakeWorld& world, std::shared_ptr<FakeConnection> connection);

  const PeerAddress& address() const;  // this end's; what the ring's `peer_address` reports

  /// From now on everything goes through `tunnel`. Whoever drives the rings calls `pump` between their turns.
  void go_through(std::unique_ptr<PeerTunnel> tunnel);
  /// Moves what the tunnel has for the wire, and the wire for the tunnel. True if something was sent.
  bool pump();
  /// Whether the tunnel has nothing to do any more: this end has closed, or the connection has ended.
  bool is_through() const;

  // -- Towards the gate. Nothing here needs the connection to be accepted yet; after `close` or `reset` it is ignored.
  void send(ByteView bytes);  // may be joined with its neighbours, and cut, by the time it is received
  void send(std::string_view text) { send(bytes_of(text)); }
  /// Sends `bytes` cut before each offset in `cuts` (ascending, inside `bytes`); no receive joins what was cut.
  void send_in_pieces(ByteView bytes, std::span<const std::size_t> cuts);
  void half_close();  // FIN; goes on reading
  void close();       // FIN; whatever the gate sends from now on is answered with RST
  void reset();       // RST; what was not read yet is lost to this end

  // -- From the gate.
  /// All bytes read so far. The view ends with the next call on this peer or the next enter of a ring.
  ByteView received() const;
  std::string_view received_text() const { return text_of(received()); }
  std::vector<std::uint8_t> take_received();  // hands them over; `received` starts empty again
  /// Reads nothing more; the gate's kernel takes `room` more bytes for this connection and then none.
  void stop_reading(std::size_t room = 0);
  void resume_reading();
  void set_link(const LinkQuality& link);  // what the gate's kernel knows of this connection
  bool saw_end() const;                    // FIN, after everything was read
  bool saw_reset() const;                  // RST, or nobody listened

 private:
  bool send_from_tunnel();
  void finish_tunnel();

  FakeWorld& world_;
  std::shared_ptr<FakeConnection> connection_;
  std::unique_ptr<PeerTunnel> tunnel_;
  std::vector<std::uint8_t> opened_;  // by the tunnel
  bool is_finished_ = false;
  bool is_closed_ = false;
};

}  // namespace ringgate::ring
