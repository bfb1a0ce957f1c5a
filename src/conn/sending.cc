// Writing: into this turn's output while the peer keeps up, into the outbox while it does not.
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

bool Transport::window_holds(const std::uint8_t* data) const { return data >= window_begin_ && data < window_end_; }

TurnOutput& Transport::new_output(Connection& connection) {
  if (outputs_count_ == outputs_.size()) outputs_.emplace_back();
  TurnOutput& output = outputs_[outputs_count_++];
  output.slot = table_.slot_of(connection);
  output.generation = connection.generation;
  connection.output_index = outputs_count_ & 0xFF'FFFFU;
  return output;
}

void Transport::add_piece(TurnOutput& output, OutputPiece piece) {
  if (output.full()) consolidate(output);
  if (std::uint8_t* const room = output.take_room(piece.size))
    std::memcpy(room, piece.bytes(), piece.size);
  else
    output.add(std::move(piece));
}

/// Copies all pieces into one, to make room for more: as many bytes again, so that however many pieces a turn brings, each byte
/// is copied a bounded number of times and the arena grows by a bounded multiple of them.
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
  OutputPiece* last = output.last();
  if (last != nullptr && last->data != nullptr && arena_.continues_at(last->data + last->size, bytes.size())) {
    std::memcpy(arena_.allocate(bytes.size()), bytes.data(), bytes.size());
    output.extend_last(bytes.size());
    return;
  }
  std::uint8_t* const data = arena_.allocate(bytes.size());
  std::memcpy(data, bytes.data(), bytes.size());
  add_piece(output, {data, bytes.size(), {}});
}

void Transport::write_room(Connection& connection, std::size_t bytes) {
  RINGGATE_ASSERT(connection.state == State::open && connection.outbox == nullptr);
  TurnOutput& output = output_of(connection);
  std::uint8_t* const data = arena_.allocate(bytes);
  if (output.pieces_count == 0) return output.add_bytes(data, bytes);
  OutputPiece* const last = output.last();
  if (last->data != nullptr && last->data + last->size == data) {
    output.extend_last(bytes);
  } else {
    add_piece(output, {data, bytes, {}});
  }
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
    // A run of frames of one receive: replies are shorter than what they answer, so each moves forward to the end of the run.
    std::uint8_t* const frame = last->data + last->size;
    const std::size_t header_bytes = ws::write_header(frame, type, payload.size());
    std::memmove(frame + header_bytes, payload.data(), payload.size());
    last->size += header_bytes + payload.size();
    output.bytes += header_bytes + payload.size();
    return;
  }
  const MutableBytes frame = ws::write_header_before(payload, type);
  add_piece(output, {frame.data(), frame.size(), {}});
}

std::size_t Transport::queued_bytes(const Connection& connection) const {
  const std::size_t waiting = connection.outbox != nullptr ? connection.outbox->bytes() : 0;
  return waiting + (connection.output_index != 0 ? outputs_[connection.output_index - 1].bytes : 0);
}

std::optional<TimeNs> Transport::stalled_since(const Connection& connection) const {
  if (connection.outbox == nullptr) return std::nullopt;
  return connection.outbox->progress_at();
}

// -- End of the turn

void Transport::flush(TurnOutput& output) {
  Connection* connection = table_.find(output.slot, output.generation);
  RINGGATE_ASSERT(connection != nullptr);
  if (connection->state == State::ending) {
    withdraw_output(*connection);
    return;
  }
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
  for (std::size_t i = 0; i < output.pieces_count; ++i)
    pieces[i] = {output.pieces[i].bytes(), output.pieces[i].size};
  ring_.send(output.slot, {pieces, output.pieces_count}, ring::Ring::Sending::silent,
             {OperationKind::send, output.slot, output.generation});
}

/// What was written in this turn is neither sent nor counted. The pieces stay until the turn's outputs retire.
void Transport::withdraw_output(Connection& connection) {
  if (connection.output_index == 0) return;
  outputs_[connection.output_index - 1].slot = TurnOutput::no_slot;
  connection.output_index = 0;
}

/// Moves what `output` holds beyond its first `taken` bytes into the outbox, and sends from there.
void Transport::spill(Connection& connection, TurnOutput& output, std::size_t taken) {
  const bool is_new = connection.outbox == nullptr;
  if (is_new) connection.outbox = new Outbox(now_);
  const std::size_t before = connection.outbox->bytes();
  for (std::size_t i = 0; i < output.pieces_count; ++i) {
    OutputPiece& piece = output.pieces[i];
    if (taken >= piece.size) {
      taken -= piece.size;
      continue;
    }
    if (piece.message)
      connection.outbox->append(std::move(piece.message), taken);
    else
      connection.outbox->append(ByteView{piece.data + taken, piece.size - taken});
    taken = 0;
  }
  counters_.send_queue_bytes.add(connection.outbox->bytes() - before);
  connection.output_index = 0;
  output.clear();
  send_outbox(connection);
  if (is_new && connection.state == State::open) session_of(connection).on_output_waits(connection);
}

/// Over loopback the kernel copies all the same.
bool Transport::goes_uncopied(const Connection& connection, std::size_t bytes) const {
  return bytes >= options_.zero_copy_bytes && connection.peer.is_known() && !connection.peer.is_loopback();
}

/// The message at the front of the outbox, if it is one that goes so; false: it has to go like everything else.
bool Transport::send_uncopied(Connection& connection) {
  const auto [message, offset] = connection.outbox->front_message();
  if (message == nullptr || !goes_uncopied(connection, message->frame().size() - offset)) return false;
  ring::Keeper keeper(ws::MessageRef::share(*message).detach(), [](const void* kept) {
    (void)ws::MessageRef::attach(static_cast<const ws::PreparedMessage*>(kept));
  });
  return ring_.send_zero_copy(table_.slot_of(connection), message->frame(), offset, std::move(keeper),
                              token(OperationKind::send, connection));
}

void Transport::send_outbox(Connection& connection) {
  if (connection.send_in_flight) return;
  connection.send_in_flight = true;
  begin_operation(connection);
  if (send_uncopied(connection)) return;
  ring::Piece pieces[ring::Ring::pieces_max];
  const std::size_t count = connection.outbox->front(pieces);
  RINGGATE_ASSERT(count > 0);
  const auto sending =
      connection.state == State::finishing ? ring::Ring::Sending::before_end : ring::Ring::Sending::completes;
  ring_.send(table_.slot_of(connection), {pieces, count}, sending, token(OperationKind::send, connection));
}

// -- Completions

void Transport::sort_send(const Completion& completion) {
  Connection* connection = table_.find(completion.token);
  if (connection == nullptr)
    counters_.stale_completions.add(1);
  else if (connection->send_in_flight)
    outbox_sends_.push_back(completion);
  else
    on_silent_send_failed(*connection, completion);
}

void Transport::on_silent_send_failed(Connection& connection, const Completion& completion) {
  if (connection.output_index == 0) return;  // withdrawn
  counters_.sends_short.add(1);
  TurnOutput& output = outputs_[connection.output_index - 1];
  const std::size_t taken = completion.error == IoError::none ? static_cast<std::size_t>(completion.result) : 0;
  connection.bytes_out += taken;
  counters_.wire_bytes_out.add(taken);
  const bool peer_gone = completion.error != IoError::none && completion.error != IoError::again &&
                         completion.error != IoError::no_memory;
  if (peer_gone || connection.state == State::ending) {
    withdraw_output(connection);
    end(connection, Ending::reset, true);
    return;
  }
  spill(connection, output, taken);
}

void Transport::on_outbox_sent(const Completion& completion) {
  Connection& connection = *table_.find(completion.token);
  connection.send_in_flight = false;
  end_operation(connection);
  if (connection.state == State::ending) return;
  if (completion.error == IoError::none) {
    const auto taken = static_cast<std::size_t>(completion.result);
    connection.outbox->consume(taken, now_);
    connection.bytes_out += taken;
    counters_.wire_bytes_out.add(taken);
    counters_.send_queue_bytes.subtract(taken);
  } else if (completion.error != IoError::again && completion.error != IoError::no_memory) {
    end(connection, Ending::reset, true);
    return;
  }
  if (connection.outbox->empty())
    drop_outbox(connection);
  else
    send_outbox(connection);
  if (connection.state == State::open) session_of(connection).on_output_progress(connection);
  if (connection.state == State::finishing) continue_finishing(connection);
}

/// Everything submitted last turn is taken or was moved to an outbox: borrowed memory is free again.
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
  arena_.reset();
  for (const ListenerState& listener : listeners_)
    if (listener.slot.session != nullptr) listener.slot.session->on_outputs_retired();
}

void Transport::drop_outbox(Connection& connection) {
  if (connection.outbox == nullptr) return;
  counters_.send_queue_bytes.subtract(connection.outbox->bytes());
  delete connection.outbox;
  connection.outbox = nullptr;
}

}  // namespace ringgate::conn
