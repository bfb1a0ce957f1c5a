// Connections that have become streams: their output, their input, their turns and their end.
#include <string>
#include <utility>

#include "admin/admin_session.h"
#include "base/limits.h"
#include "http/response.h"

namespace ringgate::admin {

// -- For the streams

/// Null if that stream is gone.
conn::Connection* AdminSession::find_streaming(const AnswerTicket& ticket) const {
  conn::Connection* const connection = transport_.table().find(ticket.slot, ticket.generation);
  if (connection == nullptr || !connection->is_live()) return nullptr;
  const AdminConnection& state = state_of(*connection);
  const bool is_it = state.running != nullptr && state.running->ticket == ticket && !state.running->is_finished;
  return is_it ? connection : nullptr;
}

void AdminSession::write(const AnswerTicket& ticket, ByteView bytes) {
  conn::Connection* const connection = find_streaming(ticket);
  if (connection == nullptr || bytes.empty()) return;  // an empty chunk would be the last one
  if (state_of(*connection).running->coding != BodyCoding::chunked) return transport_.write(*connection, bytes);
  std::string head;
  http::append_chunk_head(head, bytes.size());
  transport_.write(*connection, bytes_of(head));
  transport_.write(*connection, bytes);
  transport_.write(*connection, bytes_of("\r\n"));
}

void AdminSession::finish(const AnswerTicket& ticket) {
  if (conn::Connection* const connection = find_streaming(ticket)) state_of(*connection).running->is_finished = true;
}

void AdminSession::hold_input(const AnswerTicket& ticket, bool held) {
  if (conn::Connection* const connection = find_streaming(ticket)) state_of(*connection).running->input_held = held;
}

void AdminSession::wake_at(const AnswerTicket& ticket, TimeNs time) {
  conn::Connection* const connection = find_streaming(ticket);
  if (connection == nullptr) return;
  state_of(*connection).running->wake_at = time;
  act_on_deadlines(*connection);
}

std::size_t AdminSession::room(const AnswerTicket& ticket) const {
  const conn::Connection* const connection = find_streaming(ticket);
  if (connection == nullptr) return 0;
  const std::size_t queued = transport_.queued_bytes(*connection);
  return queued >= limits::admin_output_bytes_max ? 0 : limits::admin_output_bytes_max - queued;
}

// -- Beginning

/// The head of the answer was written.
void AdminSession::begin_stream(conn::Connection& connection, std::uint32_t sequence, WrittenAnswer& written) {
  AdminConnection& state = state_of(connection);
  const AnswerTicket ticket{transport_.table().slot_of(connection), connection.generation, sequence};
  state.stream_is_due = false;
  state.running = std::make_unique<RunningStream>(RunningStream{
      .stream = std::move(written.stream), .ticket = ticket, .coding = written.coding, .closes = written.closes, .wake_at = {}});
  streaming_.push_back(ticket);
  // `Connection: close` beside an upgrade is about HTTP, which has ended.
  if (written.coding == BodyCoding::upgraded && state.intake == Intake::stopped && !is_ending_) state.intake = Intake::open;
  state.running->stream->on_open({*this, ticket});
  if (written.coding != BodyCoding::upgraded && !state.reads_pieces && !state.running->is_finished)
    state.running->stream->on_input_end();
  if (is_ending_ && !state.running->is_finished) state.running->stream->on_drain();
}

/// The head of a request was read whose endpoint takes the body piece by piece. Behind it no other request is read.
void AdminSession::begin_pieces(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  const CallerRef caller = std::exchange(state.caller, nullptr);
  Request head = state.reader.request();
  counters_.admin_requests.add(1);
  state.is_first = false;
  state.reads_pieces = true;
  const std::uint32_t sequence = state.answers.open({head.method, http::Persistence::close, head.is_http10});
  const Responder responder{
      *this, {.slot = transport_.table().slot_of(connection), .generation = connection.generation, .sequence = sequence}};
  (void)api_.serve(std::move(head), caller, state.remote, responder);
}

// -- Input

/// False if nothing more can be read now.
bool AdminSession::read_piece(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  state.since = transport_.now();
  const std::string piece = state.reader.take_piece();
  feed_stream(connection, bytes_of(piece));
  return true;
}

void AdminSession::feed_stream(conn::Connection& connection, ByteView bytes) {
  RunningStream& running = *state_of(connection).running;
  if (!running.is_finished && !bytes.empty()) running.stream->on_input(bytes);
}

/// The body is whole. Nothing behind it is read.
void AdminSession::end_stream_input(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  const std::string piece = state.reader.take_piece();
  (void)state.reader.take();
  state.reads_pieces = false;
  state.intake = Intake::stopped;
  feed_stream(connection, bytes_of(piece));
  if (!state.running->is_finished) state.running->stream->on_input_end();
}

// -- Turns and the end

bool AdminSession::run_each_stream() {
  bool more = false;
  for (std::size_t i = 0; i < streaming_.size();) {
    const AnswerTicket ticket = streaming_[i];
    conn::Connection* const connection = transport_.table().find(ticket.slot, ticket.generation);
    const auto runs = [&] {
      return connection != nullptr && connection->is_live() && state_of(*connection).running != nullptr &&
             state_of(*connection).running->ticket == ticket;
    };
    if (runs() && run_stream(*connection)) more = true;
    if (runs()) {
      ++i;
      continue;
    }
    streaming_[i] = streaming_.back();
    streaming_.pop_back();
  }
  return more;
}

/// True if it wants another turn at once.
bool AdminSession::run_stream(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  RunningStream& running = *state.running;
  if (running.wake_at && *running.wake_at <= transport_.now()) running.wake_at.reset();
  const bool wants_more = !running.is_finished && running.stream->on_turn();
  if (running.is_finished) {
    end_stream(connection);
    return false;
  }
  if (state.intake == Intake::held && !must_hold(connection, state)) go_on(connection);
  return wants_more && connection.is_live() && !connection.output_waits();
}

void AdminSession::end_stream(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  const std::unique_ptr<RunningStream> ended = std::move(state.running);
  const bool is_cut = std::exchange(state.reads_pieces, false);  // the rest of the request's body has no reader
  if (ended->coding == BodyCoding::chunked) {
    std::string last;
    http::append_chunk_head(last, 0);
    transport_.write(connection, bytes_of(last));
  }
  if (ended->closes || is_cut) {
    state.intake = Intake::stopped;
    transport_.flush_and_close(connection);
    return;
  }
  state.since = transport_.now();
  flush(connection);
  go_on(connection);
}

/// The rest of the request's body cannot come. What is known is sent, and then FIN without a last chunk: the answer is seen to be cut
/// (RFC 9112 section 8).
void AdminSession::cut_stream(conn::Connection& connection) {
  AdminConnection& state = state_of(connection);
  if (!state.running->is_finished) (void)state.running->stream->on_turn();
  state.running.reset();
  state.reads_pieces = false;
  state.intake = Intake::stopped;
  transport_.flush_and_close(connection);
}

}  // namespace ringgate::admin
