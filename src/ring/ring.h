// The seam between the gate and the world: submit, reap, now, random. One Ring per shard.
//
// Three backends implement this one header and are chosen by linking: kernel/ (io_uring), and in the tests a fake (scripted,
// seeded, with its own clock). Nobody above this line knows SQEs, errno or liburing.
//
// Thread: the owner shard, except `wake_from_any_thread`. Invariant: a buffer the kernel may still write to, or that an unsent
// SQE still points into, is never given back.
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

namespace ringgate::ring {

/// Why an operation failed; errno's names stop here.
enum class IoError : std::uint8_t {
  none,
  again,       // would block, or was interrupted: nothing, or less than all, was sent
  no_buffers,  // the provided buffers ran out: re-arm when some are back, nothing is lost; of a send, the kernel's own
  cancelled,
  connection_ended,  // reset, aborted, broken pipe, timed out: the peer is gone
  no_descriptors,    // descriptor table or process limit full
  no_memory,
  not_found,  // cancel: nothing to cancel, or already completing
  unsupported,
  other,
};
const char* name_of(IoError error);

/// A connected socket: the index of a direct descriptor, or a process descriptor when those are masked.
/// Also the connection's slot, so slots are as dense as descriptors are.
using Socket = std::uint32_t;

/// One completed operation, copied out of the completion queue.
struct Completion {
  Token token;
  std::int32_t result = 0;  // bytes, or the accepted Socket; undefined unless error == none
  IoError error = IoError::none;
  std::int32_t raw_error = 0;  // for logs only
  bool more = false;           // the multishot operation stays armed; the only truth about that
  bool has_buffer = false;     // `buffer` was taken from the ring's buffers
  std::uint16_t buffer_id = 0;
  std::uint32_t buffer_offset = 0;
};

/// Textual and binary address of a peer.
struct PeerAddress {
  std::array<std::uint8_t, 16> address{};  // IPv6, or IPv4 mapped into ::ffff:0:0/96
  std::uint16_t port = 0;                  // host order; 0 with all-zero address: unknown
  std::string text() const;                // "127.0.0.1:4711", "[::1]:4711", "unknown"
  bool is_known() const { return *this != PeerAddress{}; }
  bool is_loopback() const;  // 127.0.0.0/8, ::1
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

struct ListenAddress {
  std::string host;         // literal IPv4 or IPv6, without brackets
  std::uint16_t port = 0;   // 0: the kernel picks
  bool dual_stack = false;  // an IPv6 address takes IPv4 connections too
  std::string text() const;
  bool is_loopback() const;  // 127.0.0.0/8, ::1
};
/// Reads "127.0.0.1:8080" or "[::1]:8080"; the error is a sentence.
std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

struct ListenOptions {
  int backlog = 4096;
  DurationNs user_timeout = 30 * nanoseconds_per_second;  // TCP_USER_TIMEOUT of accepted sockets
  int send_buffer_bytes = 0;                              // SO_SNDBUF of accepted sockets; 0: the kernel's own tuning
};

/// A start-up failure with the exit code it deserves (sysexits: 69 io_uring, 71 system, 77 permission).
struct SetupError {
  int exit_code = 71;
  std::string cause;
  std::string remedy;
};

struct RingOptions {
  Features allowed{true, true, true, true, true, true, true, true, true, true};  // masks what the probe finds
  std::uint32_t submission_entries = 1024;
  std::uint32_t completion_entries = 16384;
  std::uint32_t sockets_max = 1024;             // size of the direct descriptor table
  std::uint32_t incremental_buffers_count = 8;  // small ones cut often, as tests want; the gate's come from its configuration
  std::uint32_t incremental_buffer_bytes = 64 * 1024;
  std::uint32_t classic_buffers_count = 256;
  std::uint32_t classic_buffer_bytes = 2048;
  std::size_t turn_bytes = 128 * 1024;  // received bytes that a turn reaps at the most, give or take one receive
  DurationNs busy_poll = 0;             // spin this long for a completion before sleeping
};

/// How the next enter may wait.
struct WaitPolicy {
  bool may_sleep = false;             // false: submit, collect what is there, return
  DurationNs timeout = 0;             // when sleeping; 0: none
  std::uint32_t completions_min = 1;  // batched waiting: wake for this many ...
  DurationNs minimum_wait = 0;        // ... or, after this long, for one (only with Features::minimum_wait)
};

/// Counted since the ring was opened.
struct RingCounters {
  std::uint64_t enters = 0;
  std::uint64_t submissions = 0;
  std::uint64_t completions = 0;
  std::uint64_t overflows = 0;
  std::uint64_t starved = 0;             // receives that found no buffer
  std::uint64_t zero_copies = 0;         // sends without a copy that the kernel is done with
  std::uint64_t zero_copies_copied = 0;  // of these, the ones that it copied after all
};

struct Piece {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

class Ring {
 public:
  static std::expected<std::unique_ptr<Ring>, SetupError> open(const RingOptions& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Binds this ring to the calling thread, which from now on is the only one to use it.
  std::expected<void, SetupError> start_on_this_thread();

  const Features& features() const;
  const RingCounters& counters() const;

  // -- Listening. Blocking start-up calls; several shards may listen on one port (SO_REUSEPORT).
  std::expected<ListenAddress, SetupError> listen(std::uint32_t listener_index, const ListenAddress& address,
                                                  const ListenOptions& options);
  void stop_listening(std::uint32_t listener_index);  // cancels the accept and closes the listener

  // -- Operations: each queues one submission. `token` comes back in the completion.
  /// Accepts on a listener until cancelled; completes once per connection with result = Socket. Completions carry
  /// Token{accept, listener_index, 0}. Where the kernel cannot name peers later, the address is kept for `peer_address`.
  void accept(std::uint32_t listener_index);
  /// Accepts one connection: for a table so nearly full that a burst taken at once would overflow it.
  void accept_one(std::uint32_t listener_index);
  void cancel_accept(std::uint32_t listener_index);

  /// Descriptors held for nothing, so that there are some when the process has run out: without direct descriptors, accepted
  /// sockets are the process's. Holds `count` of them; false if so many are not to be had now. With direct descriptors: true.
  bool hold_reserve(std::size_t count);
  /// Gives one of them back to the process, for an accept that found none. False if none is held.
  bool release_reserve();

  /// Asks for the peer's address into `*out`, which must live until the completion. False if `*out` is filled already,
  /// with no completion to follow.
  bool peer_address(Socket socket, PeerAddress* out, Token token);

  /// Arms reception into provided buffers; completes per received piece while `more`, result 0 is the end of the stream.
  void receive(Socket socket, Token token);

  /// Receives once, what is there now, into one of few buffers of bulk_buffer_bytes that are used over and over while they are in
  /// the cache; runs in the next enter, behind the sends queued before it, and never waits: IoError::again if nothing is there.
  /// Only bulk_receives_max of them a turn are sure of a buffer.
  void receive_now(Socket socket, Token token);
  static constexpr std::size_t bulk_receives_max = 1;
  static constexpr std::size_t bulk_buffer_bytes = 256 * 1024;

  /// Completes once when there is something to receive, an end or an error included. Holds less of the kernel's memory than a
  /// receive (256 bytes instead of some 800) and costs a completion and an arming more when something comes.
  void wait_readable(Socket socket, Token token);

  /// Completes once when the peer has finished (FIN), however much it sent before, or is gone: IoError::connection_ended. As light
  /// as wait_readable. After a FIN it completes at once.
  void wait_hang_up(Socket socket, Token token);

  enum class Sending : std::uint8_t {
    silent,      // completes only when not everything was taken; as `completes` without features().silent_sends
    completes,   // waits in the kernel until at least one byte is taken, and always completes
    before_end,  // the same; `shutdown` or `close` follows at once, so that the last bytes may travel with the FIN
  };
  /// Sends all `pieces` as one run; a completion says how many bytes were taken. The pieces must stay until then; of a silent
  /// send without a completion they are free again after `reap`. At most `pieces_max` pieces.
  void send(Socket socket, std::span<const Piece> pieces, Sending sending, Token token);
  static constexpr std::size_t pieces_max = 8;

  /// Sends `memory` from `offset` on as Sending::completes does, without a copy in the kernel: the peer's acknowledgement ends its
  /// reading, long after the completion, and until then `memory` must neither move nor change; `keeper` sees to it. False, and
  /// nothing is queued, if it cannot be done so now: no features().zero_copy_sends, too much under way, memory not to be pinned.
  bool send_zero_copy(Socket socket, ByteView memory, std::size_t offset, Keeper keeper, Token token);

  /// Our direction only: FIN; reception goes on. Nothing may be queued for sending.
  void shutdown(Socket socket, Token token);
  void cancel(Socket socket, Token token);             // every operation on this socket
  void cancel_operation(Token target, Token token);    // the one operation with that token
  void close(Socket socket, bool reset, Token token);  // no completion; nothing may be in flight; reset: RST instead of FIN

  // -- Waking another shard, at most once per sleeping shard and turn.
  /// How other rings and threads reach this one; valid while the ring lives.
  struct Doorbell {
    int ring_descriptor = -1;
    int event_descriptor = -1;
  };
  Doorbell doorbell() const;
  void ring(const Doorbell& other);                            // from a shard: rides on this ring's next enter
  static void wake_from_any_thread(const Doorbell& doorbell);  // one system call

  // -- The turn.
  /// One enter: submits everything queued, waits as told. While half of the buffers are lent it submits alone (no enter if nothing
  /// is queued) and returns, so that they come back before receives look for them; so it does while completions are held back. False
  /// if the kernel did not take all submissions (they stay queued, and lent buffers stay lent).
  bool submit_and_wait(const WaitPolicy& policy);
  /// Copies up to `out.size()` completions; call until it returns 0. Behind RingOptions::turn_bytes of received bytes all but those
  /// of sends and of receive_now are held back for the turns to come, in their order.
  std::size_t reap(std::span<Completion> out);
  std::size_t held_back() const;  // completions
  /// More has come than this turn brought: an enter runs only so many operations (20 on newer kernels), and reaping only so many
  /// bytes. The next turns bring it without waiting.
  bool has_more() const;
  /// The bytes of a completion with a buffer: writable, followed by limits::buffer_slack_bytes of slack owned by the ring,
  /// valid until `return_buffers`. Call exactly once per such completion.
  MutableBytes received(const Completion& completion);
  /// Gives back the buffers received before the last successful submit_and_wait; call after the failed sends of that enter have
  /// been copied away. True if any were returned (starved receives may be armed again).
  bool return_buffers();
  std::uint32_t buffers_lent() const;

  // -- Clock and chance, so that a whole shard can run on a seed.
  TimeNs now() const;                       // monotonic; one read per turn
  std::int64_t wall_clock_seconds() const;  // Unix time, for people
  void random(MutableBytes out);            // from the kernel's generator

  struct Backend;

 private:
  explicit Ring(std::unique_ptr<Backend> backend);
  std::unique_ptr<Backend> backend_;
};

/// Fails (71, 77) if somebody else listens on `address`: SO_REUSEPORT alone would share the port silently.
std::expected<void, SetupError> check_address_free(const ListenAddress& address);

/// Probes the kernel with a throw-away ring and runs the silent-send self-test. For start-up, `version` and `doctor`.
std::expected<Features, SetupError> probe();

}  // namespace ringgate::ring
