// TLS between the ring and the sessions: received records become plaintext for the session, output becomes records when it is sent.
// Part of Transport.
//
// A connection has a codec from its first byte on, and the session learns of it when its handshake is over. OpenSSL's own output
// (handshake messages, alerts, new keys) and the records of a turn leave in the order in which they were made: sealed output of a
// turn is sent at once, everything else waits in the outbox, whose front is sealed only when it is about to be sent.
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "conn/transport.h"

namespace ringgate::conn {

namespace {

/// Signing takes most of a handshake. Beyond this time in one turn, further handshakes wait for the next. It is about one signature, so
/// that whoever is connected waits for one stranger, not for a crowd.
constexpr DurationNs handshakes_per_turn = 200 * nanoseconds_per_microsecond;

/// A client may send its first messages right behind its part of the handshake. Beyond this it waits until that was read.
constexpr std::size_t flight_bytes_max = 64 * 1024;

/// What the session's part of a connection holds until a session knows the connection.
struct Handshake {
  bool is_counted = false;
};

/// So much of an outbox is sealed at a time: what the kernel may take at once.
constexpr std::size_t sealed_at_once_bytes = 64 * 1024;

}  // namespace

tls::Codec* Transport::codec_of(const Connection& connection) const {
  const std::uint32_t slot = table_.slot_of(connection);
  return slot < codecs_.size() ? codecs_[slot].get() : nullptr;
}

bool Transport::is_established(const Connection& connection) const {
  const tls::Codec* const codec = codec_of(connection);
  return codec != nullptr && codec->is_established();
}

const tls::ClientIdentity* Transport::client_identity(const Connection& connection) const {
  const tls::Codec* const codec = codec_of(connection);
  return codec != nullptr ? codec->identity() : nullptr;
}

std::optional<tls::Facts> Transport::tls_facts(const Connection& connection) const {
  if (!is_established(connection)) return std::nullopt;
  return codec_of(connection)->facts();
}

// -- Handshakes

void Transport::expect_hello(Connection& connection) {
  connection.construct_session<Handshake>();
  counters_.tls_handshakes.add(1);
  if (++handshakes_ > options_.handshakes_max) {
    count_handshake(connection, counters_.tls_overload);
    return terminate(connection, EndCause::aborted, Farewell::reset);
  }
  schedule(connection, now_ + options_.handshake_time);
}

/// Counts how it ended, the first time only: closing in order may end in another way than it began.
void Transport::count_handshake(Connection& connection, Counter& result) {
  if (std::exchange(connection.session<Handshake>().is_counted, true)) return;
  result.add(1);
  counters_.tls_handshakes.subtract(1);
}

void Transport::end_handshakes(std::uint32_t listeners) {
  if (handshakes_ == 0 && arrivals_.empty()) return;
  for (std::uint32_t slot = 0; slot < table_.high_water(); ++slot) {
    Connection& connection = table_.at(slot);
    if (connection.state == State::free || connection.listener_index >= listeners || is_announced(connection)) continue;
    if (!is_arriving(connection)) count_handshake(connection, counters_.tls_drained);
    terminate(connection, EndCause::aborted, Farewell::reset);
  }
}

void Transport::give_up_handshake(Connection& connection) {
  count_handshake(connection, counters_.tls_timeouts);
  terminate(connection, EndCause::aborted, Farewell::reset);
}

void Transport::on_sealed_received(Connection& connection, MutableBytes bytes) {
  tls::Codec* codec = codec_of(connection);
  if (codec == nullptr) {
    codec = new_codec(connection);
    if (codec == nullptr) {
      count_handshake(connection, counters_.tls_handshakes_failed);
      return terminate(connection, EndCause::aborted, Farewell::reset);
    }
  }
  if (codec->is_established()) {
    codec->feed(bytes);
    return open_records(connection, *codec, bytes.size());
  }
  on_flight(connection, *codec, codec->gather(bytes));
  if (connection.state == State::open && codec->gathered_bytes() > flight_bytes_max) pause(connection);
}

/// Null without memory.
tls::Codec* Transport::new_codec(const Connection& connection) {
  const std::uint32_t slot = table_.slot_of(connection);
  try {
    if (codecs_.size() <= slot) codecs_.resize(slot + 1);
    codecs_[slot] = std::make_unique<tls::Codec>(*wire_);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  return codecs_[slot].get();
}

/// Lets the handshake wait for its turn. False without memory.
bool Transport::list_hello(const Connection& connection, tls::Codec& codec) {
  if (codec.is_listed) return true;
  try {
    hellos_.push_back(ref_of(connection));
  } catch (const std::bad_alloc&) {
    return false;
  }
  codec.is_listed = true;
  return true;
}

/// Something of a handshake has come, or is left.
void Transport::on_flight(Connection& connection, tls::Codec& codec, tls::HelloState state) {
  switch (state) {
    case tls::HelloState::incomplete: return;
    case tls::HelloState::whole:
      if (list_hello(connection, codec)) return;
      count_handshake(connection, counters_.tls_handshakes_failed);
      break;
    case tls::HelloState::no_memory:
    case tls::HelloState::too_long: count_handshake(connection, counters_.tls_handshakes_failed); break;
    case tls::HelloState::not_tls: count_handshake(connection, counters_.tls_not_tls); break;
  }
  terminate(connection, EndCause::aborted, Farewell::fin);
}

void Transport::go_on_with_tls() {
  if (!hellos_.empty()) go_on_with_handshakes();
  if (!ended_.empty()) tell_ended();
}

/// Goes on with the handshakes that wait, in order, as long as the turn has time for them.
void Transport::go_on_with_handshakes() {
  const TimeNs until = ring_.now() + handshakes_per_turn;
  do {
    Connection* const connection = find(hellos_.front());
    hellos_.pop_front();
    if (connection == nullptr) continue;
    tls::Codec& codec = *codec_of(*connection);
    codec.is_listed = false;
    if (connection->state == State::open) step_handshake(*connection, codec);
  } while (!hellos_.empty() && ring_.now() < until);
}

void Transport::step_handshake(Connection& connection, tls::Codec& codec) {
  if (!codec.has_begun() && !session_of(connection).may_begin_tls(connection)) return refuse_handshake(connection);
  resume(connection);  // a large flight pauses; no session knows the connection, which could
  while (connection.state == State::open && !codec.is_listed && codec.gathered_bytes() > 0) {
    if (!codec.proceed(listeners_[connection.listener_index].slot.tls)) {
      count_handshake(connection, counters_.tls_handshakes_failed);
      return terminate(connection, EndCause::aborted, Farewell::reset);
    }
    open_records(connection, codec, codec.fed_bytes());
    if (connection.state == State::open && !codec.is_established()) on_flight(connection, codec, codec.judge());
    if (!codec.is_established()) break;
  }
  if (connection.state == State::open && codec.end_waits && !codec.is_listed) on_sealed_end(connection);
}

/// With a reset: an alert would have to be sent and acknowledged, and this is for peers that make too many handshakes already.
void Transport::refuse_handshake(Connection& connection) {
  count_handshake(connection, counters_.tls_limited);
  if (const auto left_out = log::enabled(log::Level::info) ? limited_logs_.admit(now_) : std::nullopt)
    log::info("TLS handshake refused",
              {{"reason", "handshake_rate"}, {"remote", connection.peer.text()}, {"suppressed", *left_out}});
  terminate(connection, EndCause::aborted, Farewell::reset);
}

void Transport::announce(Connection& connection, const tls::Codec& codec) {
  --handshakes_;
  count_handshake(connection, counters_.tls_established);
  counters_.tls_handshake_ms.record(now_ms_ - connection.opened_ms);
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
  bool has_more = false;
  do {
    opened = codec.open(room.subspan(used), count);
    used += count;
    has_more = opened == tls::Opened::plaintext && codec.has_more();
  } while (has_more && used < room.size());
  // Before any session is called: it may write, and the wire is for all connections.
  write_wire_output(connection);
  if (connection.outbox != nullptr) send_outbox(connection);  // if it waited for the rest of a message of the peer
  if (used > 0) (void)arena_.allocate(used + limits::buffer_slack_bytes);

  if (!was_established && codec.is_established()) announce(connection, codec);
  if (used > 0 && connection.state == State::open) deliver(connection, room.first(used));
  if (connection.state != State::open) return false;
  if (opened == tls::Opened::failed) fail_tls(connection, codec);
  else if (opened == tls::Opened::finished) on_close_notify(connection, codec);
  return has_more;
}

void Transport::on_close_notify(Connection& connection, tls::Codec& codec) {
  if (!codec.is_established()) return fail_tls(connection, codec);
  if (codec.note_end()) session_of(connection).on_end_of_stream(connection);
}

/// The session put the end off while it held input, and has resumed.
void Transport::tell_ended() {
  for (const SlotRef& ref : std::exchange(ended_, {})) {
    Connection* const connection = find(ref);
    if (connection != nullptr && connection->state == State::open && !connection->is_paused())
      session_of(*connection).on_end_of_stream(*connection);
  }
}

/// The peer's FIN. Without its close_notify before, somebody else may have sent it.
void Transport::on_sealed_end(Connection& connection) {
  tls::Codec* const codec = codec_of(connection);
  if (codec != nullptr && codec->is_listed) {
    codec->end_waits = true;
    return;
  }
  if (codec == nullptr || !codec->is_established()) {
    count_handshake(connection, counters_.tls_cut_off);
    return terminate(connection, EndCause::peer_closed, Farewell::fin);
  }
  if (codec->note_end()) counters_.tls_truncated.add(1);
  session_of(connection).on_end_of_stream(connection);
}

/// The alert, if there is one to send, waits in the outbox already.
void Transport::fail_tls(Connection& connection, const tls::Codec& codec) {
  const bool is_client_refused = !wire_->refusal.cause.empty();
  if (codec.is_established()) counters_.tls_broken.add(1);
  else count_handshake(connection, is_client_refused ? counters_.tls_clients_refused : counters_.tls_handshakes_failed);
  if (is_client_refused) log_refusal(connection);
  connection.end_cause = EndCause::aborted;
  flush_and_close(connection);
}

/// Operators need the cause, and which device it is: the device itself sees an alert at best.
void Transport::log_refusal(const Connection& connection) {
  const tls::Refusal refusal = std::exchange(wire_->refusal, {});
  if (!log::enabled(log::Level::info)) return;
  const auto left_out = refusals_.admit(now_);
  if (!left_out) return;
  try {
    write_refusal(connection, refusal, *left_out);
  } catch (const std::bad_alloc&) {  // the counter tells of it
  }
}

void Transport::write_refusal(const Connection& connection, const tls::Refusal& refusal, std::uint64_t left_out) {
  const std::string remote = connection.peer.text();
  std::vector<log::Field> fields{{"cause", refusal.cause}, {"remote", remote}};
  if (!refusal.subject.empty()) fields.emplace_back("subject", refusal.subject);
  if (left_out > 0) fields.emplace_back("suppressed", left_out);
  log::write(log::Level::info, "client certificate refused", fields);
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
  const bool goes_silently =
      silent_sends_ && connection.state == State::open && connection.outbox == nullptr && codec_of(connection)->can_seal();
  if (!goes_silently) return spill(connection, output, 0);
  if (!seal_output(connection, output)) return;
  output.submitted = true;
  send_pieces(output);
}

/// Makes records of a turn's output: one piece of them, or two if the peer wants so short ones (RFC 6066 section 4) that the room
/// for their headers is not enough. False if the connection was terminated.
bool Transport::seal_output(Connection& connection, TurnOutput& output) {
  std::array<ByteView, ring::Ring::pieces_max> pieces;
  for (std::size_t i = 0; i < output.pieces_count; ++i) pieces[i] = {output.pieces[i].bytes(), output.pieces[i].size};
  const std::size_t room = tls::Codec::sealed_bytes_max(output.bytes);
  std::uint8_t* const data = arena_.room(room);
  wire_->lend({data, room});
  const bool is_sealed = codec_of(connection)->seal({pieces.data(), output.pieces_count});
  const std::size_t used = wire_->end_lending();
  if (!is_sealed) {
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
  if (const ByteView rest = wire_->output(); !rest.empty()) {
    std::uint8_t* const copy = arena_.allocate(rest.size());
    std::memcpy(copy, rest.data(), rest.size());
    output.add_bytes(copy, rest.size());
    wire_->clear_output();
  }
  output.sealed = true;
  return true;
}

/// Sees to it that an outbox begins with records. False if it must wait, or the connection was terminated.
bool Transport::seal_outbox(Connection& connection) {
  Outbox& outbox = *connection.outbox;
  if (outbox.front_is_sealed()) return true;
  if (codec_of(connection)->is_broken()) {  // the alert is out
    drop_outbox(connection);
    if (connection.state == State::flushing) continue_closing(connection);
    return false;
  }
  if (!codec_of(connection)->can_seal()) return false;  // open_some sends it, unless limits.send_timeout comes first
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

void Transport::release_codec(Connection& connection) {
  tls::Codec* const codec = codec_of(connection);
  if (codec == nullptr || !codec->is_established()) {
    count_handshake(connection, counters_.tls_cut_off);
    --handshakes_;
  }
  if (codec != nullptr) codecs_[table_.slot_of(connection)].reset();
}

}  // namespace ringgate::conn
