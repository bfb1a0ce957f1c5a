// Writing and sending: output goes to this turn's output, or to the outbox if earlier output waits. Part of Transport.
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "conn/transport.h"
#include "ws/frame_writer.h"

namespace ringgate::conn {

using ring::Completion;
using ring::IoError;
using ring::OperationKind;

namespace {
/// True if the connection is intact and the rest can be sent later.
bool is_passing(IoError error) { return error == IoError::again || error == IoError::no_memory || error == IoError::no_buffers; }
}  // namespace

bool Transport::window_holds(const std::uint8_t* data) const { return data >= window_begin_ && data < window_end_; }

TurnOutput& Transport::new_output(Connection& connection) {
  if (outputs_count_ == outputs_.size()) outputs_.emplace_back();
  TurnOutput& output = outputs_[outputs_count_++];
  output.slot = table_.slot_of(connection);
  output.generation = connection.generation;
  connection.output_index = outputs_count_ & 0xFF'FFFFU;
  return output;
}

/// For output that may have pieces already. The first piece, nearly always the only one, is added to the output itself.
void Transport::add_piece(TurnOutput& output, OutputPiece piece) {
  if (output.full()) consolidate(output);
  if (std::uint8_t* const room = output.take_room(piece.size)) std::memcpy(room, piece.bytes(), piece.size);
  else output.add(std::move(piece));
}

/// Joins all pieces into one, with room for as many bytes again. So each byte is copied a bounded number of times and the arena
/// grows by a bounded multiple, however many pieces a turn writes.
void Transport::consolidate(TurnOutput& output) {
  const std::size_t bytes = output.bytes;
  std::uint8_t* const data = arena_.allocate(2 * bytes);
  std::uint8_t* end = data;
  for (std::size_t i = 0; i < output.pieces_count; ++i) {
    std::memcpy(end, output.pieces[i].bytes(), output.pieces[i].size);
    end += output.pieces[i].size;
    output.pieces[i] = {};
  }
  output.pieces_count = 0;
  output.bytes = 0;
  output.add({data, bytes, {}});
  output.room_end = data + 2 * bytes;
}

void Transport::add_copy(TurnOutput& output, ByteView bytes) {
  if (std::uint8_t* const room = output.take_room(bytes.size())) {
    std::memcpy(room, bytes.data(), bytes.size());
    return;
  }
  std::uint8_t* const data = arena_.allocate(bytes.size());
  std::memcpy(data, bytes.data(), bytes.size());
  add_bytes(output, data, bytes.size());
}

/// Adds bytes of the arena. They extend the last piece if they follow it.
inline void Transport::add_bytes(TurnOutput& output, std::uint8_t* data, std::size_t size) {
  if (output.pieces_count == 0) return output.add_bytes(data, size);
  const OutputPiece& last = *output.last();
  if (last.data != nullptr && last.data + last.size == data) return output.extend_last(size);
  add_piece(output, {data, size, {}});
}

void Transport::write_room(Connection& connection, std::size_t bytes) {
  RINGGATE_ASSERT(connection.state == State::open && connection.outbox == nullptr);
  add_bytes(output_of(connection), arena_.allocate(bytes), bytes);
}

void Transport::write(Connection& connection, ByteView bytes) {
  if (connection.state != State::open || bytes.empty()) return;
  if (connection.outbox != nullptr) {
    connection.outbox->append(bytes);
    counters_.send_queue_bytes.add(bytes.size());
    return;
  }
  add_copy(output_of(connection), bytes);
}

void Transport::write(Connection& connection, const ws::MessageRef& message) {
  const ByteView frame = message->frame();
  if (frame.size() <= limits::copied_message_bytes_max) return write(connection, frame);
  if (connection.state != State::open) return;
  if (connection.outbox != nullptr) {
    connection.outbox->append(message, 0);
    counters_.send_queue_bytes.add(frame.size());
    return;
  }
  add_piece(output_of(connection), {nullptr, frame.size(), message});
}

void Transport::write_in_place(Connection& connection, MessageType type, MutableBytes payload) {
  if (connection.state != State::open) return;
  if (connection.outbox != nullptr) {
    const MutableBytes frame = ws::write_header_before(payload, type);
    connection.outbox->append(frame);
    counters_.send_queue_bytes.add(frame.size());
    return;
  }
  TurnOutput& output = output_of(connection);
  OutputPiece* last = output.last();
  if (last != nullptr && window_holds(payload.data() - 1) && window_holds(last->data)) {
    // A run of replies in one receive: each reply is shorter than its message, so it moves forward to the end of the run.
    std::uint8_t* const frame = last->data + last->size;
    const std::size_t header_bytes = ws::write_header(frame, type, payload.size());
    std::memmove(frame + header_bytes, payload.data(), payload.size());
    last->size += header_bytes + payload.size();
    output.bytes += header_bytes + payload.size();
    return;
  }
  const MutableBytes frame = ws::write_header_before(payload, type);
  if (last == nullptr) return output.add_bytes(frame.data(), frame.size());
  add_piece(output, {frame.data(), frame.size(), {}});
}

std::size_t Transport::count_queued_bytes(const Connection& connection) const {
  return waiting_bytes(connection) + (connection.output_index != 0 ? outputs_[connection.output_index - 1].bytes : 0);
}

std::size_t Transport::waiting_bytes(const Connection& connection) const {
  return connection.outbox != nullptr ? connection.outbox->bytes() : 0;
}

std::optional<TimeNs> Transport::stalled_since(const Connection& connection) const {
  if (connection.outbox == nullptr) return std::nullopt;
  return connection.outbox->progress_at();
}

// -- End of the turn

void Transport::flush_outputs() {
  // A session that is told that output waits may write again.
  while (true) {
    for (std::size_t i = 0; i < outputs_count_; ++i)
      if (!outputs_[i].submitted && outputs_[i].slot != TurnOutput::no_slot) flush(outputs_[i]);
    if (newly_waiting_.empty()) return;
    tell_output_waits();
  }
}

void Transport::tell_output_waits() {
  for (std::size_t i = 0; i < newly_waiting_.size(); ++i) {
    Connection* const connection = find(newly_waiting_[i]);
    if (connection != nullptr && connection->state == State::open && connection->output_waits() && is_announced(*connection))
      session_of(*connection).on_output_waits(*connection);
  }
  newly_waiting_.clear();
}

void Transport::flush(TurnOutput& output) {
  Connection* connection = table_.find(output.slot, output.generation);
  RINGGATE_ASSERT(connection != nullptr);
  if (connection->state == State::terminating) {
    withdraw_output(*connection);
    return;
  }
  if (has_tls(*connection)) return flush_sealed(*connection, output);
  const OutputPiece& first = output.pieces[0];
  const bool is_single = output.pieces_count == 1;  // nearly always
  const bool completes = !silent_sends_ || connection->state != State::open || connection->outbox != nullptr ||
                         (is_single && first.message && goes_uncopied(*connection, first.size));
  if (completes) {
    spill(*connection, output, 0);
    return;
  }
  output.submitted = true;
  if (!is_single) return send_pieces(output);
  const ring::Piece piece{first.bytes(), first.size};
  ring_.send(output.slot, {&piece, 1}, ring::Ring::Sending::silent, token(OperationKind::send, *connection));
}

void Transport::send_pieces(const TurnOutput& output) {
  ring::Piece pieces[ring::Ring::pieces_max];
  for (std::size_t i = 0; i < output.pieces_count; ++i) pieces[i] = {output.pieces[i].bytes(), output.pieces[i].size};
  ring_.send(output.slot, {pieces, output.pieces_count}, ring::Ring::Sending::silent,
             {OperationKind::send, output.slot, output.generation});
}

/// Output of this turn is neither sent nor counted. Its pieces stay until the turn's outputs retire.
void Transport::withdraw_output(Connection& connection) {
  if (connection.output_index == 0) return;
  outputs_[connection.output_index - 1].slot = TurnOutput::no_slot;
  connection.output_index = 0;
}

/// The session is told later.
void Transport::open_outbox(Connection& connection) {
  if (connection.outbox != nullptr) return;
  connection.outbox = new Outbox(now_);
  newly_waiting_.push_back(ref_of(connection));
  if (listeners_[connection.listener_index].slot.counts_output) uncounted_.push_back(ref_of(connection));
}

/// Moves `output` without its first `taken` bytes into the outbox, and sends from there.
void Transport::spill(Connection& connection, TurnOutput& output, std::size_t taken) {
  move_to_outbox(connection, output, taken);
  send_outbox(connection);
}

void Transport::move_to_outbox(Connection& connection, TurnOutput& output, std::size_t taken) {
  open_outbox(connection);
  const std::size_t before = connection.outbox->bytes();
  for (std::size_t i = 0; i < output.pieces_count; ++i) {
    OutputPiece& piece = output.pieces[i];
    if (taken >= piece.size) {
      taken -= piece.size;
      continue;
    }
    if (piece.message) connection.outbox->append(std::move(piece.message), taken);
    else if (output.sealed) connection.outbox->append_sealed(ByteView{piece.data + taken, piece.size - taken});
    else connection.outbox->append(ByteView{piece.data + taken, piece.size - taken});
    taken = 0;
  }
  counters_.send_queue_bytes.add(connection.outbox->bytes() - before);
  connection.output_index = 0;
  output.clear();
}

/// Not over loopback: there the kernel copies anyway. Behind proxies nobody knows: `peer` is the client, and a proxy is often near.
bool Transport::goes_uncopied(const Connection& connection, std::size_t bytes) const {
  return bytes >= options_.zero_copy_bytes && connection.peer.is_known() && !connection.peer.is_loopback() &&
         proxies_of(connection) == nullptr;
}

/// Sends the message at the front of the outbox without a copy. False if it must be sent as usual.
bool Transport::send_uncopied(Connection& connection) {
  const auto [message, offset] = connection.outbox->front_message();
  if (message == nullptr || !goes_uncopied(connection, message->frame().size() - offset)) return false;
  ring::Keeper keeper(ws::MessageRef::share(*message).detach(),
                      [](const void* kept) { (void)ws::MessageRef::attach(static_cast<const ws::PreparedMessage*>(kept)); });
  return ring_.send_zero_copy(table_.slot_of(connection), message->frame(), offset, std::move(keeper),
                              token(OperationKind::send, connection));
}

void Transport::send_outbox(Connection& connection) {
  if (connection.outbox_send != OutboxSend::none) return;
  const bool is_sealed = has_tls(connection);
  if (is_sealed && !seal_outbox(connection)) return;
  connection.outbox_send = OutboxSend::in_flight;
  begin_operation(connection);
  if (!is_sealed && send_uncopied(connection)) return;
  ring::Piece pieces[ring::Ring::pieces_max];
  const std::size_t count = connection.outbox->front(pieces);
  RINGGATE_ASSERT(count > 0);
  const auto sending = connection.state == State::flushing ? ring::Ring::Sending::before_end : ring::Ring::Sending::completes;
  ring_.send(table_.slot_of(connection), {pieces, count}, sending, token(OperationKind::send, connection));
}

// -- Completions

/// Called when a silent send was not taken whole. Calls no session.
void Transport::settle_silent_send(Connection& connection, const Completion& completion) {
  if (connection.output_index == 0) return;  // withdrawn
  counters_.sends_short.add(1);
  TurnOutput& output = outputs_[connection.output_index - 1];
  const std::size_t taken = completion.error == IoError::none ? static_cast<std::size_t>(completion.result) : 0;
  connection.bytes_out += taken;
  counters_.wire_bytes_out.add(taken);
  const bool peer_gone = completion.error != IoError::none && !is_passing(completion.error);
  if (peer_gone || connection.state == State::terminating) {
    withdraw_output(connection);
    terminate(connection, EndCause::reset, Farewell::reset);
    return;
  }
  if (completion.error != IoError::none && completion.error != IoError::again) delay_outbox_send(connection);
  spill(connection, output, taken);
}

void Transport::delay_outbox_send(Connection& connection) {
  connection.outbox_send = OutboxSend::delayed;
  after_a_moment(connection);
}

void Transport::on_outbox_sent(const Completion& completion) {
  Connection& connection = *table_.find(completion.token);
  connection.outbox_send = OutboxSend::none;
  end_operation(connection);
  if (connection.state == State::terminating) return;
  if (is_passing(completion.error)) return delay_outbox_send(connection);
  if (completion.error != IoError::none) return terminate(connection, EndCause::reset, Farewell::reset);
  const auto taken = static_cast<std::size_t>(completion.result);
  connection.outbox->consume(taken, now_);
  connection.bytes_out += taken;
  counters_.wire_bytes_out.add(taken);
  counters_.send_queue_bytes.subtract(taken);
  if (!marks_.empty()) settle_marks(connection);
  if (connection.state == State::terminating) return;
  if (connection.outbox->empty()) drop_outbox(connection);
  else send_outbox(connection);
  if (connection.state == State::open && is_announced(connection)) session_of(connection).on_output_progress(connection);
  if (connection.state == State::flushing) continue_closing(connection);
}

/// The kernel has taken everything submitted last turn, or it was moved to an outbox: borrowed memory is free again.
void Transport::retire_outputs() {
  for (std::size_t i = 0; i < outputs_count_; ++i) {
    TurnOutput& output = outputs_[i];
    if (output.slot != TurnOutput::no_slot) {
      if (Connection* connection = table_.find(output.slot, output.generation)) {
        connection->output_index = 0;
        connection->bytes_out += output.bytes;
      }
      counters_.wire_bytes_out.add(output.bytes);
    }
    output.clear();
  }
  outputs_count_ = 0;
  if (!fresh_marks_.empty()) settle_fresh_marks();
  arena_.reset();
  for (const ListenerState& listener : listeners_)
    if (listener.slot.session != nullptr) listener.slot.session->on_outputs_retired();
}

/// Counts outboxes of earlier turns that still hold output. (Every completing send passes through an outbox, most for one turn.)
void Transport::count_waiting_outputs() {
  for (const SlotRef& ref : uncounted_) {
    Connection* const connection = find(ref);
    if (connection == nullptr || !connection->output_waits() || connection->state == State::terminating) continue;
    if (!connection->outbox->is_counted()) connection->outbox->join(waiting_output_, ref.slot);
  }
  uncounted_.clear();
}

/// While waiting output exceeds its budget, terminates the connection with the most. The kernel releases its memory a turn later.
void Transport::give_up_largest_outputs() {
  while (waiting_output_.is_over_budget()) {
    WaitingOutput::Link* const largest = waiting_output_.largest();
    if (largest == nullptr) return;
    Connection& connection = table_.at(largest->slot);
    connection.outbox->forsake();
    if (connection.state == State::terminating) continue;  // it goes for another reason
    counters_.queues_given_up.add(1);
    if (connection.state == State::open && is_announced(connection)) session_of(connection).on_output_given_up(connection);
    terminate(connection, EndCause::aborted, Farewell::reset);
  }
}

void Transport::drop_outbox(Connection& connection) {
  if (connection.outbox == nullptr) return;
  counters_.send_queue_bytes.subtract(connection.outbox->bytes());
  delete connection.outbox;
  connection.outbox = nullptr;
}

}  // namespace ringgate::conn
