// What speaks a protocol over connections: the device session (upgrade, then WebSocket) and the admin session (HTTP).
//
// One object per shard and kind, called by the transport on the owner shard. A session never throws into the transport.
#pragma once

#include "base/time.h"
#include "conn/connection.h"
#include "ringgate/bytes.h"

namespace ringgate::conn {

class Session {
 public:
  virtual ~Session() = default;

  virtual void on_open(Connection& connection) = 0;

  /// Bytes arrived. They may be written to, have slack behind them, and stay until the end of the turn.
  virtual void on_received(Connection& connection, MutableBytes bytes) = 0;

  /// Something comes from a connection that was cold (Transport::cool); it is not any more.
  virtual void on_warm(Connection&) {}

  /// The peer sends no more (FIN). The session decides how the connection ends.
  virtual void on_end_of_stream(Connection& connection) = 0;

  /// The peer of a paused connection has finished. True: what it sent before is to be received although paused, then its end.
  virtual bool on_peer_finished_while_paused(Connection&) { return false; }

  /// The peer took less than was sent: from now on output waits (Connection::output_waits).
  virtual void on_output_waits(Connection& connection) = 0;

  /// Waiting output shrank; nothing waits any more unless `connection.output_waits()`.
  virtual void on_output_progress(Connection& connection) = 0;

  /// So much waits for all peers together that this one has to go: it is terminated after this call.
  virtual void on_output_given_up(Connection&) {}

  /// The deadline set by Transport::schedule has passed.
  virtual void on_deadline(Connection& connection) = 0;

  /// The last call: the slot is about to be released.
  virtual void on_gone(Connection& connection, EndCause cause) = 0;

  /// All output of the previous turn is with the kernel or copied away: memory lent to it may be reused.
  virtual void on_outputs_retired() {}
};

}  // namespace ringgate::conn
