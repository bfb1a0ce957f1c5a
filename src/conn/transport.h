// Moves bytes between the ring and the sessions of one shard: accepts, receives, sends, pauses, ends connections.
//
// Knows connections and their operations, but not what the bytes mean. Owned by the shard; owner shard.
// Invariants: at most one receive and one completing send per socket; one send per connection and turn; memory that the kernel
// may still touch is not freed; a slot is released only at zero operations in flight.
//
// A turn: `run` collects the sends that failed, retires the outputs of the turn before, and only then calls sessions for the
// completions. `finish_turn` queues the output that they wrote.
//
// On a listener with TLS a session sees plaintext, and sees a connection only once its handshake is over.
//
// Files: transport.cc (accepting, the turn, timers), marks.cc (what became of output), links.cc (what the kernel knows of a connection),
// arriving.cc (proxies), receiving.cc, bulk.cc, sealing.cc (TLS), sending.cc,
// ending.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "base/counters.h"
#include "base/log_limiter.h"
#include "base/shard_budget.h"
#include "base/timer_wheel.h"
#include "conn/connection.h"
#include "conn/connection_table.h"
#include "conn/marks.h"
#include "conn/outbox.h"
#include "conn/session.h"
#include "conn/turn_output.h"
#include "conn/waiting_output.h"
#include "net/proxy_policy.h"
#include "ring/ring.h"
#include "ringgate/link_quality.h"
#include "ringgate/message.h"
#include "tls/codec.h"
#include "tls/context.h"
#include "tls/wire.h"
#include "ws/prepared_message.h"

namespace ringgate::conn {

/// A listener of this transport: the session that serves it, and its limits.
struct ListenerSlot {
  Session* session = nullptr;
  std::uint32_t slots_left_free = 1;  // stops accepting when no more than this many are free
  std::uint32_t backlog = 0;  // connections that a multishot accept may deliver at once; with less room, accepts one at a time
  std::uint32_t connections_max = UINT32_MAX;       // stops accepting while it has so many connections
  bool takes_reserve = false;                       // uses descriptors held in reserve if the process has no others
  bool names_processes = false;                     // asks which process is at the other end of a Unix socket
  bool asks_at_end = false;                         // asks what was not acknowledged when a connection is terminated
  bool counts_output = false;                       // output that waits for its peers counts against Options::output_bytes_max
  std::shared_ptr<const tls::Context> tls;          // null: plain TCP
  std::shared_ptr<const net::ProxyPolicy> proxies;  // null: peers are clients
};

using LinkCallback = std::move_only_function<void(const LinkReading&)>;

class Transport {
 public:
  static constexpr DurationNs linger_time = nanoseconds_per_second;

  struct Options {
    std::uint32_t slots_count = 0;
    DurationNs close_timeout = 5 * nanoseconds_per_second;  // to flush waiting output once closing has begun
    std::size_t zero_copy_bytes = SIZE_MAX;       // from this size on, messages to other machines are sent without a copy
    std::uint64_t output_bytes_max = UINT64_MAX;  // memory for the waiting output of all peers together
    std::uint32_t handshakes_max = 16'384;  // of TLS under way, from accepting on; one more is reset; PROXY headers likewise
    DurationNs handshake_time = 5 * nanoseconds_per_second;  // for a TLS handshake, from accepting on
    DurationNs arrival_time = 5 * nanoseconds_per_second;    // for a PROXY header, from accepting on
    std::size_t bulk_bytes = SIZE_MAX;                       // a connection that delivers as much per receive is bulk
  };

  Transport(ring::Ring& ring, ShardCounters& counters, const Options& options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // -- Listening. Listener indexes are the ring's.
  void start_accepting(std::uint32_t listener_index, ListenerSlot listener);
  void stop_accepting(std::uint32_t listener_index);
  /// Resets the connections of the first `listeners` listeners whose PROXY header or TLS handshake is not over. No session knows
  /// them, so none can close them.
  void end_handshakes(std::uint32_t listeners);
  /// Handshakes that begin from now on use `tls`. Only for a listener that has TLS.
  void renew_tls(std::uint32_t listener_index, std::shared_ptr<const tls::Context> tls) {
    RINGGATE_ASSERT(listener_index < listeners_.size() && listeners_[listener_index].slot.tls != nullptr);
    listeners_[listener_index].slot.tls = std::move(tls);
  }

  /// Connections that are accepted from now on, and requests that come from now on, are judged by `proxies`.
  void renew_proxies(std::uint32_t listener_index, std::shared_ptr<const net::ProxyPolicy> proxies);

  // -- The turn.
  void set_now(TimeNs now);
  TimeNs now() const { return now_; }
  /// The same in milliseconds, reckoned once for the whole turn.
  std::uint64_t now_ms() const { return now_ms_; }
  std::int64_t wall_clock_seconds() const { return ring_.wall_clock_seconds(); }
  void run(std::span<const ring::Completion> completions);
  /// Runs due timers, but not before everything that has arrived was received; see timers_may_run.
  void expire_timers();
  void finish_turn();
  /// True if work waits that no completion will announce: then the next enter must not sleep.
  bool wants_turn() const {
    return !starved_.empty() || !released_.empty() || receives_bulk_ || !bulk_.empty() || timers_wait_ || !fresh_marks_.empty() ||
           (wire_ != nullptr && (!hellos_.empty() || !ended_.empty()));
  }
  /// The time until the next timer is due; nothing if no timer runs.
  std::optional<DurationNs> next_timer() const;

  // -- Writing, for sessions. Ignored unless the connection is open.
  /// Copies `bytes`.
  void write(Connection& connection, ByteView bytes);
  /// Frames a message in place. `payload` has room for a header before it (an event of the frame reader), and its memory must
  /// stay until on_outputs_retired. The transport may move it: payloads of one receive become one run.
  void write_in_place(Connection& connection, MessageType type, MutableBytes payload);
  /// Room for `bytes` bytes that the caller writes. `write_room` then sends the first of them; nothing may be written in between.
  /// Only for an open connection without an outbox.
  std::uint8_t* room(std::size_t bytes) { return arena_.room(bytes); }
  void write_room(Connection& connection, std::size_t bytes);
  /// Refers to a prepared message. A small one is copied, so that several become one contiguous piece.
  void write(Connection& connection, const ws::MessageRef& message);
  /// Output not yet taken by the kernel: waiting_bytes, and output of this turn.
  std::size_t queued_bytes(const Connection& connection) const {
    return connection.outbox == nullptr && connection.output_index == 0 ? 0 : count_queued_bytes(connection);
  }
  /// Output of earlier turns that waits, because the peer is slow.
  std::size_t waiting_bytes(const Connection& connection) const;
  /// Since when the peer has taken no byte although output waits; nothing if none waits.
  std::optional<TimeNs> stalled_since(const Connection& connection) const;

  // -- What became of output, for sessions.
  /// Puts a mark behind all that was written to the connection. Once the kernel has that, Session::on_handed tells, unless the connection
  /// is no longer open. Returns its number, which rises; marks of one turn may share one. 0: there is no memory for it, and no mark.
  std::uint64_t mark(Connection& connection);
  /// Whether it can be known what the peer's TCP has acknowledged.
  bool tells_acked(const Connection& connection) const { return ring_.tells_unacknowledged(table_.slot_of(connection)); }
  /// Asks for that; Session::on_acked answers in a later turn. False: it cannot be known, or an answer is awaited already.
  /// Throws std::bad_alloc; then nothing is asked.
  bool ask_acked(Connection& connection);
  /// What the kernel had of a connection that was terminated, and the peer's TCP had not acknowledged, closing frame included; nullopt: not
  /// known. For Session::on_gone.
  std::optional<std::uint64_t> unacked_at_end(const Connection& connection) const;
  /// Whether the kernel can be asked about the link: known, unix_socket or unsupported.
  LinkStatus link_status(const Connection& connection) const { return ring_.link_status(table_.slot_of(connection)); }
  /// Asks it, where link_status is known (asserted). `on_read` runs in a later turn, once, unless the shard ends before. False, and nothing
  /// is asked: a question about this connection is under way.
  bool read_link(Connection& connection, LinkCallback on_read);
  /// Deadlines wait until everything that has arrived was received.
  bool timers_wait() const { return timers_wait_; }

  // -- Flow and life.
  void pause(Connection& connection);  // bytes that were already received still arrive
  void resume(Connection& connection);
  /// Waits for the next bytes with a poll, which needs less memory in the kernel than a receive.
  void cool(Connection& connection);
  void schedule(Connection& connection, TimeNs deadline);
  /// Closes in order: sends waiting output, then FIN, then waits for the peer's FIN. Later writes are ignored.
  void flush_and_close(Connection& connection);
  /// Ends at once: waiting output is lost, and nothing more is received.
  void terminate(Connection& connection, EndCause cause, Farewell farewell);

  /// The proxies in front of the connection's listener; null if there are none.
  const net::ProxyPolicy* proxies_of(const Connection& connection) const {
    return listeners_[connection.listener_index].slot.proxies.get();
  }
  bool has_tls(const Connection& connection) const {
    return wire_ != nullptr && listeners_[connection.listener_index].slot.tls != nullptr;
  }
  /// Whether `session` has this connection: not before a PROXY header has come and a TLS handshake is over.
  bool serves(const Connection& connection, const Session& session) const {
    return listeners_[connection.listener_index].slot.session == &session && is_announced(connection);
  }
  /// Who the peer is by its certificate; null if it showed none, or speaks plain TCP. Valid until the session was told that the
  /// connection is gone.
  const tls::ClientIdentity* client_identity(const Connection& connection) const;
  /// The process at the other end of a Unix socket; nothing on other listeners than those that name processes, where the kernel
  /// cannot tell, and once a proxy has named another client.
  std::optional<ring::PeerProcess> peer_process(const Connection& connection) const;
  /// What the TLS handshake agreed on; nothing without TLS. Views as valid as client_identity.
  std::optional<tls::Facts> tls_facts(const Connection& connection) const;
  ConnectionTable& table() { return table_; }
  const ConnectionTable& table() const { return table_; }
  std::uint32_t operations_in_flight() const { return operations_in_flight_; }

 private:
  struct LinksOfSlot {
    ConnectionTable* table;
    TimerLinks& operator()(std::uint32_t slot) const { return table->at(slot).timer; }
  };
  struct SlotRef {
    std::uint32_t slot;
    std::uint32_t generation;
  };
  SlotRef ref_of(const Connection& connection) const { return {table_.slot_of(connection), connection.generation}; }
  Connection* find(const SlotRef& ref) { return table_.find(ref.slot, ref.generation); }

  struct ListenerState;

  // transport.cc: accepting and the turn
  void on_accept(const ring::Completion& completion);
  void on_accept_failed(ListenerState& listener, ring::IoError error);
  void arm_accepts();
  bool timers_may_run();
  void fill_reserve();
  bool has_room(const ListenerState& listener, std::uint32_t connections) const;
  void collect_sends(std::span<const ring::Completion> completions);
  void dispatch(const ring::Completion& completion);
  void on_cancelled(const ring::Completion& completion);

  // arriving.cc: from accepting until the client is known
  enum class Naming : std::uint8_t { done, pending };  // of the peer's address
  bool expect_arrival(ring::Socket socket, const ListenerState& listener);
  void begin_arrival(Connection& connection, Naming naming);
  void on_peer_named(Connection& connection);
  void on_header_received(Connection& connection, MutableBytes bytes);
  void arrive(Connection& connection, MutableBytes rest);
  void introduce(Connection& connection);
  void refuse_arrival(Connection& connection, Counter& counter, std::string_view reason);
  bool is_arriving(const Connection& connection) const {
    return !arrivals_.empty() && arrivals_.contains(table_.slot_of(connection));
  }
  void forget_arrival(const Connection& connection);

  // receiving.cc
  void settle_input(Connection& connection);
  void on_receive(const ring::Completion& completion);
  void on_received(Connection& connection, MutableBytes bytes);
  /// Gives plaintext to the session, which may answer in place.
  void deliver(Connection& connection, MutableBytes bytes) {
    window_begin_ = bytes.data();
    window_end_ = bytes.data() + bytes.size();
    session_of(connection).on_received(connection, bytes);
    window_begin_ = window_end_ = nullptr;
  }
  void on_peer_finished(Connection& connection);
  void on_input_failed(Connection& connection, const ring::Completion& completion);
  void on_readable(const ring::Completion& completion);
  void on_hang_up(const ring::Completion& completion);
  void end_input(Connection& connection);
  Connection* take_input(const ring::Completion& completion);
  void warm(Connection& connection);
  void rearm_starved();
  void after_a_moment(const Connection& connection);
  void go_on_after_a_moment();

  // bulk.cc: receiving one after the other
  void list_bulk(Connection& connection);
  void receive_bulk();

  Session& session_of(const Connection& connection) { return *listeners_[connection.listener_index].slot.session; }
  ring::Token token(ring::OperationKind kind, const Connection& connection) const {
    return {kind, table_.slot_of(connection), connection.generation};
  }
  ring::Token input_token(const Connection& connection) const;
  void begin_operation(Connection& connection);
  void end_operation(Connection& connection);

  // sealing.cc: TLS
  /// Whether the session knows the connection.
  bool is_announced(const Connection& connection) const { return !hides_connections_ || is_announced_at_last(connection); }
  bool is_announced_at_last(const Connection& connection) const;
  bool is_established(const Connection& connection) const;
  tls::Codec* codec_of(const Connection& connection) const;
  tls::Codec* new_codec(const Connection& connection);
  bool list_hello(const Connection& connection, tls::Codec& codec);
  void expect_hello(Connection& connection);
  void count_handshake(Connection& connection, Counter& result);
  void give_up_handshake(Connection& connection);
  void on_sealed_received(Connection& connection, MutableBytes bytes);
  void on_flight(Connection& connection, tls::Codec& codec, tls::HelloState state);
  void go_on_with_tls();
  void go_on_with_handshakes();
  void step_handshake(Connection& connection, tls::Codec& codec);
  void refuse_handshake(Connection& connection);
  void open_records(Connection& connection, tls::Codec& codec, std::size_t sealed_bytes);
  bool open_some(Connection& connection, tls::Codec& codec, std::size_t sealed_bytes);
  void announce(Connection& connection, const tls::Codec& codec);
  void on_close_notify(Connection& connection, tls::Codec& codec);
  void on_sealed_end(Connection& connection);
  void tell_ended();
  void fail_tls(Connection& connection, const tls::Codec& codec);
  void log_refusal(const Connection& connection);
  static void write_refusal(const Connection& connection, const tls::Refusal& refusal, std::uint64_t left_out);
  void write_wire_output(Connection& connection);
  void flush_sealed(Connection& connection, TurnOutput& output);
  bool seal_output(Connection& connection, TurnOutput& output);
  bool seal_outbox(Connection& connection);
  bool send_close_notify(Connection& connection);
  void release_codec(Connection& connection);

  // marks.cc
  ConnectionMarks& marks_of(const Connection& connection);
  std::uint64_t put_mark(Connection& connection);
  void settle_fresh_marks();
  void settle_marks(Connection& connection);
  void tell_handed();
  bool ask(Connection& connection);
  void ask_at_end(Connection& connection);
  void on_unacknowledged(const ring::Completion& completion);

  // links.cc
  void on_link(const ring::Completion& completion);

  // sending.cc
  bool window_holds(const std::uint8_t* data) const;
  TurnOutput& output_of(Connection& connection) {
    return connection.output_index != 0 ? outputs_[connection.output_index - 1] : new_output(connection);
  }
  TurnOutput& new_output(Connection& connection);
  std::size_t count_queued_bytes(const Connection& connection) const;
  void add_copy(TurnOutput& output, ByteView bytes);
  void add_bytes(TurnOutput& output, std::uint8_t* data, std::size_t size);
  void add_piece(TurnOutput& output, OutputPiece piece);
  void consolidate(TurnOutput& output);
  void open_outbox(Connection& connection);
  void move_to_outbox(Connection& connection, TurnOutput& output, std::size_t taken);
  void flush(TurnOutput& output);
  void send_pieces(const TurnOutput& output);
  void withdraw_output(Connection& connection);
  void spill(Connection& connection, TurnOutput& output, std::size_t taken);
  void send_outbox(Connection& connection);
  bool goes_uncopied(const Connection& connection, std::size_t bytes) const;
  bool send_uncopied(Connection& connection);
  void settle_silent_send(Connection& connection, const ring::Completion& completion);
  void delay_outbox_send(Connection& connection);
  void on_outbox_sent(const ring::Completion& completion);
  void retire_outputs();
  void flush_outputs();
  void tell_output_waits();
  void drop_outbox(Connection& connection);
  void count_waiting_outputs();
  void give_up_largest_outputs();

  // ending.cc
  void continue_closing(Connection& connection);
  void cancel_everything(Connection& connection);
  void release_terminated();
  void release(Connection& connection);
  void on_timer(std::uint32_t slot);

  struct ListenerState {
    ListenerSlot slot;
    std::uint32_t connections_count = 0;
    TimeNs pause_until = 0;  // after an accept that failed
    bool wanted = false;
    bool armed = false;
    bool armed_for_many = false;
    bool cancelling = false;
  };

  ring::Ring& ring_;
  ShardCounters& counters_;
  Options options_;
  const bool silent_sends_;
  ConnectionTable table_;
  TimerWheel<LinksOfSlot> wheel_;
  TimeNs now_ = 0;
  std::uint64_t now_ms_ = 0;
  TimeNs behind_since_ = 0;           // since when more has arrived than was received; 0: not so
  std::uint32_t stalls_excused_ = 0;  // late turns since timers last ran that were given time to catch up
  bool was_warmed_ = false;           // a cold connection became warm in this turn: its bytes are received in the next
  bool timers_wait_ = false;          // timers do not run until everything that has arrived was received
  TimeNs reserve_retry_at_ = 0;       // when to fill the reserve of descriptors again
  bool accepts_are_settled_ = false;  // no accept must be armed or cancelled until one completes or a connection is gone
  bool reserve_is_whole_ = true;      // the reserve of descriptors is full
  std::vector<ListenerState> listeners_;
  std::vector<TurnOutput> outputs_;  // the first outputs_count_ are this turn's, the rest is kept for reuse
  std::size_t outputs_count_ = 0;
  TurnArena arena_;
  std::uint8_t* window_begin_ = nullptr;  // the bytes that on_received is handling
  std::uint8_t* window_end_ = nullptr;
  ShardBudget output_budget_;
  WaitingOutput waiting_output_{output_budget_};
  std::vector<SlotRef> uncounted_;  // connections with new outboxes, not yet counted
  std::vector<ring::Completion> outbox_sends_;
  std::vector<SlotRef> newly_waiting_;                        // connections whose sessions must be told that output waits
  std::unordered_map<std::uint32_t, ConnectionMarks> marks_;  // by slot
  std::vector<SlotRef> fresh_marks_;                          // connections with marks of this turn
  std::vector<SlotRef> handed_;                               // connections whose sessions must be told of marks
  std::uint64_t marks_count_ = 0;                             // put so far
  std::vector<SlotRef> starved_;                              // connections that wait for buffers
  std::vector<SlotRef> moment_;                               // connections that wait until moment_over_at_
  std::vector<SlotRef> moment_passed_;                        // scratch of go_on_after_a_moment
  TimeNs moment_over_at_ = 0;
  std::deque<SlotRef> bulk_;       // bulk connections with something to receive, in the order in which their polls completed
  bool receives_bulk_ = false;     // the next enter receives from bulk connections
  std::vector<SlotRef> released_;  // terminated connections without operations in flight
  std::uint32_t operations_in_flight_ = 0;
  bool hides_connections_ = false;  // some listener does not show its connections to the session at once
  /// A connection in state arriving, and afterwards if it never leaves it.
  struct Arrival {
    std::shared_ptr<const net::ProxyPolicy> proxies;  // in force when it was accepted
    std::vector<std::uint8_t> header;                 // the beginning of one that does not come whole
    bool is_counted = false;                          // in a counter of its result
  };
  std::unordered_map<std::uint32_t, Arrival> arrivals_;             // by slot
  std::unordered_map<std::uint32_t, ring::PeerProcess> processes_;  // by slot; the ring fills the nodes, which never move
  struct PendingLink {
    LinkQuality quality;
    LinkCallback on_read;
  };
  std::unordered_map<std::uint32_t, PendingLink> links_;  // by slot; likewise
  LogLimiter arrival_logs_;                               // for log lines about refused ones
  std::unique_ptr<tls::Wire> wire_;                       // null while no listener has TLS
  std::vector<std::unique_ptr<tls::Codec>> codecs_;       // by slot; the record has no room for more
  std::deque<SlotRef> hellos_;                            // connections whose handshake waits for its turn
  std::vector<SlotRef> ended_;                            // resumed connections whose peer has sent close_notify
  std::uint32_t handshakes_ = 0;                          // connections that no session knows yet
  LogLimiter refusals_;                                   // of clients' certificates
  LogLimiter limited_logs_;                               // for log lines about handshakes beyond a limit
};

}  // namespace ringgate::conn
