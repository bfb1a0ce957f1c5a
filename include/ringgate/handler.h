// An embedder implements a handler and mounts it on a path. It answers the devices that connect to that path.
//
// The shard (thread) that owns a connection makes all calls for it, one at a time and in order: on_upgrade, on_open, any number of
// on_message and on_drained, on_close. All shards call the same handler, at the same time and for different connections: the handler protects
// state that connections share. Calls must not block: the whole shard would wait. An exception that leaves a handler closes that
// connection with 1011; one that leaves on_upgrade refuses it with 500.
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

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/message.h"
#include "ringgate/prepared_message.h"
#include "ringgate/tls_facts.h"
#include "ringgate/upgrade_request.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate {

namespace dispatch {
class ConnectionAccess;
}

/// What became of a message that a handler sent.
enum class SendOutcome : std::uint8_t {
  taken,    // queued
  waits,    // queued behind output that the device has not taken yet; on_drained follows once nothing waits
  closing,  // ignored: the connection is closing
};

enum class Compress : std::uint8_t {
  as_agreed,  // by the route's rules, if the device agreed on compression
  no,         // for secrets beside text that others choose, and for what is compressed already
};

struct SendOptions {
  Compress compress = Compress::as_agreed;
};

/// What was agreed on permessage-deflate (RFC 7692 section 7.1).
struct CompressionFacts {
  std::uint8_t server_window_bits = 15;
  std::uint8_t client_window_bits = 15;
  bool server_context_takeover = false;
  bool client_context_takeover = false;

  friend bool operator==(const CompressionFacts&, const CompressionFacts&) = default;
};

/// One device's connection, valid only during the call that it was passed to. Keep `ref()` for later, with
/// Server::with_connection. Owner shard. Views stay valid as long as this object.
class Connection {
 public:
  std::string_view device_id() const;
  std::string_view path() const;  // the route's
  std::string remote() const;     // "192.0.2.7:51234"; the client, if a trusted proxy named it, perhaps without a port; "unix"
  ConnectionRef ref() const;
  std::string path_id() const;           // the segment in the place of the route's {id}, decoded; empty if it has none
  std::string_view subprotocol() const;  // empty: none was agreed on
  std::optional<TlsFacts> tls() const;   // nullopt: plain TCP
  std::optional<CompressionFacts> compression() const;  // nullopt: none was agreed on
  std::optional<std::chrono::milliseconds> rtt()
      const;  // of the last answered ping, at least 1 ms; nullopt: none was answered yet

  /// Queues a message behind earlier ones; copies the payload. A text must be UTF-8 (not checked). Never refused because the
  /// device is slow: while it reads too slowly, the gate does not read its messages. A handler that sends more than it was asked
  /// for, such as a file, pauses itself when the outcome is `waits`, and goes on in on_drained.
  SendOutcome send(MessageView message, SendOptions options = {});
  SendOutcome send_text(std::string_view text) { return send({MessageType::text, bytes_of(text)}); }
  SendOutcome send_binary(ByteView bytes) { return send({MessageType::binary, bytes}); }
  /// Shares the encoded bytes, and the compressed ones among devices with equal windows.
  SendOutcome send(const PreparedMessage& message, SendOptions options = {});

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

  /// A word for the embedder; it lives as long as the connection. Null at on_open unless on_upgrade set it.
  void*& user_data();

 private:
  friend class dispatch::ConnectionAccess;
  explicit Connection(dispatch::ConnectionAccess& access) : access_(access) {}
  dispatch::ConnectionAccess& access_;
};

class Handler {
 public:
  virtual ~Handler() = default;

  /// A device asks to connect. It has passed all checks of the gate, and no other connection of its id was touched yet. The verdict
  /// may also come later (Server::decide): until then the gate keeps the request, reads nothing more, and waits for
  /// `limits.authentication_timeout` at most, then it answers 504. A device that finishes or resets meanwhile is gone.
  virtual UpgradeVerdict on_upgrade(const UpgradeRequest& request) {
    (void)request;
    return UpgradeAccept{};
  }

  /// The handshake has succeeded; the 101 is on its way.
  virtual void on_open(Connection& connection) { (void)connection; }

  /// A whole message arrived. `message` is borrowed for the call.
  virtual void on_message(Connection& connection, MessageView message) = 0;

  /// All output has left the gate, after a `send` whose outcome was `waits`.
  virtual void on_drained(Connection& connection) { (void)connection; }

  /// The connection has ended; sends are ignored. `code` and `reason` are those of the side that closed first. `code` is abnormal
  /// (1006) if TCP ended without a closing handshake. `reason` is borrowed for the call.
  virtual void on_close(Connection& connection, CloseCode code, std::string_view reason) {
    (void)connection, (void)code, (void)reason;
  }
};

}  // namespace ringgate
