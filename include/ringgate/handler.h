// What an embedder implements: a handler, mounted on a path, that answers the devices connected there.
//
// Every call for one connection comes from the shard (thread) that owns it, one at a time and in order: on_open, any number of
// on_message, on_close. A handler mounted on several shards is called by all of them at once, for different connections: state
// that connections share is the handler's to protect. Calls must not block: the whole shard waits. An exception that leaves a
// handler closes that connection with 1011.
//
// When a newer connection takes a device's id over, both have their calls, each in its own order, and `device_id()` is the same for
// both. Between the two:
//   - on one shard: once the newer one's on_open runs, the older one gets no on_message any more, and its on_close comes later,
//     with 4409 (`CloseCode::replaced`);
//   - on two shards, which are two threads: the older one's on_message and on_close may run before, after or at the same time as
//     the newer one's on_open and on_message. Its on_close says 4409, or how it ended if that came first.
// What tells them apart is `ref()`, which no two connections share, and `user_data()`, which each has of its own. State kept by device
// id belongs to whoever opened last: remember the `ref()` beside it, and let an on_close with another one change nothing.
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

/// One device's connection, for the length of the call it was passed to. Keep `ref()` to speak to it later.
class Connection {
 public:
  std::string_view device_id() const;
  std::string_view path() const;  // of the route
  std::string remote() const;     // "192.0.2.7:51234"
  ConnectionRef ref() const;

  /// Queues a message behind what was sent before; copies the payload. Text must be UTF-8 (it is not checked again). Ignored once
  /// the connection is closing. Replies are not refused: while the peer reads too slowly, its own messages are not read either.
  void send(MessageView message);
  void send_text(std::string_view text) { send({MessageType::text, bytes_of(text)}); }
  void send_binary(ByteView bytes) { send({MessageType::binary, bytes}); }

  /// Answers with the message being handled, type and bytes unchanged, without copying it. Only inside on_message, at most once;
  /// the view's payload must not be read afterwards.
  void echo();

  /// No on_message until `resume`: the device's further messages wait with the device.
  void pause();
  void resume();

  /// Starts the closing handshake (RFC 6455 section 7.1.2). `reason`: UTF-8, cut to 123 bytes. A code that may not stand in a
  /// Close frame is sent as 1011. Later sends are ignored; on_close follows when the connection has ended.
  void close(CloseCode code, std::string_view reason);

  /// Bytes that wait for the device.
  std::uint64_t queued_bytes() const;

  /// A word of the embedder's own, null at on_open; it lives as long as the connection.
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

  /// A whole message. `message` is borrowed for the call.
  virtual void on_message(Connection& connection, MessageView message) = 0;

  /// The connection has ended; sends are ignored. `code` is the peer's if it closed first, else ours; abnormal (1006) if TCP
  /// ended without a closing handshake.
  virtual void on_close(Connection& connection, CloseCode code, std::string_view reason) {
    (void)connection, (void)code, (void)reason;
  }
};

}  // namespace ringgate
