// The interface of a protocol over connections: the device session (upgrade, then WebSocket) and the admin session (HTTP).
//
// One object per shard and kind, owned by the shard; the transport calls it on the owner shard. It moves no bytes itself.
// Invariant: a session never throws into the transport.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "conn/connection.h"
#include "ringgate/bytes.h"

namespace ringgate::conn {

class Session {
 public:
  virtual ~Session() = default;

  virtual void on_open(Connection& connection) = 0;

  /// Whether the peer, known by its address alone, may begin a TLS handshake: asked once, when its ClientHello is whole and before
  /// OpenSSL sees it. The session does not know the connection yet. False: it is reset.
  virtual bool may_begin_tls(const Connection&) { return true; }

  /// Bytes were received. They are writable, have slack after them, and stay valid until the end of the turn.
  virtual void on_received(Connection& connection, MutableBytes bytes) = 0;

  /// A cold connection (Transport::cool) has something to receive and is no longer cold.
  virtual void on_warm(Connection&) {}

  /// The peer has finished (FIN). The session decides how the connection ends.
  virtual void on_end_of_stream(Connection& connection) = 0;

  /// The peer of a paused connection has finished. True: receive the bytes before its FIN in spite of the pause.
  virtual bool on_peer_finished_while_paused(Connection&) { return false; }

  /// The kernel took less than was sent: from now on output waits (Connection::output_waits).
  virtual void on_output_waits(Connection& connection) = 0;

  /// The kernel took waiting output. More waits if `connection.output_waits()`.
  virtual void on_output_progress(Connection& connection) = 0;

  /// The kernel has all that was written before the mark of this number (Transport::mark) and of lower ones: on the wire it ends at
  /// byte `place` or before.
  virtual void on_handed(Connection&, std::uint64_t /*mark*/, std::uint64_t /*place*/) {}

  /// The answer to Transport::ask_acked: the peer's TCP has acknowledged the bytes on the wire up to `place`, perhaps more.
  virtual void on_acked(Connection&, std::uint64_t /*place*/) {}

  /// Waiting output of all peers exceeds its budget, and this connection has the most: it is terminated after this call.
  virtual void on_output_given_up(Connection&) {}

  /// The deadline set by Transport::schedule has passed.
  virtual void on_deadline(Connection& connection) = 0;

  /// The last call: the slot is about to be released.
  virtual void on_gone(Connection& connection, EndCause cause) = 0;

  /// The kernel has taken all output of the previous turn, or it was copied: memory lent to it may be reused.
  virtual void on_outputs_retired() {}
};

}  // namespace ringgate::conn
