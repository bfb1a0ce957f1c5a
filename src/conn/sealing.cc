// TLS between the ring and the sessions: received records become plaintext for the session, output becomes records when it is sent.
// Part of Transport.
//
// A connection has a codec from its first byte on, and the session learns of it when its handshake is over. OpenSSL's own output
// (handshake messages, alerts, new keys) and the records of a turn leave in the order in which they were made: sealed output of a
// turn is sent at once, everything else waits in the outbox, whose front is sealed only when it is about to be sent.
#include <array>

#include "base/limits.h"
#include "conn/transport.h"

namespace ringgate::conn {

namespace {

/// Signing takes most of a handshake. Beyond this time in one turn, further handshakes wait for the next.
constexpr DurationNs handshakes_per_turn = 2 * nanoseconds_per_millisecond;

/// So much of an outbox is sealed at a time: what the kernel may take at once.
constexpr std::size_t sealed_at_once_bytes = 64 * 1024;

}  // namespace

tls::Codec* Transport::codec_of(const Connection& connection) const {
  const std::uint32_t slot = table_.slot_of(connection);
  return slot < codecs_.size() ? codecs_[slot].get() : nullptr;
}

/// Whether the session knows the connection.
bool Transport::is_announced(const Connection& connection) const {
  if (!has_tls(connection)) return true;
  const tls::Codec* const codec = codec_of(connection);
  return codec != nullptr && codec->is_established();
}

// -- Handshakes

void Transport::expect_hello(Connection& connection) { schedule(connection, now_ + options_.handshake_time); }

void Transport::give_up_handshake(Connection& connection) {
  counters_.tls_timeouts.add(1);
  terminate(connection, EndCause::aborted, Farewell::reset);
}

void Transport::on_sealed_received(Connection& connection, MutableBytes bytes) {
  tls::Codec* codec = codec_of(connection);
  if (codec == nullptr) {
    if (handshakes_ >= options_.handshakes_max) {
      counters_.tls_overload.add(1);
      return terminate(connection, EndCause::aborted, Farewell::reset);
    }
    const std::uint32_t slot = table_.slot_of(connection);
    if (codecs_.size() <= slot) codecs_.resize(slot + 1);
    codecs_[slot] = std::make_unique<tls::Codec>(*wire_);
    codec = codecs_[slot].get();
    ++handshakes_;
  }
  if (!codec->has_begun()) return gather_hello(connection, *codec, bytes);
  codec->feed(bytes);
  open_records(connection, *codec, bytes.size());
}

void Transport::gather_hello(Connection& connection, tls::Codec& codec, MutableBytes bytes) {
  switch (codec.gather(bytes)) {
    case tls::Hello::incomplete: return;
    case tls::Hello::whole: hellos_.push_back(ref_of(connection)); return;
    case tls::Hello::too_long: counters_.tls_handshakes_failed.add(1); break;
    case tls::Hello::not_tls: counters_.tls_not_tls.add(1); break;
  }
  terminate(connection, EndCause::aborted, Farewell::fin);
}

/// Begins the handshakes that wait, in order, as long as the turn has time for them.
void Transport::begin_handshakes() {
  const TimeNs until = ring_.now() + handshakes_per_turn;
  do {
    Connection* const connection = find(hellos_.front());
    hellos_.pop_front();
    if (connection == nullptr || connection->state != State::open) continue;
    tls::Codec& codec = *codec_of(*connection);
    if (codec.has_begun()) continue;  // it was listed again when more bytes came
    if (codec.begin(listeners_[connection->listener_index].slot.tls))
      open_records(*connection, codec, tls::client_hello_bytes_max);
    else terminate(*connection, EndCause::aborted, Farewell::reset);
  } while (!hellos_.empty() && ring_.now() < until);
}

void Transport::announce(Connection& connection, const tls::Codec& codec) {
  --handshakes_;
  counters_.tls_established.add(1);
  if (codec.is_resumed()) counters_.tls_resumed.add(1);
  session_of(connection).on_open(connection);
}

// -- Receiving

void Transport::open_records(Connection& connection, tls::Codec& codec, std::size_t sealed_bytes) {
  while (connection.state == State::open && open_some(connection, codec, sealed_bytes)) {
  }
}

/// Gives the session what fits into one piece of memory. True if there may be more.
bool Transport::open_some(Connection& connection, tls::Codec& codec, std::size_t sealed_bytes) {
  const bool was_established = codec.is_established();
  const std::size_t wanted = sealed_bytes + codec.held_bytes_max() + 1;  // so that it is never full, unless a peer sees to it
  const MutableBytes room(arena_.room(wanted + limits::buffer_slack_bytes), wanted);
  std::size_t used = 0, count = 0;
  tls::Opened opened;
  do {
    opened = codec.open(room.subspan(used), count);
    used += count;
  } while (opened == tls::Opened::plaintext && used < room.size());
  // Before any session is called: it may write, and the wire is for all connections.
  write_wire_output(connection);
  if (used > 0) (void)arena_.allocate(used + limits::buffer_slack_bytes);

  if (!was_established && codec.is_established()) announce(connection, codec);
  if (used > 0 && connection.state == State::open) deliver(connection, room.first(used));
  if (connection.state != State::open) return false;
  if (opened == tls::Opened::failed) fail_tls(connection, codec);
  else if (opened == tls::Opened::finished && codec.note_end()) session_of(connection).on_end_of_stream(connection);
  return opened == tls::Opened::plaintext;
}

/// The peer's FIN. Without its close_notify before, somebody else may have sent it.
void Transport::on_sealed_end(Connection& connection) {
  tls::Codec* const codec = codec_of(connection);
  if (codec == nullptr || !codec->is_established()) {
    counters_.tls_handshakes_failed.add(1);
    return terminate(connection, EndCause::peer_closed, Farewell::fin);
  }
  if (!codec->note_end()) return;  // the session knows
  counters_.tls_truncated.add(1);
  session_of(connection).on_end_of_stream(connection);
}

/// The alert, if there is one to send, waits in the outbox already.
void Transport::fail_tls(Connection& connection, const tls::Codec& codec) {
  (codec.is_established() ? counters_.tls_broken : counters_.tls_handshakes_failed).add(1);
  connection.end_cause = EndCause::aborted;
  flush_and_close(connection);
}

// -- Sending

/// Queues what OpenSSL wrote of its own accord. It counts in the order of records, so it goes before plaintext not yet sealed.
void Transport::write_wire_output(Connection& connection) {
  const ByteView records = wire_->output();
  if (records.empty()) return;
  if (connection.state != State::terminating) {
    // What this turn wrote before must stay before what it writes to the outbox from now on.
    if (connection.output_index != 0 && !outputs_[connection.output_index - 1].submitted)
      move_to_outbox(connection, outputs_[connection.output_index - 1], 0);
    open_outbox(connection);
    connection.outbox->append_sealed(records);
    counters_.send_queue_bytes.add(records.size());
  }
  wire_->clear_output();
  if (connection.state != State::terminating) send_outbox(connection);
}

void Transport::flush_sealed(Connection& connection, TurnOutput& output) {
  if (!silent_sends_ || connection.state != State::open || connection.outbox != nullptr) return spill(connection, output, 0);
  if (!seal_output(connection, output)) return;
  output.submitted = true;
  send_pieces(output);
}

/// Makes one piece of records of a turn's output. False if the connection was terminated.
bool Transport::seal_output(Connection& connection, TurnOutput& output) {
  std::array<ByteView, ring::Ring::pieces_max> pieces;
  for (std::size_t i = 0; i < output.pieces_count; ++i) pieces[i] = {output.pieces[i].bytes(), output.pieces[i].size};
  const std::size_t room = tls::Codec::sealed_bytes_max(output.bytes);
  std::uint8_t* const data = arena_.room(room);
  wire_->lend({data, room});
  const bool is_sealed = codec_of(connection)->seal({pieces.data(), output.pieces_count});
  const std::size_t used = wire_->end_lending();
  if (!is_sealed || !wire_->output().empty()) {
    wire_->clear_output();
    withdraw_output(connection);
    counters_.tls_broken.add(1);
    terminate(connection, EndCause::aborted, Farewell::reset);
    return false;
  }
  (void)arena_.allocate(used);
  for (std::size_t i = 0; i < output.pieces_count; ++i) output.pieces[i] = {};
  output.pieces_count = 0;
  output.bytes = 0;
  output.room_end = nullptr;
  output.add_bytes(data, used);
  output.sealed = true;
  return true;
}

/// Sees to it that an outbox begins with records. False if the connection was terminated.
bool Transport::seal_outbox(Connection& connection) {
  Outbox& outbox = *connection.outbox;
  if (outbox.front_is_sealed()) return true;
  std::array<ring::Piece, ring::Ring::pieces_max> front;
  std::array<ByteView, ring::Ring::pieces_max> pieces;
  std::size_t bytes = 0;
  std::size_t count = outbox.front(front);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t taken = std::min(front[i].size, sealed_at_once_bytes - bytes);
    pieces[i] = {front[i].data, taken};
    bytes += taken;
    if (bytes == sealed_at_once_bytes) count = i + 1;
  }
  if (!codec_of(connection)->seal({pieces.data(), count})) {
    wire_->clear_output();
    counters_.tls_broken.add(1);
    terminate(connection, EndCause::aborted, Farewell::reset);
    return false;
  }
  const std::size_t before = outbox.bytes();
  outbox.seal_front(bytes, wire_->output());
  wire_->clear_output();
  counters_.send_queue_bytes.add(outbox.bytes() - before);
  return true;
}

/// True if it was queued now: the end comes when it is sent.
bool Transport::send_close_notify(Connection& connection) {
  tls::Codec* const codec = codec_of(connection);
  if (codec == nullptr) return false;
  codec->close();
  if (wire_->output().empty()) return false;
  write_wire_output(connection);
  return true;
}

void Transport::release_codec(const Connection& connection) {
  tls::Codec* const codec = codec_of(connection);
  if (codec == nullptr) return;
  if (!codec->is_established()) --handshakes_;
  codecs_[table_.slot_of(connection)].reset();
}

}  // namespace ringgate::conn
