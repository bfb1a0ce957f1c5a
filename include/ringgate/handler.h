// An embedder implements a handler and mounts it on a path. It answers the devices that connect to that path.
//
// The shard (thread) that owns a connection makes all calls for it, one at a time and in order: on_open, any number of
// on_message, on_close. All shards call the same handler, at the same time and for different connections: the handler protects
// state that connections share. Calls must not block: the whole shard would wait. An exception that leaves a handler closes that
// connection with 1011.
//
// When a newer connection takes over a device's id, the handler gets the calls of both connections, each in its own order, with
// the same `device_id()`. The order between the two:
//   - on one shard: after the on_open of the newer one, the older one gets no on_message; its on_close follows with 4409
//     (`CloseCode::replaced`);
//   - on two shards, which are two threads: on_message and on_close of the older one may run before, after or at the same time as
//     on_open and on_message of the newer one. The older one's on_close reports 4409, or another code if it ended before the
//     takeover.
// `ref()` and `user_data()` differ between the two. State kept by device id belongs to the connection that opened last: keep its
// `ref()` beside the state, and let an on_close with another `ref()` change nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/message.h"

namespace ringgate {

namespace dispatch {
class ConnectionAccess;
}

/// One device's connection, valid only during the call that it was passed to. Keep `ref()` for later, with
/// Server::with_connection. Owner shard. Views stay valid as long as this object.
class Connection {
 public:
  std::string_view device_id() const;
  std::string_view path() const;  // the route's
  std::string remote() const;     // "192.0.2.7:51234"; the client, if a trusted proxy named it, perhaps without a port; "unix"
  ConnectionRef ref() const;

  /// Queues a message behind earlier ones; copies the payload. A text must be UTF-8 (not checked). Ignored once the connection is
  /// closing. Never refused: while the peer reads too slowly, the gate does not read its messages.
  void send(MessageView message);
  void send_text(std::string_view text) { send({MessageType::text, bytes_of(text)}); }
  void send_binary(ByteView bytes) { send({MessageType::binary, bytes}); }

  /// Sends the message of this on_message back, type and bytes unchanged, usually without a copy. Only inside on_message, at most
  /// once (asserted); do not read the message's payload afterwards. Ignored once the connection is closing.
  void echo();

  /// No on_message until `resume`. Messages that are already received wait in the gate, the others with the device.
  void pause();
  void resume();

  /// Starts the closing handshake (RFC 6455 section 7.1.2). `reason` is UTF-8 and is cut to 123 bytes. The gate sends 1011
  /// instead of a code that a Close frame may not carry. Later sends are ignored; on_close follows when the connection has ended.
  void close(CloseCode code, std::string_view reason);

  /// Bytes of output that wait for the device.
  std::uint64_t queued_bytes() const;

  /// A word for the embedder, null at on_open; it lives as long as the connection.
  void*& user_data();

 private:
  friend class dispatch::ConnectionAccess;
  explicit Connection(dispatch::ConnectionAccess& access) : access_(access) {}
  dispatch::ConnectionAccess& access_;
};

class Handler {
 public:
  virtual ~Handler() = default;

  /// The handshake has succeeded; the 101 is on its way.
  virtual void on_open(Connection& connection) { (void)connection; }

  /// A whole message arrived. `message` is borrowed for the call.
  virtual void on_message(Connection& connection, MessageView message) = 0;

  /// The connection has ended; sends are ignored. `code` and `reason` are those of the side that closed first. `code` is abnormal
  /// (1006) if TCP ended without a closing handshake. `reason` is borrowed for the call.
  virtual void on_close(Connection& connection, CloseCode code, std::string_view reason) {
    (void)connection, (void)code, (void)reason;
  }
};

}  // namespace ringgate
