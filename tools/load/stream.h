// One TCP connection of a loop, or TLS over it: bytes in, bytes out. The derived class interprets them.
//
// Life: idle -> connecting -> open -> closing -> idle. `on_ended` is the last call of a life; only after it may the stream
// connect again or be destroyed. One receive and at most one send are in flight, so bytes leave in order. Thread: the loop's.
// Invariant: while an operation is in flight, the stream keeps its slot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "load/endpoint.h"
#include "load/loop.h"
#include "load/operation.h"
#include "load/tls_client.h"
#include "ringgate/bytes.h"

namespace ringgate::load {

/// How a life ended: by drop(), by the peer's FIN, or with a positive errno value.
struct StreamEnd {
  enum class Kind : std::uint8_t { dropped, peer_finished, failed } kind = Kind::dropped;
  int error = 0;
};

struct StreamOptions {
  int receive_buffer_bytes = 0;  // SO_RCVBUF; 0: the kernel's default
  TlsContext* tls = nullptr;     // null: plain TCP
  bool resumes_tls = false;      // the session of the stream's life before, if the server gave a ticket
};

class Stream {
 public:
  explicit Stream(Loop& loop) : loop_(loop) {}
  virtual ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool is_idle() const { return state_ == State::idle; }
  /// Whether the server resumed a session; until the end of this life.
  bool is_tls_resumed() const { return secure_ != nullptr && secure_->client.is_resumed(); }

 protected:
  /// Connects an idle stream. `to` must live until on_connected or on_ended. A failure is reported by on_ended, never inside this
  /// call.
  void connect(const Endpoint& to, const StreamOptions& options = {});

  /// The output: append bytes, then call `output_grew`. The bytes leave at the end of the turn, in one send.
  std::string& output() { return output_; }
  void output_grew();
  std::size_t unsent_bytes() const { return output_.size() + sending_.size() - sent_; }

  /// Stops arming receives: later bytes stay in the socket, and the window closes. Bytes that were already received are still
  /// reported.
  void stop_reading();
  void resume_reading();

  /// Ends this life; unsent output is lost. on_ended follows, not inside this call.
  void drop() { close({}); }

  bool is_open() const { return state_ == State::open; }
  Loop& loop() const { return loop_; }

  virtual void on_connected() = 0;            // with TLS, after its handshake
  virtual void on_bytes(ByteView bytes) = 0;  // borrowed for the call; not called after drop()
  virtual void on_sent() {}                   // the kernel has taken all output
  virtual void on_ended(StreamEnd end) = 0;

 private:
  friend class Loop;
  enum class State : std::uint8_t { idle, connecting, open, closing };

  struct Secure {
    TlsClient client;
    bool resumes = false;
    std::string sealed;  // records that wait for the next send
  };

  void begin_tls();
  void take_records(ByteView records);
  void seal_output();
  bool open_socket(const StreamOptions& options);
  void complete(OperationKind kind, const io_uring_cqe& completion);
  void complete_connect(int result);
  void complete_receive(const io_uring_cqe& completion);
  void complete_send(int result);
  void flush();
  void arm_receive();
  void close(StreamEnd end);
  void close_if_quiet();
  void end_life();
  io_uring_sqe& prepare();  // counts the operation as in flight; the caller fills it and then calls `tag`
  void tag(io_uring_sqe& submission, OperationKind kind, std::uint8_t flags = 0);

  Loop& loop_;
  const Endpoint* to_ = nullptr;
  std::uint32_t slot_ = Loop::no_slot;
  std::uint8_t in_flight_ = 0;
  State state_ = State::idle;
  bool is_receive_armed_ = false;
  bool is_send_in_flight_ = false;
  bool is_dirty_ = false;
  bool is_reading_ = true;
  StreamEnd end_;
  std::string output_;   // waits for the next send
  std::string sending_;  // the send in flight points here
  std::size_t sent_ = 0;
  std::unique_ptr<Secure> secure_;
  TlsSession session_;  // outlives the lives of the stream
};

}  // namespace ringgate::load
