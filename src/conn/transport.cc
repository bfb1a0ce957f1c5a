// Accepting, the turn, and timers. Part of Transport.
#include "conn/transport.h"

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::conn {

using ring::Completion;
using ring::IoError;
using ring::OperationKind;

namespace {
constexpr DurationNs accept_pause = 100 * nanoseconds_per_millisecond;

/// A turn that begins this late gets new time to catch up before timers run. At most stalls_excused_max in a row are excused: if
/// turns are always late, a handler takes long, and timers must run nevertheless.
constexpr DurationNs stall = nanoseconds_per_second / 2;
constexpr std::uint32_t stalls_excused_max = 16;
constexpr DurationNs behind_patience = nanoseconds_per_second;
}  // namespace

Transport::Transport(ring::Ring& ring, ShardCounters& counters, const Options& options)
    : ring_(ring),
      counters_(counters),
      options_(options),
      silent_sends_(ring.features().silent_sends),
      table_(options.slots_count),
      wheel_(LinksOfSlot{&table_}, ring.now()),
      now_(ring.now()),
      now_ms_(now_ / nanoseconds_per_millisecond),
      output_budget_(options.output_bytes_max, counters.output_bytes, counters.output_bytes_max) {
  if (!ring.features().zero_copy_sends) options_.zero_copy_bytes = SIZE_MAX;
  released_.reserve(options.slots_count);  // to end a connection must not need memory; what is not used is never touched
}

Transport::~Transport() {
  for (std::uint32_t slot = 0; slot < table_.high_water(); ++slot) delete table_.at(slot).outbox;
}

// -- Accepting

void Transport::start_accepting(std::uint32_t listener_index, ListenerSlot listener) {
  if (listeners_.size() <= listener_index) listeners_.resize(listener_index + 1);
  if (listener.tls != nullptr && wire_ == nullptr) wire_ = std::make_unique<tls::Wire>();
  hides_connections_ |= listener.tls != nullptr || listener.proxies != nullptr;
  listeners_[listener_index] = {.slot = std::move(listener), .wanted = true};
  accepts_are_settled_ = false;
  if (listeners_[listener_index].slot.takes_reserve) reserve_is_whole_ = false;  // the reserve is empty yet
}

void Transport::stop_accepting(std::uint32_t listener_index) {
  ListenerState& listener = listeners_[listener_index];
  listener.wanted = false;
  accepts_are_settled_ = false;
  ring_.stop_listening(listener_index);
}

/// Arms the accepts of listeners with room and cancels the others: with a full table the kernel would drop connections.
void Transport::arm_accepts() {
  if (accepts_are_settled_) return;
  fill_reserve();
  accepts_are_settled_ = reserve_is_whole_;
  for (std::uint32_t index = 0; index < listeners_.size(); ++index) {
    ListenerState& listener = listeners_[index];
    const bool room = has_room(listener, 1);
    const bool room_for_many = room && has_room(listener, 1 + listener.slot.backlog);
    if (listener.wanted && room && !listener.armed && now_ >= listener.pause_until) {
      listener.armed = true;
      listener.armed_for_many = room_for_many;
      room_for_many ? ring_.accept(index) : ring_.accept_one(index);
    } else if (listener.armed && !listener.cancelling && (!room || (listener.armed_for_many && !room_for_many))) {
      listener.cancelling = true;
      ring_.cancel_accept(index);
    }
    // For a listener armed for many, nothing changes until an accept completes or a connection is gone.
    accepts_are_settled_ &= !listener.wanted || (listener.armed_for_many && listener.armed && !listener.cancelling);
  }
}

/// While descriptors are short, only listeners with a reserve accept. The others wait until the reserve is whole again.
bool Transport::has_room(const ListenerState& listener, std::uint32_t connections) const {
  const ListenerSlot& slot = listener.slot;
  if (!reserve_is_whole_ && !slot.takes_reserve) return false;
  const std::uint64_t free_slots = table_.slots_count() - table_.used_count();
  return free_slots >= std::uint64_t{slot.slots_left_free} + connections &&
         std::uint64_t{listener.connections_count} + connections <= slot.connections_max;
}

void Transport::fill_reserve() {
  if (reserve_is_whole_ || now_ < reserve_retry_at_) return;
  reserve_is_whole_ = ring_.hold_reserve(limits::reserved_descriptors_per_shard);
  if (!reserve_is_whole_) reserve_retry_at_ = now_ + accept_pause;
}

/// Pauses the listener: to arm the accept again at once would spin while the cause lasts.
void Transport::on_accept_failed(ListenerState& listener, IoError error) {
  if (error == IoError::cancelled || error == IoError::connection_ended) return;  // our cancel, or a peer that is gone
  if (error == IoError::no_descriptors && listener.slot.takes_reserve && ring_.release_reserve()) {
    reserve_retry_at_ = now_ + accept_pause;  // else the reserve would take the descriptor back at once
    reserve_is_whole_ = false;
    return;
  }
  listener.pause_until = now_ + accept_pause;
}

void Transport::on_accept(const Completion& completion) {
  accepts_are_settled_ = false;
  ListenerState& listener = listeners_[completion.token.slot];
  if (!completion.more) listener.armed = listener.cancelling = false;
  if (completion.error != IoError::none) return on_accept_failed(listener, completion.error);
  const auto socket = static_cast<ring::Socket>(completion.result);
  const bool arrives = listener.slot.proxies != nullptr;
  Connection* connection = arrives && !expect_arrival(socket, listener) ? nullptr : table_.open(socket);
  if (connection == nullptr) {
    if (arrives) arrivals_.erase(socket);
    ring_.close(socket, true, {OperationKind::close, 0, 0});
    return;
  }
  counters_.accepted.add(1);
  counters_.accepted_by_listener[std::min<std::size_t>(completion.token.slot, limits::listeners_max)].add(1);
  ++listener.connections_count;
  connection->listener_index = static_cast<std::uint8_t>(completion.token.slot);
  connection->opened_ms = now_ms_ & ((std::uint64_t{1} << 39) - 1);
  const bool is_named_later = ring_.peer_address(socket, &connection->peer, token(OperationKind::peer_name, *connection));
  if (is_named_later) begin_operation(*connection);
  // Before receiving, so that it is known when the first bytes are there.
  if (listener.slot.names_processes && connection->peer.is_unix() &&
      ring_.peer_process(socket, &processes_[socket], token(OperationKind::peer_process, *connection)))
    begin_operation(*connection);
  if (arrives) return begin_arrival(*connection, is_named_later ? Naming::pending : Naming::done);
  settle_input(*connection);
  introduce(*connection);
}

std::optional<ring::PeerProcess> Transport::peer_process(const Connection& connection) const {
  const auto process = processes_.find(table_.slot_of(connection));
  if (process == processes_.end() || !process->second.is_known() || !connection.peer.is_unix()) return std::nullopt;
  return process->second;
}

// -- The turn

void Transport::set_now(TimeNs now) {
  if (now - now_ > stall && stalls_excused_ < stalls_excused_max) {
    behind_since_ = 0;
    ++stalls_excused_;
  }
  now_ = now;
  now_ms_ = now / nanoseconds_per_millisecond;
}

void Transport::run(std::span<const Completion> completions) {
  was_warmed_ = false;
  // No session is called before the outputs of the last turn have retired: a session could write into them.
  collect_sends(completions);
  retire_outputs();
  const bool buffers_returned = ring_.return_buffers();

  tell_output_waits();
  if (!handed_.empty()) tell_handed();
  for (const Completion& completion : outbox_sends_) on_outbox_sent(completion);
  for (const Completion& completion : completions) dispatch(completion);
  if (wire_ != nullptr) go_on_with_tls();
  // After the loop, so that a receive that starved in this batch finds the buffers that were just returned.
  if (buffers_returned || ring_.buffers_lent() == 0) rearm_starved();
}

/// Moves the output of failed silent sends to outboxes, so that its memory is free again. Keeps the completions of outbox sends
/// for later, because they call sessions.
void Transport::collect_sends(std::span<const Completion> completions) {
  outbox_sends_.clear();
  for (const Completion& completion : completions) {
    if (completion.token.kind != OperationKind::send) continue;
    Connection* const connection = table_.find(completion.token);
    if (connection == nullptr) counters_.stale_completions.add(1);
    else if (connection->outbox_send == OutboxSend::in_flight) outbox_sends_.push_back(completion);
    else settle_silent_send(*connection, completion);
  }
}

void Transport::dispatch(const Completion& completion) {
  switch (completion.token.kind) {
    case OperationKind::accept: return on_accept(completion);
    case OperationKind::receive:
    case OperationKind::receive_now: return on_receive(completion);
    case OperationKind::readable: return on_readable(completion);
    case OperationKind::hang_up: return on_hang_up(completion);
    case OperationKind::cancel: return on_cancelled(completion);
    case OperationKind::unacknowledged: return on_unacknowledged(completion);
    case OperationKind::link: return on_link(completion);
    case OperationKind::peer_process:
      if (Connection* const connection = table_.find(completion.token)) end_operation(*connection);
      return;
    case OperationKind::shutdown:
    case OperationKind::peer_name: {
      Connection* const connection = table_.find(completion.token);
      if (connection == nullptr) return;
      end_operation(*connection);
      if (connection->state == State::arriving) on_peer_named(*connection);
      return;
    }
    default: return;
  }
}

/// Usually the cancelled operation completes too, before or after. If it does not, the cancel was lost and is repeated.
void Transport::on_cancelled(const Completion& completion) {
  Connection* const connection = table_.find(completion.token);
  if (connection == nullptr) return;
  end_operation(*connection);
  if (connection->state == State::terminating) return;  // a timer repeats the cancel
  connection->input.cancel_ended();
  if (connection->input.step() == InputStep::cancel) after_a_moment(*connection);
}

void Transport::finish_turn() {
  release_terminated();
  count_waiting_outputs();
  flush_outputs();
  receive_bulk();
  give_up_largest_outputs();
  arm_accepts();
  counters_.slots_used.set(table_.used_count());
  counters_.descriptors_used.set(table_.used_count());
}

void Transport::begin_operation(Connection& connection) {
  RINGGATE_ASSERT(connection.operations_in_flight < UINT8_MAX);
  ++connection.operations_in_flight;
  counters_.operations_in_flight.set(++operations_in_flight_);
}

void Transport::end_operation(Connection& connection) {
  RINGGATE_ASSERT(connection.operations_in_flight > 0);
  --connection.operations_in_flight;
  counters_.operations_in_flight.set(--operations_in_flight_);
  if (connection.state == State::terminating && connection.operations_in_flight == 0) released_.push_back(ref_of(connection));
}

// -- Timers

void Transport::schedule(Connection& connection, TimeNs deadline) { wheel_.schedule(table_.slot_of(connection), deadline); }

std::optional<DurationNs> Transport::next_timer() const {
  std::optional<DurationNs> next = wheel_.next_wake(now_);
  const auto consider = [&](TimeNs at) {
    if (at > now_ && (!next || at - now_ < *next)) next = at - now_;
  };
  for (const ListenerState& listener : listeners_) consider(listener.pause_until);
  if (!reserve_is_whole_) consider(reserve_retry_at_);
  if (!moment_.empty()) {
    const DurationNs rest = moment_over_at_ > now_ ? moment_over_at_ - now_ : 1;
    if (!next || rest < *next) next = rest;
  }
  return next;
}

/// After a stall (SIGSTOP, a suspended machine, a stolen processor), deadlines have passed although the devices sent in time. So
/// timers wait until everything that had arrived was received, but at most behind_patience.
bool Transport::timers_may_run() {
  const bool is_behind = ring_.has_more() || !starved_.empty() || !bulk_.empty() || receives_bulk_ || was_warmed_;
  if (!is_behind) {
    behind_since_ = 0;
    return true;
  }
  if (behind_since_ == 0) behind_since_ = now_;
  return now_ - behind_since_ >= behind_patience;
}

void Transport::expire_timers() {
  go_on_after_a_moment();
  timers_wait_ = !timers_may_run();
  if (timers_wait_) return;
  stalls_excused_ = 0;
  wheel_.expire(now_, [this](std::uint32_t slot) { on_timer(slot); });
}

}  // namespace ringgate::conn
