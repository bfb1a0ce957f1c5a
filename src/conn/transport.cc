// Accepting, receiving, flow control and timers.
#include "conn/transport.h"

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::conn {

using ring::Completion;
using ring::IoError;
using ring::OperationKind;

namespace {
constexpr DurationNs accept_pause = 100 * nanoseconds_per_millisecond;
}

Transport::Transport(ring::Ring& ring, ShardCounters& counters, const Options& options)
    : ring_(ring),
      counters_(counters),
      options_(options),
      silent_sends_(ring.features().silent_sends),
      table_(options.slots_count),
      wheel_(LinksOfSlot{&table_}, ring.now()),
      now_(ring.now()) {
  if (!ring.features().zero_copy_sends) options_.zero_copy_bytes = SIZE_MAX;
}

Transport::~Transport() {
  for (std::uint32_t slot = 0; slot < table_.high_water(); ++slot) delete table_.at(slot).outbox;
}

// -- Accepting

void Transport::start_accepting(std::uint32_t listener_index, ListenerSlot listener) {
  if (listeners_.size() <= listener_index) listeners_.resize(listener_index + 1);
  listeners_[listener_index] = {.slot = listener, .wanted = true};
}

void Transport::stop_accepting(std::uint32_t listener_index) {
  ListenerState& listener = listeners_[listener_index];
  listener.wanted = false;
  ring_.stop_listening(listener_index);
}

/// Arms what should accept and cancels what must not: a full descriptor table would drop connections on the floor.
void Transport::arm_accepts() {
  if (now_ < accept_pause_until_) return;
  const std::uint32_t free_slots = table_.slots_count() - table_.used_count();
  for (std::uint32_t index = 0; index < listeners_.size(); ++index) {
    ListenerState& listener = listeners_[index];
    const bool room = free_slots > listener.slot.slots_left_free;
    const bool room_for_many = free_slots > listener.slot.slots_left_free + listener.slot.backlog;
    if (listener.wanted && room && !listener.armed) {
      listener.armed = true;
      listener.armed_for_many = room_for_many;
      room_for_many ? ring_.accept(index) : ring_.accept_one(index);
    } else if (listener.armed && !listener.cancelling && (!room || (listener.armed_for_many && !room_for_many))) {
      listener.cancelling = true;
      ring_.cancel_accept(index);
    }
  }
}

void Transport::on_accept(const Completion& completion) {
  ListenerState& listener = listeners_[completion.token.slot];
  if (!completion.more) listener.armed = listener.cancelling = false;
  if (completion.error != IoError::none) {
    // Re-arming at once into a full descriptor table would spin.
    if (completion.error == IoError::no_descriptors || completion.error == IoError::no_memory)
      accept_pause_until_ = now_ + accept_pause;
    return;
  }
  const auto socket = static_cast<ring::Socket>(completion.result);
  Connection* connection = table_.open(socket);
  if (connection == nullptr) {
    ring_.close(socket, true, {OperationKind::close, 0, 0});
    return;
  }
  counters_.accepted.add(1);
  connection->listener_index = static_cast<std::uint8_t>(completion.token.slot);
  connection->opened_ms = (now_ / nanoseconds_per_millisecond) & ((std::uint64_t{1} << 40) - 1);
  if (ring_.peer_address(socket, &connection->peer, token(OperationKind::peer_name, *connection)))
    begin_operation(*connection);
  arm_receive(*connection);
  session_of(*connection).on_open(*connection);
}

// -- The turn

void Transport::run(std::span<const Completion> completions) {
  // Failed silent sends first: what they point into is free again once they are copied away.
  outbox_sends_.clear();
  for (const Completion& completion : completions)
    if (completion.token.kind == OperationKind::send) sort_send(completion);
  retire_outputs();
  const bool buffers_returned = ring_.return_buffers();
  for (const Completion& completion : outbox_sends_) on_outbox_sent(completion);

  for (const Completion& completion : completions) {
    switch (completion.token.kind) {
      case OperationKind::accept: on_accept(completion); break;
      case OperationKind::receive:
      case OperationKind::receive_now: on_receive(completion); break;
      case OperationKind::readable: on_readable(completion); break;
      case OperationKind::shutdown:
      case OperationKind::cancel:
      case OperationKind::peer_name:
        if (Connection* connection = table_.find(completion.token)) end_operation(*connection);
        break;
      default: break;
    }
  }
  // After the loop: a receive that starved in this very batch finds the buffers that have just come back.
  if (buffers_returned || ring_.buffers_lent() == 0) rearm_starved();
}

void Transport::finish_turn() {
  process_ending();
  for (std::size_t i = 0; i < outputs_count_; ++i)
    if (!outputs_[i].submitted && outputs_[i].slot != TurnOutput::no_slot) flush(outputs_[i]);
  receive_bulk();
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
  if (connection.state == State::ending && connection.operations_in_flight == 0) list_ending(connection);
}

// -- Receiving

void Transport::arm_receive(Connection& connection) {
  RINGGATE_ASSERT(!connection.receive_armed);
  connection.bulk = false;
  connection.receive_armed = true;
  begin_operation(connection);
  ring_.receive(table_.slot_of(connection), token(OperationKind::receive, connection));
}

/// A receive, or a poll for a connection that is bulk or cools.
void Transport::arm_input(Connection& connection) {
  const bool cools = connection.cooling;
  connection.cooling = false;
  if (connection.state != State::open || (!cools && !connection.bulk)) return arm_receive(connection);
  connection.receive_armed = true;
  connection.polled = true;
  connection.bulk = connection.bulkiness > 0;
  if (!connection.bulk) counters_.connections_cold.add(1);
  begin_operation(connection);
  ring_.wait_readable(table_.slot_of(connection), token(OperationKind::readable, connection));
}

void Transport::on_readable(const Completion& completion) {
  Connection* const connection = table_.find(completion.token);
  if (connection == nullptr) {
    counters_.stale_completions.add(1);
    return;
  }
  connection->receive_armed = false;
  connection->receive_cancelled = false;
  connection->polled = false;
  if (!connection->bulk) counters_.connections_cold.subtract(1);
  end_operation(*connection);
  if (connection->state == State::ending || connection->paused) return;
  if (connection->bulk) return list_bulk(*connection);
  arm_receive(*connection);
  if (connection->state == State::open) session_of(*connection).on_warm(*connection);
}

void Transport::on_receive(const Completion& completion) {
  Connection* connection = table_.find(completion.token);
  const MutableBytes bytes = completion.has_buffer ? ring_.received(completion) : MutableBytes{};
  if (connection == nullptr) {
    counters_.stale_completions.add(1);
    return;
  }
  if (!completion.more) {
    connection->receive_armed = false;
    connection->receive_cancelled = false;
    end_operation(*connection);
  }
  if (connection->state == State::ending) return;

  if (!bytes.empty()) {
    connection->bytes_in += bytes.size();
    counters_.wire_bytes_in.add(bytes.size());
    if (connection->state == State::open) {
      window_begin_ = bytes.data();
      window_end_ = bytes.data() + bytes.size();
      session_of(*connection).on_received(*connection, bytes);
      window_begin_ = window_end_ = nullptr;
      if (bytes.size() >= options_.bulk_bytes || connection->bulkiness > 0) weigh(*connection, bytes.size());
    }
  } else if (completion.error == IoError::none) {
    connection->peer_finished = true;
    if (connection->state == State::open)
      session_of(*connection).on_end_of_stream(*connection);
    else if (connection->state == State::lingering)
      end(*connection, connection->ending, false);
    return;  // nothing follows a FIN: the receive is not armed again
  } else if (completion.error == IoError::no_buffers) {
    if (!connection->starved) starved_.push_back({completion.token.slot, completion.token.generation});
    connection->starved = true;
    return;
  } else if (completion.error != IoError::cancelled && completion.error != IoError::no_memory &&
             completion.error != IoError::again) {
    end(*connection, Ending::reset, true);
    return;
  }
  if (!connection->receive_armed && !connection->paused && connection->state != State::ending) arm_input(*connection);
}

void Transport::rearm_starved() {
  for (const SlotRef& ref : starved_) {
    Connection* connection = table_.find(ref.slot, ref.generation);
    if (connection == nullptr) continue;
    connection->starved = false;
    if (connection->state != State::ending && !connection->receive_armed && !connection->paused) arm_input(*connection);
  }
  starved_.clear();
}

void Transport::pause(Connection& connection) {
  if (connection.paused || connection.state != State::open) return;
  connection.paused = true;
  cancel_input(connection);
}

void Transport::cool(Connection& connection) {
  if (connection.is_cold() || connection.paused || connection.state != State::open || !connection.receive_armed) return;
  connection.bulkiness = 0;
  if (connection.polled) {
    connection.bulk = false;
    counters_.connections_cold.add(1);
  } else if (!connection.bulk) {
    connection.cooling = true;
    cancel_input(connection);
  }
}

void Transport::cancel_input(Connection& connection) {
  if (!connection.receive_armed || connection.receive_cancelled) return;
  if (connection.bulk && !connection.polled) return;  // a receive that does not wait
  connection.receive_cancelled = true;
  begin_operation(connection);
  const OperationKind kind = connection.polled ? OperationKind::readable : OperationKind::receive;
  ring_.cancel_operation(token(kind, connection), token(OperationKind::cancel, connection));
}

void Transport::resume(Connection& connection) {
  if (!connection.paused) return;
  connection.paused = false;
  // If the cancelled receive has not completed yet, its completion arms the next one.
  if (!connection.receive_armed && !connection.starved && !connection.bulk_listed && connection.state == State::open)
    arm_input(connection);
}

// -- Timers

void Transport::schedule(Connection& connection, TimeNs deadline) { wheel_.schedule(table_.slot_of(connection), deadline); }

std::optional<DurationNs> Transport::next_timer() const {
  std::optional<DurationNs> next = wheel_.next_wake(now_);
  if (accept_pause_until_ > now_) {
    const DurationNs pause = accept_pause_until_ - now_;
    if (!next || pause < *next) next = pause;
  }
  return next;
}

void Transport::expire_timers() {
  wheel_.expire(now_, [this](std::uint32_t slot) { on_timer(slot); });
}

}  // namespace ringgate::conn
