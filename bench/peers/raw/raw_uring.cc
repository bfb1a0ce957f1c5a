// Ceiling: TCP echo on io_uring, without any protocol. What a server on completions can reach at the very best.
//
// One ring, one thread; multishot accept into direct descriptors, multishot recv into incremental buffers (ring.h), sends
// straight from them, silent: no completion means fully copied. One enter per turn submits, waits for about as many completions
// as the turns before had, and receives. When a turn has filled a buffer, its sends are executed by an enter of their own, so
// that the kernel has all buffers again before it receives. Not a gateway: no limits, no timeouts. Needs kernel 6.12.
// Invariant: at most one send per connection per enter, for two may be reordered; a connection with a rest is not received
// from.
#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "connection.h"
#include "ring.h"

namespace {

using peers::Connection;
using peers::Overflow;

enum class Kind : std::uint8_t { accept, receive, send, send_rest, ignored };

constexpr unsigned sockets_max = 32768;
constexpr unsigned batch_large = 4;  // completions in a turn from which waiting is batched
constexpr unsigned batch_max = 64;
constexpr unsigned batch_patience_us = 50;

std::uint64_t tag(Kind kind, unsigned socket) { return static_cast<std::uint64_t>(kind) << 32 | socket; }

class Echo {
 public:
  Echo(int listener, unsigned sockets) : listener_(listener), ring_(sockets), connections_(sockets) {}

  [[noreturn]] void run() {
    accept();
    for (unsigned batch = 0;;) {
      if (ring_.holds_full_buffers() || !starved_.empty() || !closing_.empty()) ring_.submit();
      else
        ring_.submit_and_wait(batch < batch_large ? 1 : std::min(batch, batch_max), batch < batch_large ? 0 : batch_patience_us);
      const unsigned count = ring_.peek_each([this](const io_uring_cqe& cqe) {
        if (kind(cqe) == Kind::send) keep_rest(socket(cqe), cqe.res);
      });
      if (ring_.all_taken()) ring_.return_full_buffers();
      for (const unsigned socket : std::exchange(starved_, {})) receive(socket);
      for (const unsigned socket : std::exchange(closing_, {})) close(socket);
      unsigned left = count;  // those that came meanwhile are of the next turn
      ring_.peek_each([&](const io_uring_cqe& cqe) {
        if (left > 0) --left, use(cqe);
      });
      ring_.drop(count);
      for (const unsigned socket : dirty_) send(socket);
      dirty_.clear();
      if (count > 0) batch = std::max(count, batch - (batch + 7) / 8);
    }
  }

 private:
  static Kind kind(const io_uring_cqe& cqe) { return static_cast<Kind>(cqe.user_data >> 32); }
  static unsigned socket(const io_uring_cqe& cqe) { return static_cast<unsigned>(cqe.user_data); }

  void use(const io_uring_cqe& cqe) {
    const unsigned socket = Echo::socket(cqe);
    switch (kind(cqe)) {
      case Kind::receive: use_received(socket, cqe); break;
      case Kind::accept:
        if (cqe.res >= 0) {
          connections_[static_cast<std::size_t>(cqe.res)] = Connection{};
          receive(static_cast<unsigned>(cqe.res));
        }
        if ((cqe.flags & IORING_CQE_F_MORE) == 0) accept();
        break;
      case Kind::send_rest: continue_rest(socket, cqe.res); break;
      case Kind::send:
      case Kind::ignored: break;
    }
  }

  void use_received(unsigned socket, const io_uring_cqe& cqe) {
    Connection& connection = connections_[socket];
    if (cqe.res > 0 && connection.add({ring_.received(cqe), static_cast<std::size_t>(cqe.res)})) dirty_.push_back(socket);
    if ((cqe.flags & IORING_CQE_F_MORE) != 0) [[likely]] {
      if (connection.blocked) [[unlikely]]
        cancel_receive(socket);  // the first attempt came at a bad moment
      return;
    }
    connection.receiving = false;
    if (cqe.res == 0 || (cqe.res < 0 && cqe.res != -ENOBUFS && cqe.res != -ECANCELED)) connection.ended = true;
    if (connection.blocked) return;  // continue_rest goes on
    if (connection.ended) closing_.push_back(socket);
    else starved_.push_back(socket);
  }

  io_uring_sqe* next(Kind kind, unsigned socket) {
    io_uring_sqe* sqe = ring_.next(tag(kind, socket));
    sqe->fd = static_cast<int>(socket);
    sqe->flags = IOSQE_FIXED_FILE;
    return sqe;
  }

  void accept() {
    io_uring_sqe* sqe = ring_.next(0);
    io_uring_prep_multishot_accept_direct(sqe, listener_, nullptr, nullptr, 0);
    sqe->user_data = tag(Kind::accept, 0);
  }

  void receive(unsigned socket) {
    io_uring_sqe* sqe = next(Kind::receive, socket);
    sqe->opcode = IORING_OP_RECV;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
    connections_[socket].receiving = true;
  }

  void send(unsigned socket) {
    Connection& connection = connections_[socket];
    connection.dirty = false;
    io_uring_sqe* sqe = next(Kind::send, socket);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    // WAITALL makes a short send an event, DONTWAIT keeps it from being parked: together, silence means fully copied.
    sqe->msg_flags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT;
    if (connection.has_pieces()) {
      connection.overflow->header.msg_iov = connection.overflow->pieces.data();
      connection.overflow->header.msg_iovlen = connection.overflow->pieces.size();
      sqe->opcode = IORING_OP_SENDMSG;
      sqe->addr = reinterpret_cast<std::uint64_t>(&connection.overflow->header);
      sqe->len = 1;
    } else {
      sqe->opcode = IORING_OP_SEND;
      sqe->addr = reinterpret_cast<std::uint64_t>(connection.piece.iov_base);
      sqe->len = static_cast<std::uint32_t>(connection.piece.iov_len);
    }
  }

  /// The silent send of the last turn was not silent: copies what it left before its buffers go back, and stops receiving.
  void keep_rest(unsigned socket, int result) {
    Connection& connection = connections_[socket];
    connection.keep_rest(result > 0 ? static_cast<std::size_t>(result) : 0);
    connection.blocked = true;
    if (connection.receiving) cancel_receive(socket);
    // Also for an error: sending once more brings it back to the one place that handles it.
    send_rest(socket);
  }

  void cancel_receive(unsigned socket) {
    io_uring_sqe* sqe = ring_.next(tag(Kind::ignored, socket));
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = tag(Kind::receive, socket);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
  }

  void send_rest(unsigned socket) {
    io_uring_sqe* sqe = next(Kind::send_rest, socket);
    const std::string& sending = connections_[socket].overflow->sending;
    sqe->opcode = IORING_OP_SEND;
    sqe->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
    sqe->addr = reinterpret_cast<std::uint64_t>(sending.data());
    sqe->len = static_cast<std::uint32_t>(sending.size());
  }

  void continue_rest(unsigned socket, int result) {
    Connection& connection = connections_[socket];
    Overflow& overflow = *connection.overflow;
    if (result < 0) {
      connection.ended = true;
      overflow.rest.clear();
      if (connection.receiving) cancel_receive(socket);
    } else if (static_cast<std::size_t>(result) < overflow.sending.size()) {
      overflow.sending.erase(0, static_cast<std::size_t>(result));
      return send_rest(socket);
    }
    overflow.sending = std::exchange(overflow.rest, {});
    if (!overflow.sending.empty()) return send_rest(socket);
    connection.blocked = false;
    if (connection.receiving) return;  // its end, cancelled, is still to come
    if (connection.ended) closing_.push_back(socket);
    else starved_.push_back(socket);
  }

  /// One enter after the end was seen: unless its last send turned out short, nothing of the connection is in flight.
  void close(unsigned socket) {
    if (connections_[socket].blocked) return;
    io_uring_sqe* sqe = ring_.next(tag(Kind::ignored, socket));
    sqe->opcode = IORING_OP_CLOSE;
    sqe->file_index = socket + 1;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
  }

  int listener_;
  peers::Ring ring_;
  std::vector<Connection> connections_;  // by direct descriptor
  std::vector<unsigned> dirty_;          // has pieces of this turn
  std::vector<unsigned> starved_;        // to be received from again, once buffers are back
  std::vector<unsigned> closing_;
};

}  // namespace

int main(int argc, char** argv) {
  const unsigned sockets = peers::raise_descriptor_limit(sockets_max);
  peers::end_on_sigterm();
  static Echo echo(peers::open_listener(argc, argv, 0), sockets);
  echo.run();
}
