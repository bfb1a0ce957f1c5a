// Serves the devices of one shard: the upgrade, then WebSocket messages to handlers, pings, closing.
//
// It decides; the transport moves bytes and the frame reader reads frames. Owned by the shard; owner shard.
// Invariants: an id is in the map exactly while its connection is open; on_open and on_close are each called once per accepted
// handshake; nothing is sent after a Close frame.
//
// Files: upgrade.cc (request head to 101), verifying.cc (credentials that take long), sources.cc (limits on sources and ids),
// registering.cc (who has an id), deciding.cc (the decision of a handler), drained.cc (what a handler learns of its output),
// partial_heads.cc (unfinished heads), refusing.cc (refused handshakes, health), device_session.cc (frames and handlers), pacing.cc
// (what a device may send), reading_on.cc (input held for a later turn), unfinished.cc (unfinished messages), closing.cc,
// deadlines.cc, credentials.cc (their end and revocation), membership.cc (groups), delivery.cc (pushes), push_queue.cc (pushes to slow
// devices), receipts.cc (who waits for pushes), telling.cc (observers), requests.cc (replies
// that callers await).
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "admission/admission.h"
#include "base/counters.h"
#include "base/shard_budget.h"
#include "conn/transport.h"
#include "dispatch/awaited_replies.h"
#include "dispatch/compression.h"
#include "dispatch/device_record.h"
#include "dispatch/device_settings.h"
#include "dispatch/gate_state.h"
#include "dispatch/group_index.h"
#include "dispatch/known_ids.h"
#include "dispatch/live_credentials.h"
#include "dispatch/observer.h"
#include "dispatch/pacing.h"
#include "dispatch/push_order.h"
#include "dispatch/sweep.h"
#include "http/date_field.h"
#include "ringgate/handler.h"
#include "ringgate/upgrade_verdict.h"
#include "ws/echo_run.h"
#include "ws/frame_reader.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

/// Tells the owner shard of a connection that it was replaced. Implemented by the push service.
class TakeoverNotice {
 public:
  virtual ~TakeoverNotice() = default;
  /// `key`: of the id; it is compared before the connection is closed.
  virtual void notify_replaced(device::ConnectionRef replaced, device::IdKey key) = 0;
};

class ConnectionAccess;
class Elsewhere;

struct DeliveryResult {
  PushOutcome outcome = PushOutcome::unknown_device;
  std::uint64_t queued_bytes = 0;
};

/// What a handler adds to an accepted handshake. Borrows for the call.
struct UpgradeAdditions {
  std::string_view field_lines = {};
  UserData* user_data = nullptr;
};

class DeviceSession final : public conn::Session {
 public:
  DeviceSession(std::uint8_t shard_index, const DeviceSettings& settings, GateState& gate, ring::Ring& ring,
                conn::Transport& transport, ShardCounters& counters);
  ~DeviceSession() override;

  /// Before the first turn. `observer` outlives the session.
  void add_observer(Observer& observer) { observers_.add(observer); }
  void set_takeover_notice(TakeoverNotice& notice) { takeover_notice_ = &notice; }
  /// Who is told of ids that connections of this shard get and give up; null: nobody. It outlives the session.
  void set_elsewhere(Elsewhere* elsewhere) { elsewhere_ = elsewhere; }

  // -- Session
  void on_open(conn::Connection& connection) override;
  bool may_begin_tls(const conn::Connection& connection) override;
  void on_received(conn::Connection& connection, MutableBytes bytes) override;
  void on_warm(conn::Connection& connection) override;
  void on_end_of_stream(conn::Connection& connection) override;
  bool on_peer_finished_while_paused(conn::Connection& connection) override;
  void on_output_waits(conn::Connection& connection) override;
  void on_output_progress(conn::Connection& connection) override;
  void on_output_given_up(conn::Connection& connection) override;
  void on_handed(conn::Connection& connection, std::uint64_t mark, std::uint64_t place) override;
  void on_acked(conn::Connection& connection, std::uint64_t place) override;
  void on_deadline(conn::Connection& connection) override;
  void on_gone(conn::Connection& connection, conn::EndCause cause) override;
  void on_outputs_retired() override;

  // -- For the push service: connections of this shard by reference
  /// Null if that connection is gone or has another id. It need not be open.
  conn::Connection* find(device::ConnectionRef ref, device::IdKey key);
  /// The same for a caller that has the id: comparing it costs less than hashing the connection's.
  conn::Connection* find(device::ConnectionRef ref, std::string_view device_id);
  conn::Connection* find(device::ConnectionRef ref);
  DeliveryResult deliver(conn::Connection& connection, const ws::MessageRef& message, Audience audience);
  /// The same for a push with options: reports at once, or when the message has come as far as somebody waits for.
  void deliver(conn::Connection& connection, PushOrder order, ReportCallback on_report);
  /// True if the connection was open and this call began its closing handshake.
  bool close(conn::Connection& connection, CloseCode code, std::string_view reason, EndedBy ended_by = EndedBy::gate);
  DeviceInfo describe(conn::Connection& connection);
  /// Sends a message of a caller, which gets the device's message with the same correlation id as its result, or why there is none. The
  /// callback runs on this shard: at once, when the reply arrives, at the deadline, or when the connection ends.
  void request(conn::Connection& connection, const DeviceRequest& request, RequestCallback on_result);
  /// Ends the waits whose deadline has passed.
  void give_up_replies() {
    if (awaited_.any()) [[unlikely]]
      give_up_some_replies();
  }
  /// When the next one passes; nullopt: no reply is awaited.
  std::optional<TimeNs> next_reply_deadline() const { return awaited_.next_deadline(); }
  /// What the device is compared by.
  std::uint64_t value_of(const conn::Connection& connection, RankBy rank_by) const;
  /// Sets when the credential of an open device ends, in Unix seconds, or gives it an end. False if the connection is not open.
  bool extend_credential(conn::Connection& connection, std::int64_t expires_at);
  /// Puts an open device into a group, or out of it, for this connection: closed if it is there as asked, no_room, or unknown_device if it
  /// is not open.
  CloseOutcome change_group(conn::Connection& connection, const GroupChange& change);
  /// The groups of this shard's devices, by slot. Those of devices that are being closed are among them.
  const GroupIndex& groups() const { return groups_; }
  /// Whether an open device meets all filters of the selection.
  bool is_selected(const conn::Connection& connection, const Selection& selection) const;
  /// Ends the wait for a handler's decision.
  DecideOutcome decide(conn::Connection& connection, UpgradeDecision& decision);
  /// Limits what an open device may send, in place of what its route says; its buckets are full again. Allocates.
  void set_rates(conn::Connection& connection, const SendRates& rates);
  void with_connection(conn::Connection& connection, std::move_only_function<void(Connection&)>& task);
  /// For a drain: an open device gets 1001, an unfinished handshake is dropped. False if there was nothing to do. `reason` is
  /// called only for a device that gets a Close.
  bool drain_slot(std::uint32_t slot, const std::function<std::string()>& reason);
  /// Device connections of this shard, in any phase.
  std::uint32_t connections_count() const { return connections_count_; }
  /// True for a slot that holds a device in the open phase.
  bool is_open_device(std::uint32_t slot);

  // -- The turn
  /// Reads input that earlier turns put off.
  void read_on();
  /// Closes devices that were banned, or whose credential was revoked, since they connected.
  void enforce_denials() {
    if (denials_are_due()) enforce_some_denials();
  }
  /// Ends waits for pushes whose time is over, asks the kernel what is acknowledged, and calls back those whose wait has ended.
  void settle_pushes() {
    if (!dues_.empty() || !finished_waits_.empty() || known_ids_.next_follower() != UINT64_MAX) [[unlikely]]
      settle_some_pushes();
  }
  /// Ends all waits for pushes; returns the number of those that were called back. Once no shard runs any more.
  std::size_t end_all_pushes();
  /// How long a turn may sleep at most before `settle_pushes` is due; nullopt: nothing waits.
  std::optional<DurationNs> next_push_due() const {
    const TimeNs at = std::min(dues_.empty() ? UINT64_MAX : dues_.begin()->first, known_ids_.next_follower());
    if (at == UINT64_MAX) return std::nullopt;
    return at > transport_.now() ? at - transport_.now() : 1;
  }
  /// True if work waits that no completion will announce.
  bool wants_turn() const;
  /// How long a turn may sleep at most; nullopt: nothing waits that nobody announces.
  std::optional<DurationNs> sleep_max() const {
    // Nobody rings when a sink has room again.
    return sink_waits_.empty() ? std::nullopt : std::optional<DurationNs>(2 * nanoseconds_per_millisecond);
  }
  device::ConnectionRef ref_of(const conn::Connection& connection) const;

 private:
  friend class ConnectionAccess;

  static DeviceRecord& record_of(conn::Connection& connection) { return connection.session<DeviceRecord>(); }
  static const DeviceRecord& record_of(const conn::Connection& connection) { return connection.session<DeviceRecord>(); }
  DeviceSide& side_of(conn::Connection& connection);
  void drop_side_if_idle(DeviceRecord& record);
  static DeflateState* deflate_of(DeviceRecord& record) { return record.side == nullptr ? nullptr : record.side->deflate.get(); }
  const DeviceSettings::RouteLimits& limits_of(const DeviceRecord& record) const { return settings_.limits[record.route_index]; }
  const DeflateConfig& deflate_config(const DeviceRecord& record) const {
    return settings_.config.routes[record.route_index].deflate;
  }

  /// Whether limits on handshakes still have to count this one.
  enum class HandshakeCount : std::uint8_t { due, done_with_tls };

  // upgrade.cc
  void read_head(conn::Connection& connection, MutableBytes bytes);
  void judge_head(conn::Connection& connection, const http::RequestView& request, MutableBytes rest);
  void judge_request(conn::Connection& connection, const http::RequestView& request, MutableBytes rest, HandshakeCount handshake);
  void accept_device(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                     const UpgradeAdditions& additions = {});
  void answer_upgrade(conn::Connection& connection, const http::RequestView& request, const admission::Admission& admission,
                      std::string_view extra_fields);
  void note_agreements(conn::Connection& connection, const http::RequestView& request, const admission::Admission& admission);

  void prepare_device(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission);
  void forget_device(conn::Connection& connection);

  // verifying.cc
  bool must_queue(const http::RequestView& request) const;
  void queue_head(conn::Connection& connection, const http::RequestView& request, MutableBytes rest, HandshakeCount handshake);
  void judge_queued();
  void judge_queued(conn::Connection& connection, HandshakeCount handshake);
  void end_without_memory(conn::Connection& connection);
  /// Runs a step of an opening handshake. Without memory the connection ends, and nothing else.
  template <typename Step>
  void step_handshake(conn::Connection& connection, Step&& step) {
    try {
      step();
    } catch (const std::bad_alloc&) {
      end_without_memory(connection);
    }
  }

  // deciding.cc
  void ask_handler(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                   MutableBytes rest);
  void refuse_as_told(conn::Connection& connection, const http::RequestView& request, const admission::Admission& admission,
                      const UpgradeRefusal& refusal);
  void accept_as_told(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                      UpgradeAccept& told);
  std::optional<admission::Refusal> denial_of(const admission::Admission& admission) const;
  void refuse_unusable(conn::Connection& connection, const http::RequestView& request, const admission::Admission& admission,
                       std::string_view fault);
  void await_decision(conn::Connection& connection, const http::RequestView& request, admission::Admission& admission,
                      MutableBytes rest);
  void keep_head(conn::Connection& connection, http::HeadGatherer&& gatherer);
  void hold_undecided(conn::Connection& connection, MutableBytes bytes);
  std::unique_ptr<admission::Admission> take_awaiting(DeviceRecord& record);
  void refuse_undecided(conn::Connection& connection, admission::Refusal refusal);

  // refusing.cc
  void refuse(conn::Connection& connection, admission::Refusal refusal, const http::RequestView& request);
  void refuse(conn::Connection& connection, admission::Refusal refusal, http::RejectionFacts facts,
              const http::RequestView& request);
  void refuse(conn::Connection& connection, admission::Refusal refusal);
  void note_refusal(const conn::Connection& connection, admission::Refusal refusal, const http::RejectionFacts& facts,
                    const http::RequestView& request);
  void note_let_in(conn::Connection& connection, admission::Refusal refusal);
  std::string_view challenges_for(const http::RequestView& request) const;
  static http::RequestView partial_request(conn::Connection& connection);
  bool is_health_path(const conn::Connection& connection, const http::RequestView& request) const;
  bool asks_for_health(const conn::Connection& connection, const http::RequestView& request) const;
  void answer_health(conn::Connection& connection, const http::RequestView& request);

  // upgrade.cc
  bool reserve_connection(conn::Connection& connection);
  void unreserve_connection(conn::Connection& connection);

  // registering.cc
  std::expected<std::vector<device::ConnectionRef>, admission::Rejection> register_id(const conn::Connection& connection,
                                                                                      device::IdKey key,
                                                                                      const RouteConfig& route);
  std::expected<std::vector<device::ConnectionRef>, admission::Rejection> register_beside_companions(
      const conn::Connection& connection, device::IdKey key, const RouteConfig& route);
  void leave_map(conn::Connection& connection);
  void issue_epoch(const conn::Connection& connection);
  std::uint64_t epoch_of(const conn::Connection& connection) const;

  // sources.cc
  bool is_trusted_proxy(const conn::Connection& connection) const;
  std::optional<admission::Refusal> judge_source(conn::Connection& connection, HandshakeCount handshake);
  std::optional<admission::Refusal> judge_flapping(conn::Connection& connection, std::string_view id, const device::IdKey& key);
  void leave_source(conn::Connection& connection);
  void note_judgement(const limit::Judgement& judgement);

  // pacing.cc
  SendRates rates_of_route(std::uint8_t route_index) const;
  bool count_received(conn::Connection& connection, std::size_t bytes_count);
  bool count_messages(conn::Connection& connection, std::uint64_t messages_count);
  bool end_over_rate(conn::Connection& connection, std::string_view reason);
  void pause_if_in_debt(conn::Connection& connection);
  void pause_by_rate(conn::Connection& connection);
  void go_on_by_rate(conn::Connection& connection);
  DurationNs rate_wait(conn::Connection& connection);
  void echo_paced(conn::Connection& connection, MutableBytes& bytes, const ws::ReaderRules& rules);

  // partial_heads.cc
  void note_partial_head(conn::Connection& connection);
  std::unique_ptr<http::HeadGatherer> take_partial_head(DeviceRecord& record);
  void give_up_oldest_heads();

  // device_session.cc
  void read_open(conn::Connection& connection, MutableBytes bytes);
  void read_frames(conn::Connection& connection, MutableBytes bytes);
  void echo_small_messages(conn::Connection& connection, MutableBytes& bytes, const ws::ReaderRules& rules);
  void count_echoes(DeviceRecord& record, const ws::EchoRun& run);
  bool handle(conn::Connection& connection, ws::Event& event);
  bool on_message(conn::Connection& connection, ws::Event& event);
  void handle_message(conn::Connection& connection, ws::Event& event);
  bool fail_for(conn::Connection& connection, ws::Violation violation, ws::Event& event);
  void on_ping(conn::Connection& connection, ByteView payload);
  void on_pong(conn::Connection& connection, ByteView payload);
  void write_waiting_pongs(conn::Connection& connection);
  template <typename Call>
  void call_handler(conn::Connection& connection, ConnectionAccess& access, Call&& call);  // connection_access.h
  void pause(conn::Connection& connection, std::uint8_t cause);
  void pause_by_handler(conn::Connection& connection);
  void resume_by_handler(conn::Connection& connection);

  // requests.cc
  void note_reply(const conn::Connection& connection, MessageType type, ByteView payload);
  void end_waits(const conn::Connection& connection);

  // reading_on.cc
  bool is_held(const conn::Connection& connection) const { return (connection.session_flags & DeviceFlags::held) != 0; }
  bool replies_abound(conn::Connection& connection) const;
  bool must_wait_for_sinks(const DeviceSettings::RouteLimits& limits) const {
    return limits.waits_for_sinks && limits.sinks != 0 && !observers_.have_room(limits.sinks);
  }
  void read_on_for_sinks();
  void hold(conn::Connection& connection, MutableBytes bytes);
  void read_held(conn::Connection& connection);
  void drop_held(DeviceSide& side);
  void count_held(DeviceSide& side);
  void put_off(conn::Connection& connection);
  void list_put_off(conn::Connection& connection);
  void go_on_reading(conn::Connection& connection, std::uint8_t cause);
  void read_on(conn::Connection& connection);
  void read_on_for_budget();
  ws::Violation inflate(conn::Connection& connection, ws::Event& event);
  ws::Violation keep_inflating(conn::Connection& connection, std::unique_ptr<InflatingMessage> message);
  bool go_on_inflating(conn::Connection& connection);
  void drop_inflating(DeviceSide& side);
  Compression::Account account_of(const DeviceRecord& record) {
    DeviceSide& side = *record.side;
    return {.state = side.deflate.get(),
            .now = transport_.now(),
            .message_bytes_max = limits_of(record).rules.message_bytes_max,
            .paid_at = side.inflate_paid_at};
  }
  void count_message_out(conn::Connection& connection, MessageType type, std::size_t payload_bytes);
  ByteView compressed_frame(conn::Connection& connection, MessageType type, ByteView payload);
  std::size_t write_message(conn::Connection& connection, const ws::MessageRef& message, Audience audience);

  bool has_queue(const conn::Connection& connection) const;
  bool claim_id(const conn::Connection& connection, const PushOrder& order, PushTeller& teller);
  std::optional<PushOutcome> refusal_of(const conn::Connection& connection, const ws::MessageRef& message) const;

  // push_queue.cc
  bool must_queue(const conn::Connection& connection) const;
  DeliveryResult queue_push(conn::Connection& connection, QueuedPush& push);
  DeliveryResult queue_with_memory(conn::Connection& connection, QueuedPush& push);
  PushQueue::iterator withdraw(DevicePushes& pushes, PushQueue::iterator at, PushOutcome outcome);
  void forget_queued(DevicePushes& pushes, const QueuedPush& push);
  void write_queued(conn::Connection& connection);
  void write_first_queued(conn::Connection& connection, DevicePushes& pushes);
  void write_all_queued(conn::Connection& connection);

  // receipts.cc
  bool can_wait(const conn::Connection& connection);
  bool make_wait(conn::Connection& connection, const PushOrder& order, PushWaits& wait);
  void note_taken(const PushWait& wait);
  void tell(PushTeller& teller, const PushReport& report);
  DevicePushes& pushes_of(conn::Connection& connection);
  void await(conn::Connection& connection, PushWaits& wait);
  void ping_behind(conn::Connection& connection, DevicePushes& pushes);
  void finish_wait(PushWaits& waits, PushWaits::iterator wait, PushOutcome outcome);
  template <typename Judge>
  void finish_waits(DevicePushes& pushes, Judge judge);
  void on_numbered_pong(conn::Connection& connection, ByteView payload);
  void on_ping_answered(conn::Connection& connection, std::uint64_t number);
  void end_pushes(conn::Connection& connection);
  void drop_pushes_if_done(conn::Connection& connection);
  void look_again(const conn::Connection& connection, DevicePushes& pushes, TimeNs at);
  void settle_due_pushes(conn::Connection& connection);
  void ask_acked(conn::Connection& connection, DevicePushes& pushes);
  conn::Connection& take_first_due();
  std::size_t tell_finished_pushes();

  // drained.cc
  SendOutcome outcome_of_send(conn::Connection& connection);
  void tell_drained(conn::Connection& connection);
  void tell_drained_of_earlier_turns();

  // unfinished.cc
  void note_unfinished(conn::Connection& connection, ws::Partial* partial);
  void restart_unfinished(conn::Connection& connection);
  std::size_t reassembly_bytes();
  void give_up_oldest_messages();

  // closing.cc
  void start_closing_handshake(conn::Connection& connection, CloseCode code, std::string_view reason, EndedBy ended_by);
  void fail_connection(conn::Connection& connection, CloseCode code, std::string_view reason);
  void answer_close(conn::Connection& connection, const ws::Event& event);
  void note_close(conn::Connection& connection, CloseCode code, std::string_view reason, EndedBy ended_by);

  // telling.cc
  DeviceView view_of(conn::Connection& connection);
  void tell_connected(conn::Connection& connection, const http::RequestView& request,
                      const std::vector<device::ConnectionRef>& replaced);
  void tell_message(conn::Connection& connection, const ws::Event& event, std::uint64_t sinks);
  void tell_slow(conn::Connection& connection, Slowness slowness);
  void tell_disconnect(conn::Connection& connection);

  // credentials.cc
  void keep_credential(const conn::Connection& connection, auth::Grant& grant);
  std::optional<DurationNs> judge_credential(conn::Connection& connection);
  bool enforces_credentials(conn::Connection& connection) const;
  void end_credential(conn::Connection& connection, std::string_view reason, EndedBy ended_by);
  bool denials_are_due() const { return gate_.denied.version() != denials_enforced_; }
  void enforce_some_denials();
  void enforce_denials(conn::Connection& connection);
  void give_up_some_replies();
  void settle_some_pushes();

  // membership.cc
  void join_groups(const conn::Connection& connection, const admission::Admission& admission);
  void join_sticky_groups(const conn::Connection& connection, device::IdKey key);
  void join_group(std::uint32_t slot, std::string_view group);
  std::vector<std::string> groups_of(const conn::Connection& connection);
  void note_memberships() { counters_.group_memberships.set(groups_.memberships_count()); }

  // deadlines.cc
  DurationNs lifetime_of(const conn::Connection& connection) const;
  void schedule_next(conn::Connection& connection);
  void send_ping(conn::Connection& connection);
  void end_slow_consumer(conn::Connection& connection, std::string_view reason);

  Milliseconds32 now_ms() const { return static_cast<Milliseconds32>(transport_.now_ms()); }

  const std::uint8_t shard_index_;
  const DeviceSettings& settings_;
  GateState& gate_;
  ring::Ring& ring_;
  conn::Transport& transport_;
  ShardCounters& counters_;
  TakeoverNotice* takeover_notice_ = nullptr;
  Elsewhere* elsewhere_ = nullptr;
  ws::FrameReader reader_;
  Compression compression_;
  UnfinishedList unfinished_;
  UnfinishedList partial_heads_;
  ShardBudget heads_budget_;
  const std::uint64_t reassembly_bytes_max_;  // this shard's part
  std::string answer_;                        // scratch: the answer to an opening handshake
  http::DateField date_;
  http::HeadGatherer gatherer_;                        // for heads that arrive whole
  std::vector<ws::AssemblyBuffer*> retiring_buffers_;  // hold replies that the kernel may not have taken yet
  std::size_t retiring_bytes_ = 0;                     // memory of these buffers
  std::vector<HeldInput::Memory> retiring_held_;       // held input with such replies
  HeldInput* held_in_reading_ = nullptr;               // the held input that read_frames reads; null: it reads a receive
  ShardBudget held_budget_;
  struct SlotRef {
    std::uint32_t slot;
    std::uint32_t generation;
  };
  struct QueuedHead {
    SlotRef ref;
    HandshakeCount handshake;
  };
  std::deque<SlotRef> put_off_;       // devices with input that was put off, the longest waiting first
  std::size_t put_off_due_ = 0;       // of these, the number put off in earlier turns
  std::deque<QueuedHead> queued_;     // heads that wait for a turn with time for their credential, the longest waiting first
  DurationNs verifying_spent_ = 0;    // of this turn
  std::vector<SlotRef> drained_;      // devices whose handlers wrote so much in one turn that on_drained is due
  std::size_t drained_due_ = 0;       // of these, the number of earlier turns
  std::deque<SlotRef> sink_waits_;    // devices that were put off and are read once the sinks of their routes have room
  std::deque<SlotRef> budget_waits_;  // devices that are read from once less input is held
  Observers observers_;
  LiveCredentials credentials_;
  AwaitedReplies awaited_;
  GroupIndex groups_;
  std::vector<std::string> groups_viewed_;  // of the last DeviceView
  std::uint64_t denials_enforced_ = 0;      // the version of the deny list by which all connections were judged
  std::uint64_t denials_seen_ = 0;          // the version that is being enforced
  std::uint32_t denial_slot_ = 0;           // the next one to look at
  std::uint32_t denial_slots_end_ = 0;      // the slots that there were when it was last looked
  std::uint32_t denial_slots_left_ = 0;     // of this round
  std::uint32_t connections_count_ = 0;
  DevicePaces paces_;
  std::vector<std::uint32_t> epochs_;       // by slot: what Epochs::issue returned; empty until an observer needs epochs
  std::vector<std::uint64_t> source_keys_;  // by slot: for Limiter::leave, 0: not counted; empty until a source is counted
  conn::Connection* reading_ = nullptr;     // whose frames are being read
  ShardBudget queued_budget_;               // of pushes that wait as messages
  PushDues dues_;                           // of all DevicePushes::due
  KnownIds known_ids_;
  PushWaits finished_waits_;  // their callbacks are due
  static constexpr DurationNs mark_pause =
      10 * nanoseconds_per_millisecond;  // until a mark is tried again for which there was no memory
  std::size_t waits_count_ = 0;          // of all devices: at most limits::receipts_per_shard_max
  std::uint64_t pings_numbered_ = 0;     // that were sent for pushes
  std::uint32_t asks_left_ = 0;          // questions to the kernel in this turn
};

}  // namespace ringgate::dispatch
