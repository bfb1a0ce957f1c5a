// The seam between the gate and the kernel: submit, reap, now, random. One Ring per shard.
//
// Two backends implement this header, and linking chooses one: kernel/ (io_uring), and in tests tests/support/fake_ring
// (scripted, seeded, with its own clock). No code outside the backends knows SQEs, errno or liburing.
//
// Owner shard, except `wake_from_any_thread`. Invariant: a buffer goes back to the kernel only when the kernel no longer writes
// to it and no SQE that waits for submission points into it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "base/time.h"
#include "ring/features.h"
#include "ring/keeper.h"
#include "ring/token.h"
#include "ringgate/bytes.h"
#include "ringgate/link_quality.h"

namespace ringgate::ring {

/// Why an operation failed. No code above the ring sees errno.
enum class IoError : std::uint8_t {
  none,
  again,       // would block, or was interrupted; a send took nothing, or not everything
  no_buffers,  // no provided buffer was free: nothing is lost, rearm when some are back; for a send: the kernel has none
  cancelled,
  connection_ended,  // reset, aborted, broken pipe, timed out: the peer is gone
  no_descriptors,    // descriptor table or process limit full
  no_memory,
  not_found,  // for a cancel: no such operation, or it is already completing
  unsupported,
  other,
};
const char* name_of(IoError error);

/// A connected socket: the index of a direct descriptor or, without direct descriptors, a process descriptor. It is also the
/// connection's slot, so slots are as dense as descriptors.
using Socket = std::uint32_t;

/// One completed operation, copied out of the completion queue.
struct Completion {
  Token token;
  std::int32_t result = 0;  // bytes, or the accepted Socket; valid only if error == none
  IoError error = IoError::none;
  std::int32_t raw_error = 0;  // for logs only
  bool more = false;           // the multishot operation stays armed; nothing else tells
  bool has_buffer = false;     // the bytes lie in buffer `buffer_id`
  std::uint16_t buffer_id = 0;
  std::uint32_t buffer_offset = 0;
};

/// Address and port of a peer. No peer has the address `::`; with it, port 0 means unknown and port 1 a Unix socket.
struct PeerAddress {
  std::array<std::uint8_t, 16> address{};  // IPv6, or IPv4 mapped into ::ffff:0:0/96
  std::uint16_t port = 0;                  // host order; 0 if only the address is known
  std::string text() const;                // "127.0.0.1:4711", "[::1]:4711"; without port "127.0.0.1", "::1"; "unix", "unknown"
  static PeerAddress unix_socket() { return {{}, 1}; }
  bool is_known() const { return *this != PeerAddress{}; }
  bool is_unix() const { return *this == unix_socket(); }
  bool is_ipv4() const;
  bool is_loopback() const;  // 127.0.0.0/8, ::1, a Unix socket
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

/// The process at the other end of a Unix socket, as it was when it connected (SO_PEERCRED, unix(7)); ids as this process sees them.
struct PeerProcess {
  std::uint32_t pid = 0;  // 0: not known
  std::uint32_t uid = 0;
  bool is_known() const { return pid != 0; }
};

struct ListenAddress {
  static constexpr std::size_t path_bytes_max = 107;  // what sockaddr_un holds beside the zero at its end

  std::string host;         // literal IPv4 or IPv6, without brackets
  std::uint16_t port = 0;   // 0: the kernel picks
  bool dual_stack = false;  // an IPv6 address takes IPv4 connections too
  std::string path;         // of a Unix socket's file; if there is one, the rest means nothing
  std::string text() const;
  bool is_unix() const { return !path.empty(); }
  bool is_loopback() const;  // 127.0.0.0/8, ::1, a Unix socket
};
/// Reads "127.0.0.1:8080", "[::1]:8080" or "unix:/run/gate.sock"; the error is a sentence for the operator. Any thread.
std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

struct ListenOptions {
  int backlog = 4096;
  DurationNs user_timeout = 30 * nanoseconds_per_second;  // TCP_USER_TIMEOUT of accepted sockets
  int send_buffer_bytes = 0;                              // SO_SNDBUF of accepted sockets; 0: the kernel tunes it
};

/// A start-up failure with its exit code (sysexits: 69 io_uring, 71 system, 77 permission).
struct SetupError {
  int exit_code = 71;
  std::string cause;
  std::string remedy;
};

struct RingOptions {
  Features allowed{true, true, true, true, true, true, true, true, true, true, true, true};  // the ring uses no others
  std::uint32_t submission_entries = 1024;
  std::uint32_t completion_entries = 16384;
  std::uint32_t sockets_max = 1024;             // size of the direct descriptor table
  std::uint32_t incremental_buffers_count = 8;  // small, to cut messages often in tests; the gate has its own
  std::uint32_t incremental_buffer_bytes = 64 * 1024;
  std::uint32_t classic_buffers_count = 256;
  std::uint32_t classic_buffer_bytes = 2048;
  std::size_t turn_bytes = 128 * 1024;  // a turn stops reaping after this many received bytes
  DurationNs busy_poll = 0;             // spin this long for a completion before sleeping
};

/// How the next enter may wait.
struct WaitPolicy {
  bool may_sleep = false;             // false: submit, collect what is there, return
  DurationNs timeout = 0;             // of the sleep; 0: none
  std::uint32_t completions_min = 1;  // wake for this many completions ...
  DurationNs minimum_wait = 0;        // ... or, after this long, for one (only with Features::minimum_wait)
};

/// Counts since the ring was opened.
struct RingCounters {
  std::uint64_t enters = 0;
  std::uint64_t submissions = 0;
  std::uint64_t completions = 0;
  std::uint64_t overflows = 0;
  std::uint64_t starved = 0;             // receives that found no buffer
  std::uint64_t zero_copies = 0;         // sends without a copy that the kernel has finished
  std::uint64_t zero_copies_copied = 0;  // of these, the sends that the kernel copied after all
};

/// Bytes to send. Borrows them; `send` says for how long.
struct Piece {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

class Ring {
 public:
  /// Opens a ring, which stays off until `start_on_this_thread`. Any thread; allocates.
  static std::expected<std::unique_ptr<Ring>, SetupError> open(const RingOptions& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Binds this ring to the calling thread; from now on only this thread may use it.
  std::expected<void, SetupError> start_on_this_thread();

  const Features& features() const;
  const RingCounters& counters() const;

  // -- Listening.
  /// Binds and listens; returns the bound address. Blocks, so call it at start-up. Several shards may listen on one port
  /// (SO_REUSEPORT). `listener_index` counts up from 0 (asserted).
  std::expected<ListenAddress, SetupError> listen(std::uint32_t listener_index, const ListenAddress& address,
                                                  const ListenOptions& options);
  /// Listens on the socket that `owner` listens on under the same index: several rings can share a port, but not the path of a Unix
  /// socket. Connections go to the rings in turn. Start-up only.
  std::expected<void, SetupError> share_listener(std::uint32_t listener_index, Ring& owner);
  void stop_listening(std::uint32_t listener_index);  // cancels the accept and closes the listener

  // -- Operations: each queues one submission. The completion carries `token`.
  /// Accepts on a listener until cancelled; completes once per connection, with result = Socket and
  /// Token{accept, listener_index, 0}. Where the kernel cannot name peers later, the accept keeps the address for `peer_address`.
  void accept(std::uint32_t listener_index);
  /// Accepts one connection: use it when the table is so nearly full that a burst would overflow it.
  void accept_one(std::uint32_t listener_index);
  void cancel_accept(std::uint32_t listener_index);

  /// Holds `count` unused process descriptors in reserve, for when the process runs out: without direct descriptors, each
  /// accepted socket takes a process descriptor. False if the process has too few now. With direct descriptors: does nothing,
  /// true.
  bool hold_reserve(std::size_t count);
  /// Frees one descriptor of the reserve, for an accept that found none. False if the reserve is empty.
  bool release_reserve();

  /// Asks for the peer's address. True: a completion follows, and `*out` must live until then. False: `*out` is filled already
  /// and no completion follows.
  bool peer_address(Socket socket, PeerAddress* out, Token token);
  /// The same for the process at the other end of a Unix socket. It stays unknown where the kernel cannot name peers later.
  bool peer_process(Socket socket, PeerProcess* out, Token token);

  /// Whether `unacknowledged` is possible: with features().unacked_command, not on a Unix socket.
  bool tells_unacknowledged(Socket socket) const;
  /// Completes at once with the number of bytes that the kernel has taken and the peer's TCP has not acknowledged (SIOCOUTQ, tcp(7)).
  void unacknowledged(Socket socket, Token token);

  /// Whether `link` can be asked of this socket: known, unix_socket or unsupported.
  LinkStatus link_status(Socket socket) const;
  /// Completes at once with what the kernel knows of a TCP connection. `*out` must live until then, and is set only without an error. For
  /// a direct descriptor it takes a process descriptor until the completion is reaped: IoError::no_descriptors if there is none. One
  /// question per socket at a time.
  void link(Socket socket, LinkQuality* out, Token token);

  /// Receives into provided buffers. Completes for each received piece, and stays armed while `more`. Result 0: end of stream.
  void receive(Socket socket, Token token);

  /// Receives once what has already arrived, up to bulk_buffer_bytes. Runs in the next enter, after the sends queued before it;
  /// never waits: IoError::again if nothing has arrived. The few buffers stay in the cache; only bulk_receives_max receives a
  /// turn are sure to get one.
  void receive_now(Socket socket, Token token);
  static constexpr std::size_t bulk_receives_max = 1;
  static constexpr std::size_t bulk_buffer_bytes = 256 * 1024;

  /// Completes once when there are bytes, an end or an error to receive. Takes less kernel memory than a receive (256 bytes
  /// instead of some 800), but costs one more completion and one more submission when bytes arrive.
  void wait_readable(Socket socket, Token token);

  /// Completes once when the peer has sent FIN, even behind bytes not yet received, or is gone: IoError::connection_ended. After
  /// a FIN it completes at once. Takes as little kernel memory as wait_readable.
  void wait_hang_up(Socket socket, Token token);

  enum class Sending : std::uint8_t {
    silent,      // completes only if the kernel did not take everything; without features().silent_sends: as `completes`
    completes,   // waits in the kernel until it takes at least one byte, and always completes
    before_end,  // as `completes`; `shutdown` or `close` follows at once, so that the last bytes may travel with the FIN
  };
  /// Sends all `pieces` (1 to pieces_max, asserted) as one run; the completion says how many bytes the kernel took. The bytes
  /// must not change until the completion or, for a silent send that does not complete, until the `reap` after its submission.
  void send(Socket socket, std::span<const Piece> pieces, Sending sending, Token token);
  static constexpr std::size_t pieces_max = 8;

  /// Sends `memory` from `offset` on, as Sending::completes, but without a copy in the kernel. The kernel reads `memory` until
  /// the peer acknowledges it, long after the completion; until then `keeper` keeps it in place and unchanged. False, and nothing
  /// is queued, without features().zero_copy_sends, with too many such sends under way, or if the kernel cannot pin `memory`.
  bool send_zero_copy(Socket socket, ByteView memory, std::size_t offset, Keeper keeper, Token token);

  /// Sends FIN; receiving goes on. No send may be in flight.
  void shutdown(Socket socket, Token token);
  /// Cancels the operation with token `target`, which completes too, unless the cancel comes too late or is lost. There is no
  /// cancel of all operations on a socket: for that the kernel searches every poll of the ring.
  void cancel(Token target, Token token);
  void close(Socket socket, bool reset, Token token);  // no completion; no operation may be in flight; reset: RST instead of FIN

  // -- Waking another shard, at most once per sleeping shard and turn.
  /// How other rings and threads wake this one; valid while the ring lives.
  struct Doorbell {
    int ring_descriptor = -1;
    int event_descriptor = -1;
  };
  Doorbell doorbell() const;
  void ring(const Doorbell& other);                            // from a shard: goes with this ring's next enter
  static void wake_from_any_thread(const Doorbell& doorbell);  // one system call

  // -- The turn.
  /// One enter: submits everything queued, then waits as `policy` says. While half of the buffers are lent, or completions are
  /// held back, it only submits, and makes no system call if nothing is queued: buffers come back before receives need them.
  /// False if the kernel did not take all submissions: they stay queued, and lent buffers stay lent.
  bool submit_and_wait(const WaitPolicy& policy);
  /// Copies up to `out.size()` completions; call it until it returns 0. After RingOptions::turn_bytes of received bytes, the ring
  /// holds further completions back for later turns, in order, except those of sends and of receive_now.
  std::size_t reap(std::span<Completion> out);
  std::size_t held_back() const;  // completions
  /// True if the next turn has completions without waiting: one enter runs only so many operations (20 on newer kernels), and one
  /// turn reaps only so many bytes.
  bool has_more() const;
  /// The bytes of a completion with a buffer: writable, valid until `return_buffers`, and followed by limits::buffer_slack_bytes
  /// that may be read and written. Call it exactly once per such completion.
  MutableBytes received(const Completion& completion);
  /// Gives back the buffers received before the last successful submit_and_wait. First copy what the failed sends of that enter
  /// point to. True if any buffer went back: receives that found none may be armed again.
  bool return_buffers();
  std::uint32_t buffers_lent() const;

  // -- Clock and random bytes, so that in tests a whole shard runs on a seed.
  TimeNs now() const;                       // monotonic; one read per turn
  std::int64_t wall_clock_seconds() const;  // Unix time, for people
  std::int64_t wall_clock_ms() const;       // the same in milliseconds
  void random(MutableBytes out);            // from the kernel's generator

  struct Backend;

 private:
  explicit Ring(std::unique_ptr<Backend> backend);
  std::expected<ListenAddress, SetupError> listen_on_unix_socket(const ListenAddress& address, const ListenOptions& options);
  std::unique_ptr<Backend> backend_;
};

/// Fails (71, 77) if the gate cannot bind `address` alone: with SO_REUSEPORT it would share another process's port silently. Says
/// nothing about a Unix socket: `listen` does.
std::expected<void, SetupError> check_address_free(const ListenAddress& address);

/// Probes the kernel with a throw-away ring and runs the self-test. For start-up, `version` and `doctor`. Blocks for some seconds
/// at most.
std::expected<Features, SetupError> probe();

}  // namespace ringgate::ring
