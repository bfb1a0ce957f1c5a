// The state of the io_uring backend, shared by the files of this folder. Owner shard.
#pragma once

#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ring/kernel/abi.h"
#include "ring/kernel/buffer_ring.h"
#include "ring/kernel/zero_copy.h"
#include "ring/ring.h"

namespace ringgate::ring {

/// The memory for the result of a getpeername through the ring.
struct PendingPeerName {
  sockaddr_in6 raw;
  PeerAddress* out;
};

/// The same for SO_PEERCRED.
struct PendingPeerProcess {
  ucred raw;
  PeerProcess* out;
};

/// One accept with storage for the peer's address, for kernels that cannot name peers of direct descriptors.
struct AddressedAccept {
  sockaddr_in6 raw{};
  socklen_t raw_bytes = sizeof raw;
};

enum class Family : std::uint8_t { ipv4, ipv6, unix_socket };

struct Listener {
  static constexpr std::size_t addressed_accepts_count = 8;

  int descriptor = -1;
  Family family = Family::ipv4;
  bool is_shared = false;  // other rings listen on the same socket
  bool stopped = false;    // close it once the kernel has taken the cancel
  bool accepting = false;
  bool one_at_a_time = false;
  std::uint32_t accepts_pending = 0;     // operations in flight
  std::vector<AddressedAccept> accepts;  // empty with multishot accept
};

/// iovec and msghdr of a send of several pieces. Must not move until the kernel has taken the submission.
struct PiecedMessage {
  iovec pieces[Ring::pieces_max];
  msghdr header;
};

void read_peer_address(const sockaddr_in6& raw, PeerAddress& out);
TimeNs monotonic_now();

struct Ring::Backend {
  ~Backend();

  io_uring uring{};
  bool uring_open = false;
  bool descriptor_registered = false;
  int ring_descriptor = -1;
  int event_descriptor = -1;
  std::uint64_t event_value = 0;
  std::vector<int> reserve;  // unused process descriptors
  Features features;
  bool borrows_descriptors = false;  // a shutdown installs a process descriptor for a moment
  RingOptions options;
  RingCounters counters;
  BufferRing buffers;
  BufferRing bulk_buffers;  // of receive_now
  ZeroCopy zero_copy;
  struct BuffersTaken {
    std::size_t streaming;
    std::size_t bulk;
  };
  std::optional<BuffersTaken> buffers_covered;  // buffers taken before the first attempt of the submit in progress
  std::size_t bytes_left = 0;                   // rest of RingOptions::turn_bytes
  std::deque<io_uring_cqe> held_back;           // CQEs reaped from the kernel after bytes_left reached 0
  std::deque<Listener> listeners;
  bool any_listener_stopped = false;
  std::vector<Family> socket_families;
  std::unordered_map<Socket, PendingPeerName> pending_peer_names;  // in flight; the kernel writes to the nodes, which never move
  std::unordered_map<Socket, PendingPeerProcess> pending_peer_processes;  // likewise
  std::unordered_map<Socket, LinkQuality*> pending_links;                 // in flight
  std::vector<PeerAddress> accepted_addresses;                            // by socket; only with addressed accepts
  std::deque<io_uring_sqe> backlog;           // submissions made while the queue was full and the kernel took none
  std::deque<PiecedMessage> pieced_messages;  // a deque, since elements must not move
  std::size_t pieced_messages_used = 0;

  BufferRing& buffers_of(OperationKind kind) { return kind == OperationKind::receive_now ? bulk_buffers : buffers; }
  io_uring_sqe* next_submission(Token token);
  void address_socket(io_uring_sqe* sqe, Socket socket) const;  // sets the connection's socket as the operation's file
  void arm_event_read();
  void shutdown_by_worker(Token token);
  bool shutdown_through_descriptor(Completion& completion);
  enum class AcceptCount : std::uint8_t { one, many };
  void start_accept(std::uint32_t listener_index, AcceptCount count);
  void arm_accept(std::uint32_t listener_index, std::uint32_t accept_index);
  bool submit_and_wait(WaitPolicy policy);
  bool submit_alone();
  bool enter(const WaitPolicy& policy);
  bool enter_kernel(unsigned to_submit, unsigned completions_min, unsigned flags, abi::WaitArgument* argument);
  void fetch_overflow();
  void close_stopped_listeners();
  unsigned publish();
  void flush_backlog();
  bool deliver(const io_uring_cqe& cqe, Completion& completion);
  bool translate_completion(const io_uring_cqe& cqe, Completion& completion);
  bool translate_zero_copy(Completion& completion);
  void note_zero_copy_end(std::uint32_t number, std::uint32_t usage);
  void translate_accept(Completion& completion);
  void translate_peer_name(Completion& completion);
  void translate_peer_process(Completion& completion);
  void translate_link(Completion& completion);
  void close_borrowed(const io_uring_cqe& cqe);
  void close_all_borrowed();
};

}  // namespace ringgate::ring
