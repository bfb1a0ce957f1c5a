// Connects the public Connection facade with its device session. Lives on the stack of one handler call; owner shard.
#pragma once

#include <exception>

#include "base/log.h"
#include "dispatch/device_session.h"
#include "ringgate/handler.h"

namespace ringgate::dispatch {

class ConnectionAccess {
 public:
  /// `event`: the message that is handled; null outside on_message.
  ConnectionAccess(DeviceSession& session, conn::Connection& connection, ws::Event* event)
      : session_(session), connection_(connection), event_(event), facade_(*this) {}
  ConnectionAccess(const ConnectionAccess&) = delete;
  ConnectionAccess& operator=(const ConnectionAccess&) = delete;

  Connection& facade() { return facade_; }
  /// True if the transport was given the message's own bytes to send.
  bool lent_payload() const { return lent_payload_; }

  // The functions of the facade; see handler.h.
  DeviceRecord& record() { return DeviceSession::record_of(connection_); }
  std::string_view path() { return session_.settings_.mounts[record().route_index].path; }
  std::string remote() const { return connection_.peer.text(); }
  ConnectionRef ref() const { return to_public(session_.ref_of(connection_)); }
  std::string path_id();
  std::string_view subprotocol();
  std::optional<TlsFacts> tls() const;
  std::optional<CompressionFacts> compression();
  std::optional<std::chrono::milliseconds> rtt();
  SendOutcome send(MessageView message, SendOptions options);
  SendOutcome send(const PreparedMessage& message, SendOptions options);
  void echo();
  void pause() { session_.pause_by_handler(connection_); }
  void resume() { session_.resume_by_handler(connection_); }
  void close(CloseCode code, std::string_view reason) { session_.close(connection_, code, reason, EndedBy::backend); }
  std::uint64_t queued_bytes() const { return session_.transport_.queued_bytes(connection_); }

 private:
  void write_plain(MessageType type, ByteView payload);
  bool may_send() { return record().phase == Phase::open && connection_.is_live(); }

  DeviceSession& session_;
  conn::Connection& connection_;
  ws::Event* event_;
  bool echoed_ = false;
  bool lent_payload_ = false;
  Connection facade_;
};

/// Calls the connection's handler. If it throws, only this connection is closed, with 1011.
template <typename Call>
void DeviceSession::call_handler(conn::Connection& connection, ConnectionAccess& access, Call&& call) {
  const DeviceRecord& record = record_of(connection);
  const auto failed = [&](std::string_view what) {
    log::error("handler threw", {{"device_id", record.id.view()}, {"what", what}});
    close(connection, CloseCode::internal_error, "handler failed");
  };
  try {
    call(*settings_.mounts[record.route_index].handler, access.facade());
  } catch (const std::exception& exception) {
    failed(exception.what());
  } catch (...) {
    failed("not a std::exception");
  }
}

}  // namespace ringgate::dispatch
