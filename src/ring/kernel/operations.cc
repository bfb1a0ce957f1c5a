// One function per operation: each queues one submission.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "ring/kernel/abi.h"
#include "ring/kernel/backend.h"
#include "ring/kernel/errors.h"

namespace ringgate::ring {

void read_peer_address(const sockaddr_in6& raw, PeerAddress& out) {
  if (raw.sin6_family == AF_INET6) {
    std::memcpy(out.address.data(), &raw.sin6_addr, 16);
    out.port = ntohs(raw.sin6_port);
  } else if (raw.sin6_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &raw, sizeof ipv4);
    out.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    std::memcpy(out.address.data() + 12, &ipv4.sin_addr, 4);
    out.port = ntohs(ipv4.sin_port);
  } else if (raw.sin6_family == AF_UNIX) {
    out = PeerAddress::unix_socket();
  }
}

io_uring_sqe* Ring::Backend::next_submission(Token token) {
  io_uring_sqe* sqe = backlog.empty() ? io_uring_get_sqe(&uring) : nullptr;
  if (sqe == nullptr) {
    (void)enter({});
    sqe = backlog.empty() ? io_uring_get_sqe(&uring) : nullptr;
  }
  if (sqe == nullptr) sqe = &backlog.emplace_back();
  std::memset(sqe, 0, sizeof *sqe);
  sqe->user_data = token.pack();
  ++counters.submissions;
  return sqe;
}

void Ring::Backend::address_socket(io_uring_sqe* sqe, Socket socket) const {
  sqe->fd = static_cast<int>(socket);
  if (features.direct_descriptors) sqe->flags |= IOSQE_FIXED_FILE;
}

void Ring::Backend::arm_event_read() {
  io_uring_sqe* sqe = next_submission({OperationKind::wake, 0, 0});
  const std::uint64_t user_data = sqe->user_data;
  io_uring_prep_read(sqe, event_descriptor, &event_value, sizeof event_value, 0);
  sqe->user_data = user_data;
}

bool Ring::tells_unacknowledged(Socket socket) const {
  const std::vector<Family>& families = backend_->socket_families;
  return backend_->features.unacked_command && (socket >= families.size() || families[socket] != Family::unix_socket);
}

void Ring::unacknowledged(Socket socket, Token token) {
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_URING_CMD;
  sqe->off = abi::socket_command_siocoutq;
  backend_->address_socket(sqe, socket);
}

void Ring::receive(Socket socket, Token token) {
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_RECV;
  sqe->flags = IOSQE_BUFFER_SELECT;
  sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
  if (backend_->features.multishot_receive) sqe->ioprio |= IORING_RECV_MULTISHOT;
  backend_->address_socket(sqe, socket);
}

void Ring::receive_now(Socket socket, Token token) {
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_RECV;
  sqe->flags = IOSQE_BUFFER_SELECT;
  sqe->buf_group = abi::bulk_buffer_group;
  sqe->msg_flags = MSG_DONTWAIT;
  backend_->address_socket(sqe, socket);
}

void Ring::wait_readable(Socket socket, Token token) {
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_POLL_ADD;
  sqe->poll32_events = POLLIN | POLLRDHUP;  // low half first, as io_uring_prep_poll_add stores it on a little-endian machine
  backend_->address_socket(sqe, socket);
}

void Ring::wait_hang_up(Socket socket, Token token) {
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_POLL_ADD;
  sqe->poll32_events = POLLRDHUP;  // the kernel always adds POLLERR and POLLHUP
  backend_->address_socket(sqe, socket);
}

void Ring::send(Socket socket, std::span<const Piece> pieces, Sending sending, Token token) {
  RINGGATE_ASSERT(!pieces.empty() && pieces.size() <= pieces_max);
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->msg_flags = MSG_NOSIGNAL;
  if (sending == Sending::before_end) {
    sqe->msg_flags |= MSG_MORE;
  } else if (sending == Sending::silent && backend_->features.silent_sends) {
    // With MSG_WAITALL a short send completes; with MSG_DONTWAIT it does not wait. So no completion means that all bytes are
    // copied.
    sqe->msg_flags |= MSG_WAITALL | MSG_DONTWAIT;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
  }
  if (pieces.size() == 1) {
    sqe->opcode = IORING_OP_SEND;
    sqe->addr = reinterpret_cast<std::uint64_t>(pieces[0].data);
    sqe->len = static_cast<std::uint32_t>(pieces[0].size);
  } else {
    if (backend_->pieced_messages_used == backend_->pieced_messages.size()) backend_->pieced_messages.emplace_back();
    PiecedMessage& message = backend_->pieced_messages[backend_->pieced_messages_used++];
    message.header = {};
    message.header.msg_iov = message.pieces;
    message.header.msg_iovlen = pieces.size();
    for (std::size_t i = 0; i < pieces.size(); ++i)
      message.pieces[i] = {const_cast<std::uint8_t*>(pieces[i].data), pieces[i].size};
    sqe->opcode = IORING_OP_SENDMSG;
    sqe->addr = reinterpret_cast<std::uint64_t>(&message.header);
    sqe->len = 1;
  }
  backend_->address_socket(sqe, socket);
}

bool Ring::send_zero_copy(Socket socket, ByteView memory, std::size_t offset, Keeper keeper, Token token) {
  Backend& b = *backend_;
  if (!b.features.zero_copy_sends) return false;
  const auto number = b.zero_copy.begin(memory, std::move(keeper), token);
  if (!number) return false;
  io_uring_sqe* sqe = b.next_submission({OperationKind::zero_copy, *number, 0});
  sqe->opcode = IORING_OP_SEND_ZC;
  sqe->addr = reinterpret_cast<std::uint64_t>(memory.data() + offset);
  sqe->len = static_cast<std::uint32_t>(memory.size() - offset);
  sqe->msg_flags = MSG_NOSIGNAL;
  sqe->ioprio = IORING_RECVSEND_FIXED_BUF | abi::send_report_usage;
  sqe->buf_index = static_cast<std::uint16_t>(b.zero_copy.memory_of(*number));
  b.address_socket(sqe, socket);
  return true;
}

void Ring::shutdown(Socket socket, Token token) {
  Backend& b = *backend_;
  if (!b.borrows_descriptors) return b.shutdown_by_worker(token);
  token.kind = OperationKind::borrow_descriptor;
  io_uring_sqe* sqe = b.next_submission(token);
  sqe->opcode = abi::operation_install_descriptor;
  b.address_socket(sqe, socket);
}

/// The kernel always hands this operation to a worker thread.
void Ring::Backend::shutdown_by_worker(Token token) {
  token.kind = OperationKind::shutdown;
  io_uring_sqe* sqe = next_submission(token);
  sqe->opcode = IORING_OP_SHUTDOWN;
  sqe->len = SHUT_WR;
  address_socket(sqe, token.slot);
}

/// A shutdown(2) on a descriptor installed for this moment costs less than waking a worker. False: the worker does it after all.
bool Ring::Backend::shutdown_through_descriptor(Completion& completion) {
  if (completion.error != IoError::none) {
    if (completion.raw_error == EINVAL) borrows_descriptors = false;  // before kernel 6.8
    shutdown_by_worker(completion.token);
    return false;
  }
  const int descriptor = completion.result;
  completion.token.kind = OperationKind::shutdown;
  completion.result = 0;
  if (::shutdown(descriptor, SHUT_WR) != 0) {
    completion.raw_error = errno;
    completion.error = translate(errno);
  }
  ::close(descriptor);
  return true;
}

void Ring::cancel(Token target, Token token) {
  if (target.kind == OperationKind::send) {
    if (const auto number = backend_->zero_copy.find(target)) target = {OperationKind::zero_copy, *number, 0};
  }
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_ASYNC_CANCEL;
  sqe->fd = -1;
  sqe->addr = target.pack();
}

void Ring::close(Socket socket, bool reset, Token token) {
  if (reset && !backend_->features.direct_descriptors) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(static_cast<int>(socket), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else if (reset && backend_->features.peer_name_command && backend_->socket_families[socket] != Family::unix_socket) {
    static constexpr linger at_once{.l_onoff = 1, .l_linger = 0};
    io_uring_sqe* option = backend_->next_submission(token);
    option->opcode = IORING_OP_URING_CMD;
    option->off = abi::socket_command_setsockopt;
    option->addr = (std::uint64_t{SO_LINGER} << 32) | std::uint64_t{SOL_SOCKET};
    option->file_index = sizeof at_once;
    option->addr3 = reinterpret_cast<std::uint64_t>(&at_once);
    option->flags = IOSQE_CQE_SKIP_SUCCESS;
    backend_->address_socket(option, socket);
  }
  io_uring_sqe* sqe = backend_->next_submission(token);
  sqe->opcode = IORING_OP_CLOSE;
  sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
  if (backend_->features.direct_descriptors) sqe->file_index = socket + 1;
  else sqe->fd = static_cast<int>(socket);
}

bool Ring::peer_address(Socket socket, PeerAddress* out, Token token) {
  Backend& b = *backend_;
  if (!b.features.direct_descriptors) {
    sockaddr_in6 raw{};
    socklen_t raw_bytes = sizeof raw;
    if (getpeername(static_cast<int>(socket), reinterpret_cast<sockaddr*>(&raw), &raw_bytes) == 0) read_peer_address(raw, *out);
    return false;
  }
  if (b.socket_families[socket] == Family::unix_socket) {
    *out = PeerAddress::unix_socket();  // most have no name, and nobody would know one
    return false;
  }
  if (!b.features.peer_name_command) {
    *out = b.accepted_addresses[socket];
    return false;
  }
  PendingPeerName& pending = b.pending_peer_names[socket];
  pending.raw = {};
  pending.out = out;
  io_uring_sqe* sqe = b.next_submission(token);
  sqe->opcode = IORING_OP_URING_CMD;
  sqe->off = abi::socket_command_getsockopt;
  sqe->addr = (std::uint64_t{SO_PEERNAME} << 32) | std::uint64_t{SOL_SOCKET};
  // The kernel refuses a length that is larger than the family's address.
  sqe->file_index = b.socket_families[socket] == Family::ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  sqe->addr3 = reinterpret_cast<std::uint64_t>(&pending.raw);
  b.address_socket(sqe, socket);
  return true;
}

void Ring::Backend::translate_peer_name(Completion& completion) {
  const auto pending = pending_peer_names.find(completion.token.slot);
  RINGGATE_ASSERT(pending != pending_peer_names.end());
  if (completion.error == IoError::none) read_peer_address(pending->second.raw, *pending->second.out);
  pending_peer_names.erase(pending);
}

bool Ring::peer_process(Socket socket, PeerProcess* out, Token token) {
  Backend& b = *backend_;
  if (!b.features.direct_descriptors) {
    ucred raw{};
    socklen_t raw_bytes = sizeof raw;
    if (getsockopt(static_cast<int>(socket), SOL_SOCKET, SO_PEERCRED, &raw, &raw_bytes) == 0)
      *out = {static_cast<std::uint32_t>(raw.pid), raw.uid};
    return false;
  }
  if (!b.features.peer_name_command) return false;
  PendingPeerProcess& pending = b.pending_peer_processes[socket];
  pending = {{}, out};
  io_uring_sqe* sqe = b.next_submission(token);
  sqe->opcode = IORING_OP_URING_CMD;
  sqe->off = abi::socket_command_getsockopt;
  sqe->addr = (std::uint64_t{SO_PEERCRED} << 32) | std::uint64_t{SOL_SOCKET};
  sqe->file_index = sizeof pending.raw;
  sqe->addr3 = reinterpret_cast<std::uint64_t>(&pending.raw);
  b.address_socket(sqe, socket);
  return true;
}

void Ring::Backend::translate_peer_process(Completion& completion) {
  const auto pending = pending_peer_processes.find(completion.token.slot);
  RINGGATE_ASSERT(pending != pending_peer_processes.end());
  const ucred& raw = pending->second.raw;
  if (completion.error == IoError::none) *pending->second.out = {static_cast<std::uint32_t>(raw.pid), raw.uid};
  pending_peer_processes.erase(pending);
}

Ring::Doorbell Ring::doorbell() const {
  return {backend_->features.message_ring ? backend_->ring_descriptor : -1, backend_->event_descriptor};
}

void Ring::ring(const Doorbell& other) {
  if (!backend_->features.message_ring || other.ring_descriptor < 0) {
    wake_from_any_thread(other);
    return;
  }
  io_uring_sqe* sqe =
      backend_->next_submission({OperationKind::ring_message, static_cast<std::uint32_t>(other.event_descriptor), 0});
  sqe->opcode = IORING_OP_MSG_RING;
  sqe->fd = other.ring_descriptor;
  sqe->off = Token{OperationKind::doorbell, 0, 0}.pack();
  sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

void Ring::wake_from_any_thread(const Doorbell& doorbell) {
  const std::uint64_t one = 1;
  // Fails only if the counter is at its maximum, and then the shard wakes anyway.
  (void)!write(doorbell.event_descriptor, &one, sizeof one);
}

TimeNs Ring::now() const { return monotonic_now(); }

TimeNs monotonic_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<TimeNs>(time.tv_sec) * nanoseconds_per_second + static_cast<TimeNs>(time.tv_nsec);
}

std::int64_t Ring::wall_clock_seconds() const { return ::time(nullptr); }
std::int64_t Ring::wall_clock_ms() const {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);  // never fails for this clock
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void Ring::random(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace ringgate::ring
