// Whoever waits for a push to come so far: handed to the kernel, acknowledged by TCP, answered by the device. Part of DeviceSession.
//
// A wait ends once: reached, timed out, or its connection ended. Its callback runs later in the turn (settle_pushes), never inside the
// event that ended it, because it may push, close and answer.
#include <algorithm>
#include <array>
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

PushWait DeviceSession::new_wait(const PushOrder& order, std::uint64_t queued_bytes, ReportCallback on_report) {
  ++waits_count_;
  return {.wanted = order.wait,
          .queued_at = transport_.now(),
          .deadline = transport_.now() + order.timeout,
          .report = {.outcome = PushOutcome::delivered,
                     .queued_bytes = queued_bytes,
                     .receipt = {.reached = PushLevel::queued, .queued_at_ms = ring_.wall_clock_ms()}},
          .on_report = std::move(on_report)};
}

DevicePushes& DeviceSession::pushes_of(conn::Connection& connection) {
  std::unique_ptr<DevicePushes>& pushes = side_of(connection).pushes;
  if (pushes == nullptr) pushes = std::make_unique<DevicePushes>();
  return *pushes;
}

/// The message of `wait` was just written.
void DeviceSession::await(conn::Connection& connection, PushWait wait) {
  DevicePushes& pushes = pushes_of(connection);
  wait.mark = transport_.mark(connection);
  look_again(connection, pushes, wait.deadline);
  const bool wants_pong = wait.wanted == PushLevel::ponged;
  pushes.waits.push_back(std::move(wait));
  if (wants_pong && pushes.ping == 0) ping_behind(connection, pushes);
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

void DeviceSession::finish_wait(PushWait& wait, PushOutcome outcome) {
  --waits_count_;
  wait.report.outcome = outcome;
  finished_pushes_.push_back({std::move(wait.on_report), wait.report});
}

/// Ends each wait of `pushes` that `judge` has an outcome for.
template <typename Judge>
void DeviceSession::finish_waits(DevicePushes& pushes, Judge judge) {
  std::erase_if(pushes.waits, [&](PushWait& wait) {
    const std::optional<PushOutcome> outcome = judge(wait);
    if (outcome) finish_wait(wait, *outcome);
    return outcome.has_value();
  });
}

void DeviceSession::on_handed(conn::Connection& connection, std::uint64_t mark, std::uint64_t place) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr || record.side->pushes == nullptr) return;
  DevicePushes& pushes = *record.side->pushes;
  bool asks = false;
  bool asks_soon = false;
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (wait.is_sent() || wait.mark > mark) return std::nullopt;
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
    if (push.wait) finish_wait(*push.wait, PushOutcome::connection_ended);
    push.wait.reset();
  }
  if (connection.is_live()) write_all_queued(connection);
  else
    while (!pushes.queue.empty()) withdraw(pushes, pushes.queue.begin(), PushOutcome::connection_ended);
  finish_waits(pushes, [](PushWait&) { return std::optional{PushOutcome::connection_ended}; });
  drop_pushes_if_done(connection);
}

void DeviceSession::drop_pushes_if_done(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  if (record.side == nullptr || record.side->pushes == nullptr || !record.side->pushes->empty()) return;
  if (record.side->pushes->due != 0) dues_.erase({record.side->pushes->due, transport_.table().slot_of(connection)});
  record.side->pushes.reset();
  if (reading_ != &connection) drop_side_if_idle(record);
}

// -- Deadlines

void DeviceSession::look_again(const conn::Connection& connection, DevicePushes& pushes, TimeNs at) {
  if (pushes.due != 0 && pushes.due <= at) return;
  const std::uint32_t slot = transport_.table().slot_of(connection);
  if (pushes.due != 0) dues_.erase({pushes.due, slot});
  pushes.due = at;
  dues_.emplace(at, slot);
}

void DeviceSession::settle_due_pushes(conn::Connection& connection) {
  DevicePushes& pushes = *record_of(connection).side->pushes;
  const TimeNs now = transport_.now();
  pushes.due = 0;
  TimeNs next = UINT64_MAX;
  for (auto at = pushes.queue.begin(); at != pushes.queue.end();) {
    const TimeNs deadline = std::min(at->expires_at, at->wait ? at->wait->deadline : UINT64_MAX);
    if (deadline > now) {
      next = std::min(next, deadline);
      ++at;
    } else if (at->expires_at <= now) {
      at = withdraw(pushes, at, PushOutcome::expired);
    } else {
      finish_wait(*at->wait, PushOutcome::timed_out);  // the message goes on waiting, for nobody
      (at++)->wait.reset();
    }
  }
  finish_waits(pushes, [&](PushWait& wait) -> std::optional<PushOutcome> {
    if (wait.deadline <= now) return PushOutcome::timed_out;
    next = std::min(next, wait.deadline);
    return std::nullopt;
  });
  if (pushes.ask_at != 0 && pushes.ask_at <= now) {
    pushes.ask_at = 0;  // the answer sets it again
    if (!pushes.waits.empty() && asks_left_ > 0 && transport_.ask_acked(connection)) --asks_left_;
    else if (asks_left_ == 0) pushes.ask_at = now + 1;
  }
  if (pushes.ask_at != 0) next = std::min(next, pushes.ask_at);
  if (next != UINT64_MAX && !pushes.empty()) look_again(connection, pushes, next);
  drop_pushes_if_done(connection);
}

void DeviceSession::settle_some_pushes() {
  asks_left_ = limits::receipt_questions_per_turn;
  // Not before everything that has arrived was received: an answer may be among it.
  while (!transport_.timers_wait() && !dues_.empty() && dues_.begin()->first <= transport_.now()) {
    const std::uint32_t slot = dues_.begin()->second;
    dues_.erase(dues_.begin());
    settle_due_pushes(transport_.table().at(slot));
  }
  tell_finished_pushes();
}

std::size_t DeviceSession::tell_finished_pushes() {
  const std::size_t count = finished_pushes_.size();  // a callback may finish others
  for (std::size_t i = 0; i < count; ++i) {
    FinishedPush finished = std::move(finished_pushes_.front());
    finished_pushes_.pop_front();
    finished.on_report(finished.report);
  }
  return count;
}

std::size_t DeviceSession::end_all_pushes() {
  while (!dues_.empty()) {
    conn::Connection& connection = transport_.table().at(dues_.begin()->second);
    dues_.erase(dues_.begin());
    record_of(connection).side->pushes->due = 0;
    end_pushes(connection);
  }
  return tell_finished_pushes();
}

}  // namespace ringgate::dispatch
