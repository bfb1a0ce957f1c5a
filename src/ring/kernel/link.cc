// The quality of a link: TCP_INFO of a connection, which no command of the ring tells (they read socket options of SOL_SOCKET alone).
//
// A direct descriptor is installed as a process descriptor, by an operation that never waits. When its completion is reaped the
// option is read and the process descriptor closed. Invariant: a descriptor that was installed is closed, at the latest with the ring.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"
#include "ring/kernel/abi.h"
#include "ring/kernel/backend.h"
#include "ring/kernel/errors.h"

namespace ringgate::ring {

namespace {

/// Returns 0 or a positive errno value. Members that an older kernel lacks stay 0.
int read_link(int descriptor, LinkQuality& out) {
  tcp_info info{};
  socklen_t info_bytes = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &info_bytes) != 0) return errno;
  out = {.rtt_us = info.tcpi_rtt,
         .rttvar_us = info.tcpi_rttvar,
         .min_rtt_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt,  // as the kernel says that there is none
         .retransmits = info.tcpi_total_retrans,
         .lost = info.tcpi_lost,
         .unacked = info.tcpi_unacked,
         .cwnd = info.tcpi_snd_cwnd,
         .mss = info.tcpi_snd_mss,
         .retransmitted_bytes = info.tcpi_bytes_retrans,
         .delivery_rate = info.tcpi_delivery_rate,
         .unsent_bytes = info.tcpi_notsent_bytes};
  return 0;
}

}  // namespace

LinkStatus Ring::link_status(Socket socket) const {
  const Backend& b = *backend_;
  if (socket < b.socket_families.size() && b.socket_families[socket] == Family::unix_socket) return LinkStatus::unix_socket;
  return b.features.direct_descriptors && !b.features.descriptor_install ? LinkStatus::unsupported : LinkStatus::known;
}

/// A process descriptor needs none installed: a completion alone is asked for.
void Ring::link(Socket socket, LinkQuality* out, Token token) {
  Backend& b = *backend_;
  RINGGATE_ASSERT(token.kind == OperationKind::link && token.slot == socket);
  b.pending_links[socket] = out;
  io_uring_sqe* sqe = b.next_submission(token);
  if (b.features.direct_descriptors) {
    sqe->opcode = abi::operation_install_descriptor;
    b.address_socket(sqe, socket);
  } else {
    sqe->opcode = IORING_OP_NOP;
    sqe->fd = -1;
  }
}

void Ring::Backend::translate_link(Completion& completion) {
  const auto pending = pending_links.find(completion.token.slot);
  RINGGATE_ASSERT(pending != pending_links.end());
  if (completion.error == IoError::none) {
    const int descriptor = features.direct_descriptors ? completion.result : static_cast<int>(completion.token.slot);
    const int error = read_link(descriptor, *pending->second);
    if (features.direct_descriptors) ::close(descriptor);
    completion.result = 0;
    completion.raw_error = error;
    completion.error = translate(error);
  }
  pending_links.erase(pending);
}

void Ring::Backend::close_borrowed(const io_uring_cqe& cqe) {
  const OperationKind kind = Token::unpack(cqe.user_data).kind;
  const bool is_installed =
      kind == OperationKind::borrow_descriptor || (kind == OperationKind::link && features.direct_descriptors);
  if (is_installed && cqe.res >= 0) ::close(cqe.res);
}

/// Of completions that nobody reaps any more.
void Ring::Backend::close_all_borrowed() {
  for (const io_uring_cqe& cqe : held_back) close_borrowed(cqe);
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&uring, head, cqe) close_borrowed(*cqe);
}

}  // namespace ringgate::ring
