#include "load/stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace ringgate::load {
namespace {

// The length of a send has 32 bits in the SQE, its result 31.
constexpr std::size_t send_bytes_max = std::size_t{1} << 30;
constexpr std::size_t kept_output_bytes = 256;  // the most that an idle connection keeps

void set_option(int descriptor, int level, int option, int value) { setsockopt(descriptor, level, option, &value, sizeof value); }

// Binds only the address. connect() then picks the port, and knows both ends: so each source address can use the same local port.
bool bind_source(int descriptor, std::uint32_t source) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(source);
  set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Stream::~Stream() { RINGGATE_ASSERT(state_ == State::idle); }

void Stream::connect(const Endpoint& to, const StreamOptions& options) {
  RINGGATE_ASSERT(state_ == State::idle);
  state_ = State::connecting;
  to_ = &to;
  is_reading_ = true;
  end_ = {};
  if (options.tls != nullptr) secure_.reset(new Secure{TlsClient(*options.tls), options.resumes_tls, {}});
  slot_ = loop_.take_slot(*this);
  if (slot_ == Loop::no_slot || !open_socket(options)) {
    const int error = slot_ == Loop::no_slot ? EMFILE : errno;
    end_ = {StreamEnd::Kind::failed, error};
    state_ = State::closing;
    loop_.after(0, [this] { end_life(); });
    return;
  }
  auto& submission = prepare();
  io_uring_prep_connect(&submission, static_cast<int>(slot_), reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address);
  tag(submission, OperationKind::connect, IOSQE_FIXED_FILE);
}

// Uses a process descriptor for a moment, because options and binding need system calls; then it moves into the ring's table.
bool Stream::open_socket(const StreamOptions& options) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.receive_buffer_bytes > 0) set_option(descriptor, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
  const std::uint32_t source = (ntohl(to_->address.sin_addr.s_addr) >> 24) == 127 ? loop_.next_source() : 0;
  if (source != 0 && !bind_source(descriptor, source)) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    return false;
  }
  return loop_.ring_->install(slot_, descriptor);
}

void Stream::output_grew() {
  if (state_ != State::open || is_dirty_ || is_send_in_flight_) return;
  is_dirty_ = true;
  loop_.mark_dirty(*this);
}

void Stream::flush() {
  is_dirty_ = false;
  if (state_ != State::open || is_send_in_flight_) return;
  if (sent_ == sending_.size()) {
    sending_.clear();
    if (sending_.capacity() > kept_output_bytes) std::string().swap(sending_);
    if (secure_ != nullptr) seal_output();
    else sending_.swap(output_);
    sent_ = 0;
  }
  if (sending_.empty()) return;
  const std::size_t size = std::min(sending_.size() - sent_, send_bytes_max);
  auto& submission = prepare();
  io_uring_prep_send(&submission, static_cast<int>(slot_), sending_.data() + sent_, size, MSG_WAITALL | MSG_NOSIGNAL);
  tag(submission, OperationKind::send, IOSQE_FIXED_FILE);
  is_send_in_flight_ = true;
}

void Stream::stop_reading() {
  is_reading_ = false;
  if (state_ != State::open || !is_receive_armed_) return;
  auto& submission = prepare();
  io_uring_prep_cancel64(&submission, pack({OperationKind::receive, slot_, loop_.slots_[slot_].generation}), 0);
  tag(submission, OperationKind::cancel);
}

void Stream::resume_reading() {
  is_reading_ = true;
  if (state_ == State::open && !is_receive_armed_) arm_receive();
}

void Stream::arm_receive() {
  auto& submission = prepare();
  io_uring_prep_recv_multishot(&submission, static_cast<int>(slot_), nullptr, 0, 0);
  tag(submission, OperationKind::receive, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
  submission.buf_group = ClientRing::buffer_group;
  is_receive_armed_ = true;
}

io_uring_sqe& Stream::prepare() {
  ++in_flight_;
  return loop_.ring_->next_submission();
}

void Stream::tag(io_uring_sqe& submission, OperationKind kind, std::uint8_t flags) {
  submission.flags = flags;
  submission.user_data = pack({kind, slot_, loop_.slots_[slot_].generation});
}

void Stream::complete(OperationKind kind, const io_uring_cqe& completion) {
  if ((completion.flags & IORING_CQE_F_MORE) == 0) --in_flight_;
  switch (kind) {
    case OperationKind::connect: complete_connect(completion.res); break;
    case OperationKind::receive: complete_receive(completion); break;
    case OperationKind::send: complete_send(completion.res); break;
    case OperationKind::cancel: break;
    case OperationKind::close: end_life(); return;
  }
  if (state_ == State::closing) close_if_quiet();
}

void Stream::complete_connect(int result) {
  if (state_ != State::connecting) return;
  if (result < 0) return close({StreamEnd::Kind::failed, -result});
  state_ = State::open;
  arm_receive();
  if (secure_ != nullptr) return begin_tls();
  on_connected();
  if (!output_.empty()) output_grew();
}

void Stream::complete_receive(const io_uring_cqe& completion) {
  if ((completion.flags & IORING_CQE_F_MORE) == 0) is_receive_armed_ = false;
  if (state_ != State::open) return;
  const int result = completion.res;
  if (result > 0 && secure_ != nullptr) take_records(loop_.ring_->received(completion));
  else if (result > 0) on_bytes(loop_.ring_->received(completion));
  if (state_ != State::open) return;
  if (result == 0) return close({StreamEnd::Kind::peer_finished, 0});
  if (result < 0 && result != -ENOBUFS && result != -ECANCELED) return close({StreamEnd::Kind::failed, -result});
  // The receive ended without a fault: no buffer was free (they are back by the next enter), the completion queue was full, or
  // this stream cancelled it.
  if (!is_receive_armed_ && is_reading_) arm_receive();
}

void Stream::complete_send(int result) {
  is_send_in_flight_ = false;
  if (state_ != State::open) return;
  if (result < 0) {
    // The peer takes no more bytes. Its own may still wait in the socket, so the receive reports its end.
    sent_ = sending_.size();
    output_.clear();
    if (!is_reading_) close({StreamEnd::Kind::failed, -result});
    return;
  }
  sent_ += static_cast<std::size_t>(result);
  if (sent_ < sending_.size() || !output_.empty() || (secure_ != nullptr && !secure_->sealed.empty())) return output_grew();
  sending_.clear();
  sent_ = 0;
  if (sending_.capacity() > kept_output_bytes) std::string().swap(sending_);
  on_sent();
}

void Stream::close(StreamEnd end) {
  if (state_ != State::connecting && state_ != State::open) return;
  const bool is_quiet = in_flight_ == 0;
  state_ = State::closing;
  end_ = end;
  if (is_quiet) return close_if_quiet();
  auto& submission = prepare();
  io_uring_prep_cancel_fd(&submission, static_cast<int>(slot_), IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD_FIXED);
  tag(submission, OperationKind::cancel);
}

void Stream::close_if_quiet() {
  if (in_flight_ != 0) return;
  auto& submission = prepare();
  io_uring_prep_close_direct(&submission, slot_);
  tag(submission, OperationKind::close);
}

void Stream::end_life() {
  if (is_dirty_) loop_.forget_dirty(*this);
  is_dirty_ = false;
  if (slot_ != Loop::no_slot) loop_.free_slot(slot_);
  slot_ = Loop::no_slot;
  std::string().swap(output_);
  std::string().swap(sending_);
  sent_ = 0;
  secure_.reset();
  state_ = State::idle;
  on_ended(end_);
}

}  // namespace ringgate::load
