// Reads frames, calls handlers, answers pings. The files of DeviceSession are listed in device_session.h.
#include "dispatch/device_session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "dispatch/connection_access.h"
#include "ws/closing.h"

namespace ringgate::dispatch {

namespace {

/// Whether the first frame's length is in its second byte.
bool starts_small(ByteView bytes) { return bytes.size() >= 2 && (bytes[1] & ws::length_bits) <= ws::length_7_bit_max; }

/// One shard's part of limits.reassembly_memory: at least room for a message and for the buffers kept for reuse.
std::uint64_t reassembly_part(const LimitsConfig& limits, std::uint32_t shards_count) {
  return std::max(limits.reassembly_bytes_max / shards_count, limits.message_bytes_max + 2 * limits::assembly_cached_bytes_max);
}

/// The oldest message is given up only after a receive. So one receive may exceed the part, and a message may inflate beside it.
std::uint64_t reassembly_ceiling(const LimitsConfig& limits, std::uint32_t shards_count) {
  constexpr std::uint64_t receive_bytes = 1024 * 1024;
  return reassembly_part(limits, shards_count) + 2 * (limits.message_bytes_max + receive_bytes);
}

/// One shard's part of limits.heads_memory: at least room for a few heads of the largest size, each in a vector that doubles.
std::uint64_t heads_part(const LimitsConfig& limits, std::uint32_t shards_count) {
  constexpr std::uint64_t floor = 512 * 1024;
  static_assert(floor >= 4 * 2 * limits::head_bytes_most);
  return ShardBudget::part_of(limits.heads_bytes_max, shards_count, floor);
}

/// One shard's part of limits.held_memory: at least the bytes of one receive.
std::uint64_t held_part(const LimitsConfig& limits, std::uint32_t shards_count) {
  return ShardBudget::part_of(limits.held_bytes_max, shards_count, 2 * 1024 * 1024);
}

}  // namespace

DeviceSession::DeviceSession(std::uint8_t shard_index, const DeviceSettings& settings, GateState& gate, ring::Ring& ring,
                             conn::Transport& transport, ShardCounters& counters)
    : shard_index_(shard_index),
      settings_(settings),
      gate_(gate),
      ring_(ring),
      transport_(transport),
      counters_(counters),
      reader_(reassembly_ceiling(settings.config.limits, gate.shards_count)),
      compression_(reader_.pool(), settings.config.limits, gate.deflate_memory, counters),
      heads_budget_(heads_part(settings.config.limits, gate.shards_count), counters.heads_bytes, counters.heads_bytes_max),
      reassembly_bytes_max_(reassembly_part(settings.config.limits, gate.shards_count)),
      gatherer_(settings.head_rules),
      held_budget_(held_part(settings.config.limits, gate.shards_count), counters.held_bytes, counters.held_bytes_max),
      queued_budget_(
          ShardBudget::part_of(settings.config.limits.output_bytes_max, gate.shards_count,
                               2 * (settings.config.limits.send_queue_bytes_max + settings.config.limits.push_bytes_max)),
          counters.queued_push_bytes, counters.queued_push_bytes_max) {
  gate.epochs.start(ring.wall_clock_ms(), ring.now());
  (void)ws::encode_close(CloseCode::normal,
                         "x");  // what the check of UTF-8 makes at its first use is made now: it takes no lack of memory
}

DeviceSession::~DeviceSession() {
  conn::ConnectionTable& table = transport_.table();
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot) {
    conn::Connection& connection = table.at(slot);
    // Connections are left only if the shard was stopped at once. Those of other sessions are not ours.
    if (connection.state == conn::State::free || !transport_.serves(connection, *this)) continue;
    DeviceRecord& record = record_of(connection);
    if (record.side != nullptr) {
      reader_.abandon(record.side->partial);
      drop_inflating(*record.side);
    }
    delete record.side;
    record.id.clear();
  }
}

DeviceSide& DeviceSession::side_of(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr) record.side = new DeviceSide;
  return *record.side;
}

/// Frees the side object of an idle connection.
void DeviceSession::drop_side_if_idle(DeviceRecord& record) {
  DeviceSide* side = record.side;
  if (side == nullptr || record.phase != Phase::open) return;
  if (side->partial != nullptr || side->head != nullptr || !side->held.empty() || !side->waiting_pongs.empty()) return;
  if (side->inflating != nullptr || side->put_off_listed || side->waits_for_sinks || side->waits_for_budget ||
      side->slowness_told != 0)
    return;
  if (side->pushes != nullptr || side->words != nullptr || side->deflate != nullptr || side->inflate_paid_at > transport_.now())
    return;
  delete side;
  record.side = nullptr;
}

device::ConnectionRef DeviceSession::ref_of(const conn::Connection& connection) const {
  return {shard_index_, transport_.table().slot_of(connection), connection.generation};
}

void DeviceSession::on_received(conn::Connection& connection, MutableBytes bytes) {
  DeviceRecord& record = record_of(connection);
  record.received_at = now_ms();
  if (record.phase == Phase::open && !paces_.any() && !is_held(connection)) [[likely]] {
    // A device of an echo route that has nothing under way, as most have: small messages need no more than this.
    if (starts_small(bytes) && record.side == nullptr && limits_of(record).is_echo &&
        (connection.session_flags & DeviceFlags::compresses) == 0 && !awaited_.any()) {
      echo_small_messages(connection, bytes, limits_of(record).rules);
      if (bytes.empty() && !connection.output_waits()) return;
    }
    return read_frames(connection, bytes);
  }
  switch (record.phase) {
    case Phase::upgrading: step_handshake(connection, [&] { read_head(connection, bytes); }); break;
    case Phase::queued:
    case Phase::authenticating: step_handshake(connection, [&] { hold_undecided(connection, bytes); }); break;
    case Phase::open: read_open(connection, bytes); break;
    case Phase::closing: read_frames(connection, bytes); break;
    case Phase::closed: break;
  }
}

/// Reads what an open connection has received, or holds it.
void DeviceSession::read_open(conn::Connection& connection, MutableBytes bytes) {
  if (paces_.any() && !count_received(connection, bytes.size())) return;
  if (is_held(connection)) hold(connection, bytes);
  else read_frames(connection, bytes);
  if (paces_.any()) pause_if_in_debt(connection);
}

/// Reads all frames in `bytes`. The rest is held back if the handler pauses, if a message takes several turns to inflate, or if
/// the replies are more than one turn should make. Echo needs no such limit: its replies are no longer than the messages.
void DeviceSession::read_frames(conn::Connection& connection, MutableBytes bytes) {
  DeviceRecord& record = record_of(connection);
  ws::Partial* partial = record.side != nullptr ? record.side->partial : nullptr;
  const bool compresses = (connection.session_flags & DeviceFlags::compresses) != 0;
  const DeviceSettings::RouteLimits& limits = limits_of(record);
  const ws::ReaderRules& rules = compresses ? limits.compressing_rules : limits.rules;
  const bool awaits_reply = awaited_.any() && awaited_.any(transport_.table().slot_of(connection));
  const bool echoes = limits.is_echo && !compresses && !awaits_reply;
  const bool waits_for_sinks = limits.waits_for_sinks && record.phase == Phase::open;
  conn::Connection* const reading_before = std::exchange(reading_, &connection);
  while (true) {
    // Just before each message: whatever was said before it, the other devices' words too, has taken its room by now.
    if (waits_for_sinks && must_wait_for_sinks(limits)) put_off(connection);
    if (is_held(connection)) {
      hold(connection, bytes);
      break;
    }
    if (echoes && partial == nullptr) {
      if (paces_.any()) [[unlikely]] {
        echo_paced(connection, bytes, rules);
        if (is_held(connection)) continue;
      } else if (starts_small(bytes)) {
        echo_small_messages(connection, bytes, rules);
      }
    }
    if (bytes.empty()) break;
    ws::Event event = reader_.next(bytes, partial, rules);
    if (record.side != nullptr && !ws::FrameReader::unfinished(partial)) unfinished_.remove(record.side->unfinished);
    if (event.kind == ws::EventKind::need_more) break;
    if (!handle(connection, event) || !connection.is_live() || record.phase == Phase::closed || bytes.empty()) break;
    if (!echoes && record.phase == Phase::open && replies_abound(connection)) put_off(connection);
  }
  reading_ = reading_before;
  if (record.side != nullptr || partial != nullptr) {
    note_unfinished(connection, partial);
    drop_side_if_idle(record);
  }
  if (connection.output_waits() && record.phase == Phase::open &&
      transport_.waiting_bytes(connection) > limits_of(record).send_queue_bytes_max / 2) {
    tell_slow(connection, Slowness::half_full);
    pause(connection, DeviceFlags::paused_by_output);
  }
}

/// Echoes small messages at the front of `bytes` as runs, without an event and a handler call for each.
void DeviceSession::echo_small_messages(conn::Connection& connection, MutableBytes& bytes, const ws::ReaderRules& rules) {
  constexpr std::size_t run_bytes_max = conn::TurnArena::block_bytes / 2;
  static_assert(ws::echo_run_slack_bytes <= limits::buffer_slack_bytes);
  DeviceRecord& record = record_of(connection);
  if (record.phase != Phase::open || connection.output_waits()) return;
  while (starts_small(bytes)) {
    const ByteView part = bytes.first(std::min(bytes.size(), run_bytes_max));
    std::uint8_t* const room = transport_.room(part.size() + ws::echo_run_slack_bytes);
    const ws::EchoRun run = ws::echo_run(part, room, rules.message_bytes_max);
    if (run.bytes_read == 0) return;
    bytes = bytes.subspan(run.bytes_read);
    transport_.write_room(connection, run.bytes_written);
    count_echoes(record, run);
  }
}

void DeviceSession::count_echoes(DeviceRecord& record, const ws::EchoRun& run) {
  const std::uint32_t messages_count = run.texts_count + run.binaries_count;
  record.message_at = now_ms();
  record.messages_in += messages_count;
  record.messages_out += messages_count;
  counters_.text_in.add(run.texts_count);
  counters_.text_out.add(run.texts_count);
  counters_.binary_in.add(run.binaries_count);
  counters_.binary_out.add(run.binaries_count);
  counters_.payload_bytes_in.add(run.payload_bytes);
  counters_.payload_bytes_out.add(run.payload_bytes);
}

/// False if nothing more may be read from this connection.
bool DeviceSession::handle(conn::Connection& connection, ws::Event& event) {
  switch (event.kind) {
    case ws::EventKind::message: return on_message(connection, event);
    case ws::EventKind::ping: on_ping(connection, event.payload); break;
    case ws::EventKind::pong: on_pong(connection, event.payload); break;
    case ws::EventKind::close:
      answer_close(connection, event);
      reader_.recycle(event.assembled);
      return false;
    case ws::EventKind::violation: return fail_for(connection, event.violation, event);
    case ws::EventKind::need_more: break;
  }
  reader_.recycle(event.assembled);
  return true;
}

/// Fails the connection. Always false: nothing more may be read.
bool DeviceSession::fail_for(conn::Connection& connection, ws::Violation violation, ws::Event& event) {
  counters_.protocol_violations.add(1);
  const ws::ViolationFacts& facts = ws::facts_of(violation);
  fail_connection(connection, facts.close_code, facts.reason);
  reader_.recycle(event.assembled);
  return false;
}

void DeviceSession::handle_message(conn::Connection& connection, ws::Event& event) {
  DeviceRecord& record = record_of(connection);
  record.message_at = now_ms();
  ++record.messages_in;
  (event.type == MessageType::text ? counters_.text_in : counters_.binary_in).add(1);
  counters_.payload_bytes_in.add(event.payload.size());
  if (const std::uint64_t sinks = limits_of(record).sinks; sinks != 0) tell_message(connection, event, sinks);
  if (awaited_.any()) [[unlikely]]
    note_reply(connection, event.type, event.payload);

  ConnectionAccess access(*this, connection, &event);
  call_handler(connection, access,
               [&](Handler& handler, Connection& facade) { handler.on_message(facade, {event.type, event.payload}); });
  if (event.assembled != nullptr && access.lent_payload()) {
    retiring_bytes_ += event.assembled->capacity();
    retiring_buffers_.push_back(event.assembled);
  } else {
    reader_.recycle(event.assembled);
  }
}

bool DeviceSession::on_message(conn::Connection& connection, ws::Event& event) {
  DeviceRecord& record = record_of(connection);
  if (record.phase != Phase::open) {  // our Close is sent: messages are no longer answered
    reader_.recycle(event.assembled);
    return true;
  }
  if (paces_.any() && !count_messages(connection, 1)) [[unlikely]] {
    reader_.recycle(event.assembled);
    return false;
  }
  if (event.compressed) {
    const ws::Violation violation = inflate(connection, event);
    if (violation != ws::Violation::none) return fail_for(connection, violation, event);
    if (record.side->inflating != nullptr) return true;  // a later turn handles it
  }
  handle_message(connection, event);
  return true;
}

void DeviceSession::count_message_out(conn::Connection& connection, MessageType type, std::size_t payload_bytes) {
  ++record_of(connection).messages_out;
  (type == MessageType::text ? counters_.text_out : counters_.binary_out).add(1);
  counters_.payload_bytes_out.add(payload_bytes);
}

// -- Control frames

/// Answers every ping in order. While output waits, pongs wait apart, in a list. If the list is full, the latest pong replaces
/// the last one (RFC 6455 section 5.5.3 allows to answer only the latest ping).
void DeviceSession::on_ping(conn::Connection& connection, ByteView payload) {
  counters_.pings_in.add(1);
  if (record_of(connection).phase != Phase::open) return;
  const ws::ControlFrame pong = ws::encode_pong(payload);
  if (!connection.output_waits()) {
    transport_.write(connection, pong.view());
    return;
  }
  std::vector<ws::ControlFrame>& waiting = side_of(connection).waiting_pongs;
  if (waiting.size() >= limits::pongs_waiting_max) waiting.back() = pong;
  else waiting.push_back(pong);
}

void DeviceSession::write_waiting_pongs(conn::Connection& connection) {
  DeviceSide* side = record_of(connection).side;
  if (side == nullptr) return;
  for (const ws::ControlFrame& pong : side->waiting_pongs) transport_.write(connection, pong.view());
  side->waiting_pongs.clear();
}

void DeviceSession::on_output_progress(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (record.phase == Phase::open && has_queue(connection)) write_queued(connection);
  if (record.phase == Phase::open && !connection.output_waits()) {
    write_waiting_pongs(connection);
    if (record.side != nullptr) record.side->slowness_told = 0;
    drop_side_if_idle(record);
    tell_drained(connection);
  }
  const std::size_t waiting = transport_.waiting_bytes(connection);
  if ((connection.session_flags & DeviceFlags::paused_by_output) != 0 && waiting <= limits_of(record).send_queue_bytes_max / 2) {
    go_on_reading(connection, DeviceFlags::paused_by_output);
  }
}

// -- A handler's pause

void DeviceSession::pause_by_handler(conn::Connection& connection) {
  if (record_of(connection).phase != Phase::open) return;
  pause(connection, DeviceFlags::paused_by_handler);
}

/// Stops awaiting a pong: it may be among the bytes that are not read now.
void DeviceSession::pause(conn::Connection& connection, std::uint8_t cause) {
  connection.session_flags |= cause;
  connection.session_flags &= static_cast<std::uint8_t>(~DeviceFlags::awaiting_pong);
  transport_.pause(connection);
}

void DeviceSession::resume_by_handler(conn::Connection& connection) {
  if ((connection.session_flags & DeviceFlags::paused_by_handler) != 0) go_on_reading(connection, DeviceFlags::paused_by_handler);
}

void DeviceSession::on_outputs_retired() {
  for (ws::AssemblyBuffer* buffer : retiring_buffers_) reader_.recycle(buffer);
  retiring_buffers_.clear();
  retiring_bytes_ = 0;
  retiring_held_.clear();
  put_off_due_ = put_off_.size();
  drained_due_ = drained_.size();
  compression_.begin_turn();
}

}  // namespace ringgate::dispatch
