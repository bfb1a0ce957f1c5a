// The limits of an admin connection: how much may wait, when the connection ends, and its deadlines.
#include <algorithm>

#include "admin/admin_session.h"
#include "base/limits.h"

namespace ringgate::admin {
namespace {

using Phase = RequestReader::Phase;

constexpr TimeNs never = UINT64_MAX;

/// True if the next request must wait for an answer to an earlier one.
bool awaits_answer(const AdminConnection& state) {
  if (state.answers.size() >= limits::pipelined_requests_max) return true;
  return state.awaited_sequence && state.answers.shape_of(*state.awaited_sequence) != nullptr;
}

}  // namespace

// -- Holding back

/// Bounds what a connection makes us keep, both for callers that only send requests and for callers that do not read answers.
bool AdminSession::must_hold(const conn::Connection& connection, const AdminConnection& state) const {
  return transport_.queued_bytes(connection) > limits::admin_output_bytes_max || must_wait(state);
}

/// Whatever its output: whoever ends that calls `go_on`.
bool AdminSession::must_wait(const AdminConnection& state) {
  const RunningStream* const running = state.running.get();
  if (state.reads_pieces) return running == nullptr || running->input_held;
  if (running != nullptr && running->coding == BodyCoding::upgraded) return running->input_held;
  return running != nullptr || state.stream_is_due || awaits_answer(state);
}

/// Keeps `input` until the next request may begin. Bytes that the kernel received before the pause still arrive.
void AdminSession::hold(conn::Connection& connection, ByteView input) {
  AdminConnection& state = state_of(connection);
  state.intake = Intake::held;
  state.held.insert(state.held.end(), input.begin(), input.end());
  if (state.held.size() > limits::admin_held_bytes_max)
    transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
  else transport_.pause(connection);
}

/// Called when there may be room again: reads the held input.
void AdminSession::go_on(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  if (!connection.is_live()) return;
  if (state.intake == Intake::held && !must_hold(connection, state)) {
    state.intake = Intake::open;
    const std::vector<std::uint8_t> input = std::exchange(state.held, {});
    read_requests(connection, input);
    if (state.intake == Intake::open) transport_.resume(connection);
  }
  finish_if_done(connection);
  act_on_deadlines(connection);
}

void AdminSession::on_output_waits(conn::Connection& connection) { act_on_deadlines(connection); }
void AdminSession::on_output_progress(conn::Connection& connection) { go_on(connection); }

// -- The peer's end of the stream

/// Whole requests before the FIN are answered. A request that the FIN cuts is not served.
void AdminSession::on_end_of_stream(conn::Connection& connection) {
  state_of(connection).peer_finished = true;
  finish_if_done(connection);
}

void AdminSession::finish_if_done(conn::Connection& connection) {
  const AdminConnection& state = state_of(connection);
  if (!state.peer_finished || !connection.is_live()) return;
  const bool is_body_cut = state.running != nullptr && state.reads_pieces && state.intake == Intake::open;
  if (is_body_cut) {
    connection.end_cause = conn::EndCause::peer_closed;
    return cut_stream(connection);
  }
  if (state.running != nullptr) {
    if (state.running->stream->outlives_input()) return;
  } else if (state.intake != Intake::open || !state.answers.empty()) {
    return;
  }
  connection.end_cause = conn::EndCause::peer_closed;
  transport_.flush_and_close(connection);
}

// -- The end of the gate

void AdminSession::end_all() {
  is_ending_ = true;
  conn::ConnectionTable& table = transport_.table();
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot) {
    conn::Connection& connection = table.at(slot);
    if (connection.is_live() && transport_.serves(connection, *this)) end_behind_answers(connection);
  }
}

/// Requests that have not begun are not served. Their caller sees the connection close and may retry (RFC 9112 section 9.3.1).
void AdminSession::end_behind_answers(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  state.intake = Intake::stopped;
  state.held.clear();
  if (state.running != nullptr) {
    state.running->closes = true;
    state.running->stream->on_drain();
  }
  if (!state.answers.empty()) state.answers.close_behind_last();
  else if (state.running == nullptr) transport_.flush_and_close(connection);
}

// -- Deadlines: one timer per connection, set to the nearest one

void AdminSession::on_deadline(conn::Connection& connection) { go_on(connection); }

/// When the peer must have sent the bytes that the reader waits for.
TimeNs AdminSession::request_deadline(const AdminConnection& state) const {
  switch (state.reader.phase()) {
    case Phase::idle:
      if (state.owes()) return never;  // the peer waits for us
      return state.since + (state.is_first ? settings_.head_timeout : settings_.idle_timeout);
    case Phase::head: return state.since + settings_.head_timeout;
    case Phase::body: {
      if (state.reads_pieces) return state.since + settings_.idle_timeout;
      const DurationNs grace = limits::admin_body_grace_seconds * nanoseconds_per_second;
      const DurationNs earned =
          state.reader.request().body.size() * (nanoseconds_per_second / limits::admin_body_bytes_per_second_min);
      return state.since + std::max(grace, earned);
    }
  }
  return never;
}

/// Acts on each deadline that has passed, and sets the timer to the next one.
void AdminSession::act_on_deadlines(conn::Connection& connection) {
  if (!connection.is_live()) return;
  const AdminConnection& state = state_of(connection);
  const TimeNs now = transport_.now();
  TimeNs nearest = never;

  const auto stalled_since = transport_.stalled_since(connection);
  if (stalled_since && settings_.send_timeout != 0) {
    nearest = *stalled_since + settings_.send_timeout;
    if (now >= nearest) {
      if (state.running != nullptr) state.running->stream->on_stalled();
      transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
      return;
    }
  }
  if (state.intake == Intake::open) {
    const TimeNs deadline = request_deadline(state);
    if (now >= deadline) {
      give_up_request(connection);
      return;
    }
    nearest = std::min(nearest, deadline);
  } else if (state.intake == Intake::held && !connection.output_waits() && !must_wait(state)) {
    nearest = now;  // held by output of this turn: if the kernel takes it whole, no call tells us
  }
  if (state.running != nullptr && state.running->wake_at) nearest = std::min(nearest, std::max(now, *state.running->wake_at));
  if (nearest != never) transport_.schedule(connection, nearest);
}

/// The peer was too slow. Within a request it gets 408, else the connection is closed.
void AdminSession::give_up_request(conn::Connection& connection) {
  if (state_of(connection).reader.phase() == Phase::idle || state_of(connection).reads_pieces) {
    transport_.flush_and_close(connection);
    return;
  }
  counters_.admin_timeouts.add(1);
  reject(connection, http::Rejection::request_timeout);
}

}  // namespace ringgate::admin
