// Whoever waits for a push to come so far: handed to the kernel, acknowledged by TCP, answered by the device. Part of DeviceSession.
//
// A wait ends once: reached, timed out, or its connection ended. Its callback runs later in the turn (settle_pushes), never inside the
// event that ended it, because it may push, close and answer.
#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "base/limits.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {

/// The first question comes at once, then this long after each answer, twice as long each time.
constexpr DurationNs ask_pause_min = nanoseconds_per_millisecond;
constexpr DurationNs ask_pause_max = 256 * nanoseconds_per_millisecond;
/// A pong usually comes sooner than it pays to ask about TCP.
constexpr DurationNs ask_pause_for_pong = 64 * nanoseconds_per_millisecond;

constexpr std::size_t ping_payload_bytes = sizeof(std::uint64_t);  // a keep-alive's has another size

std::uint32_t elapsed_us(TimeNs since, TimeNs now) {
  const TimeNs elapsed = now > since ? (now - since) / nanoseconds_per_microsecond : 0;
  return static_cast<std::uint32_t>(std::min<TimeNs>(elapsed, PushReceipt::not_known - 1));
}

void reach(PushReceipt& receipt, PushLevel level) { receipt.reached = std::max(receipt.reached, level); }

}  // namespace

bool DeviceSession::can_wait(const conn::Connection& connection) {
  if (waits_count_ >= limits::receipts_per_shard_max) return false;
  const DeviceSide* const side = record_of(connection).side;
  if (side == nullptr || side->pushes == nullptr) return true;
  return side->pushes->waits.size() + side->pushes->queue.size() < limits::receipts_per_connection_max;
}

/// Makes a wait before its message is written, with all that it will need: behind the writing no memory is asked for. False: there is none.
bool DeviceSession::make_wait(conn::Connection& connection, const PushOrder& order, PushWaits& wait) {
  try {
    (void)pushes_of(connection);
    wait.emplace_back();
  } catch (const std::bad_alloc&) {
    drop_pushes_if_done(connection);
    return false;
  }
  wait.front() = {.wanted = order.wait,
                  .queued_at = transport_.now(),
                  .deadline = transport_.now() + order.timeout,
                  .report = {.outcome = PushOutcome::delivered,
                             .receipt = {.reached = PushLevel::queued, .queued_at_ms = ring_.wall_clock_ms()}},
                  .teller = {}};
  return true;
}

DevicePushes& DeviceSession::pushes_of(conn::Connection& connection) {
  std::unique_ptr<DevicePushes>& pushes = side_of(connection).pushes;
  if (pushes == nullptr) {
    auto fresh = std::make_unique<DevicePushes>();
    PushDues due{{0, transport_.table().slot_of(connection)}};
    fresh->idle_due = due.extract(due.begin());
    pushes = std::move(fresh);
  }
  return *pushes;
}

/// The message of a wait was taken: who repeats it is told so.
void DeviceSession::note_taken(const PushWait& wait) {
  ++waits_count_;
  if (wait.teller.claim != 0) known_ids_.note_taken(wait.teller.device, wait.teller.claim, wait.report);
}

void DeviceSession::tell(PushTeller& teller, const PushReport& report) {
  if (teller.claim != 0) known_ids_.settle(teller.device, teller.claim, report);
  teller.on_report(report);
}

/// The message of `wait` was just written.
void DeviceSession::await(conn::Connection& connection, PushWaits& wait) {
  DevicePushes& pushes = *record_of(connection).side->pushes;
  PushWait& awaited = wait.front();
  awaited.mark = transport_.mark(connection);
  look_again(connection, pushes,
             awaited.mark != 0 ? awaited.deadline : std::min(awaited.deadline, transport_.now() + mark_pause));
  pushes.waits.splice(pushes.waits.end(), wait);
  if (awaited.wanted == PushLevel::ponged && pushes.ping == 0) ping_behind(connection, pushes);
}

/// Sends the next ping, which answers for all messages that were written before it.
void DeviceSession::ping_behind(conn::Connection& connection, DevicePushes& pushes) {
  pushes.ping = ++pings_numbered_;
  pushes.ping_before_keep_alive = 0;
  for (PushWait& wait : pushes.waits)
    if (wait.wanted == PushLevel::ponged && wait.ping == 0) wait.ping = pushes.ping;
  std::array<std::uint8_t, ping_payload_bytes> payload;
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(pushes.ping >> (56 - 8 * i));
  transport_.write(connection, ws::encode_ping(payload).view());
}

/// Takes it out of `waits`.
void DeviceSession::finish_wait(PushWaits& waits, PushWaits::iterator wait, PushOutcome outcome) {
  --waits_count_;
  wait->report.outcome = outcome;
  finished_waits_.splice(finished_waits_.end(), waits, wait);
}

/// Ends each wait of `pushes` that `judge` has an outcome for.
template <typename Judge>
void DeviceSession::finish_waits(DevicePushes& pushes, Judge judge) {
  for (auto next = pushes.waits.begin(); next != pushes.waits.end();) {
    const auto wait = next++;
    if (const std::optional<PushOutcome> outcome = judge(*wait)) finish_wait(pushes.waits, wait, *outcome);
  }
}

void DeviceSession::on_handed(conn::Connection& connection, std::uint64_t mark, std::uint64_t place) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr || record.side->pushes == nullptr) return;
  DevicePushes& pushes = *record.side->pushes;
  bool asks = false;
  bool asks_soon = false;
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (wait.is_sent() || wait.mark == 0 || wait.mark > mark) return std::nullopt;
    wait.report.receipt.sent_after_us = elapsed_us(wait.queued_at, transport_.now());
    reach(wait.report.receipt, PushLevel::sent);
    wait.place = place;
    if (wait.wanted == PushLevel::sent) return PushOutcome::delivered;
    asks = true;
    asks_soon |= wait.wanted == PushLevel::acked;
    return std::nullopt;
  });
  if (asks && transport_.tells_acked(connection)) {
    const TimeNs at = transport_.now() + (asks_soon ? 0 : ask_pause_for_pong);
    if (pushes.ask_at == 0 || at < pushes.ask_at) {
      pushes.ask_at = at;
      pushes.ask_pause = asks_soon ? ask_pause_min : ask_pause_for_pong;
      look_again(connection, pushes, at);
    }
  }
  if (!pushes.queue.empty()) write_queued(connection);
  drop_pushes_if_done(connection);
}

void DeviceSession::on_acked(conn::Connection& connection, std::uint64_t place) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr || record.side->pushes == nullptr) return;
  DevicePushes& pushes = *record.side->pushes;
  bool asks = false;
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (!wait.is_sent() || wait.is_acked()) return std::nullopt;
    if (wait.place > place) {
      asks = true;
      return std::nullopt;
    }
    wait.report.receipt.acked_after_us = elapsed_us(wait.queued_at, transport_.now());
    reach(wait.report.receipt, PushLevel::acked);
    return wait.wanted == PushLevel::acked ? std::optional{PushOutcome::delivered} : std::nullopt;
  });
  if (asks) {
    pushes.ask_at = transport_.now() + pushes.ask_pause;
    pushes.ask_pause = std::min(2 * pushes.ask_pause, ask_pause_max);
    look_again(connection, pushes, pushes.ask_at);
  }
  drop_pushes_if_done(connection);
}

/// A pong that is not a keep-alive's. A device may answer only the latest of several pings (RFC 6455 section 5.5.3), so it answers for all
/// before it. What the gate did not send means nothing.
void DeviceSession::on_numbered_pong(conn::Connection& connection, ByteView payload) {
  DeviceRecord& record = record_of(connection);
  if (payload.size() != ping_payload_bytes || record.side == nullptr || record.side->pushes == nullptr) return;
  std::uint64_t number = 0;
  for (const std::uint8_t byte : payload) number = number << 8 | byte;
  if (number == record.side->pushes->ping) on_ping_answered(connection, number);
}

void DeviceSession::on_ping_answered(conn::Connection& connection, std::uint64_t number) {
  DevicePushes& pushes = *record_of(connection).side->pushes;
  pushes.ping = 0;
  bool wants_more = false;
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (wait.wanted != PushLevel::ponged) return std::nullopt;
    if (wait.ping == 0 || wait.ping > number) {
      wants_more = true;
      return std::nullopt;
    }
    wait.report.receipt.ponged_after_us = elapsed_us(wait.queued_at, transport_.now());
    reach(wait.report.receipt, PushLevel::ponged);
    return PushOutcome::delivered;
  });
  if (wants_more && record_of(connection).phase == Phase::open) ping_behind(connection, pushes);
  drop_pushes_if_done(connection);
}

/// The open phase ends. What waits as messages goes before our Close if the device may still read it; nobody waits for more.
void DeviceSession::end_pushes(conn::Connection& connection) {
  DeviceSide* const side = record_of(connection).side;
  if (side == nullptr || side->pushes == nullptr) return;
  DevicePushes& pushes = *side->pushes;
  for (QueuedPush& push : pushes.queue) {
    if (!push.wait.empty()) finish_wait(push.wait, push.wait.begin(), PushOutcome::connection_ended);
  }
  if (connection.is_live()) write_all_queued(connection);
  else
    while (!pushes.queue.empty()) withdraw(pushes, pushes.queue.begin(), PushOutcome::connection_ended);
  finish_waits(pushes, [](PushWait&) { return std::optional{PushOutcome::connection_ended}; });
  drop_pushes_if_done(connection);
}

void DeviceSession::drop_pushes_if_done(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr || (record.side->pushes != nullptr && !record.side->pushes->empty())) return;
  if (record.side->pushes != nullptr && record.side->pushes->due != 0)
    dues_.erase({record.side->pushes->due, transport_.table().slot_of(connection)});
  record.side->pushes.reset();
  if (reading_ != &connection) drop_side_if_idle(record);
}

// -- Deadlines

void DeviceSession::look_again(const conn::Connection& connection, DevicePushes& pushes, TimeNs at) {
  if (pushes.due != 0 && pushes.due <= at) return;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  if (pushes.due != 0) pushes.idle_due = dues_.extract({pushes.due, slot});
  pushes.due = at;
  pushes.idle_due.value() = {at, slot};
  dues_.insert(std::move(pushes.idle_due));
}

void DeviceSession::settle_due_pushes(conn::Connection& connection) {
  DevicePushes& pushes = *record_of(connection).side->pushes;
  const TimeNs now = transport_.now();
  TimeNs next = UINT64_MAX;
  for (auto at = pushes.queue.begin(); at != pushes.queue.end();) {
    const TimeNs deadline = std::min(at->expires_at, at->wait.empty() ? UINT64_MAX : at->wait.front().deadline);
    if (deadline > now) {
      next = std::min(next, deadline);
      ++at;
    } else if (at->expires_at <= now) {
      at = withdraw(pushes, at, PushOutcome::expired);
    } else {
      finish_wait(at->wait, at->wait.begin(), PushOutcome::timed_out);  // the message goes on waiting, for nobody
      ++at;
    }
  }
  if (!pushes.queue.empty() && !connection.output_waits()) write_queued(connection);  // there may have been no memory for a mark
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (wait.deadline <= now) return PushOutcome::timed_out;
    next = std::min(next, wait.deadline);
    // A later mark claims no level too early.
    if (wait.mark == 0 && (wait.mark = transport_.mark(connection)) == 0) next = std::min(next, now + mark_pause);
    return std::nullopt;
  });
  if (pushes.ask_at != 0 && pushes.ask_at <= now) ask_acked(connection, pushes);
  if (pushes.ask_at != 0) next = std::min(next, pushes.ask_at);
  if (next != UINT64_MAX && !pushes.empty()) look_again(connection, pushes, next);
  drop_pushes_if_done(connection);
}

void DeviceSession::ask_acked(conn::Connection& connection, DevicePushes& pushes) {
  pushes.ask_at = 0;  // the answer sets it again
  if (asks_left_ == 0) {
    pushes.ask_at = transport_.now() + 1;
    return;
  }
  if (pushes.waits.empty()) return;
  try {
    if (transport_.ask_acked(connection)) --asks_left_;
  } catch (const std::bad_alloc&) {
    pushes.ask_at = transport_.now() + ask_pause_max;
  }
}

void DeviceSession::settle_some_pushes() {
  asks_left_ = limits::receipt_questions_per_turn;
  // Not before everything that has arrived was received: an answer may be among it.
  while (!transport_.timers_wait() && !dues_.empty() && dues_.begin()->first <= transport_.now()) {
    settle_due_pushes(take_first_due());
  }
  while (!transport_.timers_wait() && known_ids_.give_up_follower(transport_.now())) {
  }
  tell_finished_pushes();
}

/// Of the pushes that are to be looked at first: their connection.
conn::Connection& DeviceSession::take_first_due() {
  PushDues::node_type due = dues_.extract(dues_.begin());
  conn::Connection& connection = transport_.table().at(due.value().second);
  DevicePushes& pushes = *record_of(connection).side->pushes;
  pushes.due = 0;
  pushes.idle_due = std::move(due);
  return connection;
}

std::size_t DeviceSession::tell_finished_pushes() {
  PushWaits finished;
  finished.swap(finished_waits_);  // a callback may finish others
  for (PushWait& wait : finished) tell(wait.teller, wait.report);
  return finished.size();
}

std::size_t DeviceSession::end_all_pushes() {
  while (!dues_.empty()) end_pushes(take_first_due());
  return tell_finished_pushes();
}

}  // namespace ringgate::dispatch
