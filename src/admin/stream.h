// An admin connection that has become a stream: an answer without an end, a body that is read as it arrives, or a WebSocket.
//
// An endpoint answers with Answer::stream. The session owns the stream and calls it on the owner shard, as long as the connection
// lives; then it destroys it. Invariant: on_open is the first call, and nothing is written before it.
#pragma once

#include <cstddef>

#include "admin/answer_ticket.h"
#include "base/time.h"
#include "ringgate/bytes.h"

namespace ringgate::admin {

/// What the session does for its streams. Implemented by the session; outlives every stream.
class StreamHost {
 public:
  virtual ~StreamHost() = default;
  virtual void write(const AnswerTicket& ticket, ByteView bytes) = 0;
  virtual void finish(const AnswerTicket& ticket) = 0;
  virtual void hold_input(const AnswerTicket& ticket, bool held) = 0;
  virtual void wake_at(const AnswerTicket& ticket, TimeNs time) = 0;
  virtual std::size_t room(const AnswerTicket& ticket) const = 0;
  virtual TimeNs now() const = 0;
};

/// The way from a stream to its connection. A value; owner shard. Once the connection has gone, and before there is one (a default value),
/// writing does nothing.
class StreamPort {
 public:
  StreamPort() = default;
  StreamPort(StreamHost& host, const AnswerTicket& ticket) : host_(&host), ticket_(ticket) {}

  /// Sends `bytes` as one piece of the answer's body (RFC 9112 section 7.1), or as they are behind a 101. Copies.
  void write(ByteView bytes) const {
    if (host_ != nullptr) host_->write(ticket_, bytes);
  }
  /// How many bytes may be written now. More are taken too, but a stream that waits for room keeps memory bounded.
  std::size_t room() const { return host_ != nullptr ? host_->room(ticket_) : 0; }
  /// Ends the answer in order; behind a 101, sends what was written, then FIN. The stream is destroyed later in this turn, and
  /// gets no other call.
  void finish() const { host_->finish(ticket_); }
  /// No on_input until `read_on`: the caller is slowed down.
  void pause_input() const { host_->hold_input(ticket_, true); }
  void read_on() const { host_->hold_input(ticket_, false); }
  /// Makes the shard take a turn at `time` at the latest; one time per stream, a later call replaces it.
  void wake_at(TimeNs time) const { host_->wake_at(ticket_, time); }
  /// When this turn began.
  TimeNs now() const { return host_->now(); }

 private:
  StreamHost* host_ = nullptr;
  AnswerTicket ticket_;
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// The head of the answer is written.
  virtual void on_open(const StreamPort& port) = 0;
  /// Content of the request's body, as it arrives; behind a 101, whatever the peer sends. Borrowed for the call.
  virtual void on_input(ByteView bytes) { (void)bytes; }
  /// The request's body is whole. Never behind a 101.
  virtual void on_input_end() {}
  /// Once in every turn of the shard. True: it has more to write, and had no room for it.
  virtual bool on_turn() { return false; }
  /// The caller has taken no byte for the time of a send: the connection is reset after this call.
  virtual void on_stalled() {}
  /// The gate ends: write what is left to say and finish within this turn, or soon.
  virtual void on_drain() = 0;
  /// Whether it goes on once the caller has finished sending (FIN). If not, what was written is sent, and the connection ends.
  virtual bool outlives_input() const { return false; }
};

}  // namespace ringgate::admin
