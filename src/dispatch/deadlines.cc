// The deadlines of a device: opening handshake, pong, data message, end of a message, taking its output, answering a Close. Part
// of DeviceSession. Invariant: one timer per connection, set to its nearest deadline.
#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {

/// The earliest of several deadlines. A limit of 0 is off.
class Nearest {
 public:
  explicit Nearest(TimeNs now) : now_(now) {}

  /// Considers a deadline that is `limit` after a moment `elapsed` milliseconds ago. True if it has passed.
  bool passed(Milliseconds32 elapsed, DurationNs limit) {
    if (limit == 0) return false;
    const DurationNs gone = elapsed * nanoseconds_per_millisecond;
    if (gone >= limit) return true;
    offer(now_ + (limit - gone));
    return false;
  }
  void offer(TimeNs deadline) { at_ = std::min(at_, deadline); }
  TimeNs at() const { return at_; }
  bool any() const { return at_ != UINT64_MAX; }

 private:
  TimeNs now_;
  TimeNs at_ = UINT64_MAX;
};

}  // namespace

/// How long a connection with a limited lifetime may last, from accepting on. Spread by up to a tenth either way, so that devices
/// that came together do not come back together. The same at each call.
DurationNs DeviceSession::lifetime_of(const conn::Connection& connection) const {
  const DurationNs lifetime = limits_of(record_of(connection)).lifetime;
  std::uint64_t spread = std::uint64_t{connection.generation} << 40 ^
                         std::uint64_t{transport_.table().slot_of(connection)} << 16 ^ connection.opened_ms;
  for (int round = 0; round < 2; ++round) spread = (spread ^ spread >> 31) * 0x9E37'79B9'7F4A'7C15;
  return lifetime - lifetime / 10 + (lifetime / 5 >> 16) * (spread >> 48);
}

void DeviceSession::on_output_waits(conn::Connection& connection) {
  if (record_of(connection).phase == Phase::open) schedule_next(connection);
}

void DeviceSession::on_warm(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  record.received_at = now_ms();
  if (record.phase == Phase::open) schedule_next(connection);  // it may become cold again before another deadline
}

void DeviceSession::on_deadline(conn::Connection& connection) {
  DeviceRecord& record = record_of(connection);
  switch (record.phase) {
    case Phase::upgrading:
      if (connection.session_mark != 0) {
        refuse(connection, http::Rejection::request_timeout);
      } else {
        note_refusal(connection, http::Rejection::nothing_sent, http::facts_of(http::Rejection::nothing_sent),
                     partial_request(connection));
        record.phase = Phase::closed;
        transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::fin);
      }
      take_partial_head(record);
      break;
    case Phase::queued:
    case Phase::authenticating: refuse_undecided(connection, admission::Rejection::authentication_timeout); break;
    case Phase::open:
      go_on_by_rate(connection);
      if (record.phase != Phase::open || !connection.is_live()) break;
      schedule_next(connection);
      drop_side_if_idle(record);
      break;
    case Phase::closing: transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::fin); break;
    case Phase::closed: break;
  }
}

/// Acts on every deadline of an open connection that has passed, and sets the timer to the next one.
void DeviceSession::schedule_next(conn::Connection& connection) {
  const LimitsConfig& limits = settings_.config.limits;
  DeviceRecord& record = record_of(connection);
  const DeviceSettings::RouteLimits& route = limits_of(record);
  const Milliseconds32 now = now_ms();
  Nearest nearest(transport_.now());

  if (const auto since = transport_.stalled_since(connection)) {
    const DurationNs stalled = transport_.now() > *since ? transport_.now() - *since : 0;
    if (nearest.passed(static_cast<Milliseconds32>(stalled / nanoseconds_per_millisecond), limits.send_timeout_ns)) {
      end_slow_consumer(connection, "slow consumer");
      return;
    }
  }
  if (route.lifetime != 0) {
    const std::uint64_t lived = transport_.now_ms() - connection.opened_ms;
    if (nearest.passed(static_cast<Milliseconds32>(std::min<std::uint64_t>(lived, UINT32_MAX)), lifetime_of(connection))) {
      counters_.lifetimes_ended.add(1);
      close(connection, CloseCode::lifetime_over, "maximum lifetime");
      return;
    }
  }
  if ((connection.session_flags & DeviceFlags::paused_by_rate) != 0) nearest.offer(transport_.now() + rate_wait(connection));
  if (connection.is_paused()) record.message_at = now;  // what it has sent lies unread
  if (nearest.passed(now - record.message_at, route.idle_timeout)) {
    close(connection, CloseCode::no_pong, "idle");
    return;
  }
  if (UnfinishedList::Link* const unfinished = record.side == nullptr ? nullptr : &record.side->unfinished;
      unfinished != nullptr && unfinished->linked) {
    if (connection.is_paused()) unfinished->began_at = now;  // the device could not finish it while paused
    if (nearest.passed(now - unfinished->began_at, route.message_timeout)) {
      counters_.message_timeouts.add(1);
      close(connection, CloseCode::policy_violation, "message not finished in time");
      return;
    }
  }
  if (!credentials_.empty()) {
    const auto wait = judge_credential(connection);
    if (record.phase != Phase::open) return;
    if (wait) nearest.offer(transport_.now() + *wait);
  }
  // Any byte received is a sign of life. Only a silent device is pinged, and it is closed only if it stays silent after the ping.
  const Milliseconds32 silent = std::min(now - record.received_at, now - record.ping_at);
  const bool heard = now - record.received_at <= now - record.ping_at;
  const bool judges_pong = route.pong_timeout != 0 && (connection.session_flags & DeviceFlags::awaiting_pong) != 0 && !heard;
  if (judges_pong) {
    if (nearest.passed(now - record.ping_at, route.pong_timeout)) {
      counters_.pong_timeouts.add(1);
      close(connection, CloseCode::no_pong, "no pong");
      return;
    }
  } else if (nearest.passed(silent, route.ping_interval)) {
    record.ping_at = now;
    // A device with waiting output gets no ping: limits.send_timeout ends it.
    const bool pings = !connection.output_waits();
    if (pings) send_ping(connection);
    nearest.offer(transport_.now() + route.ping_interval);
    if (pings && route.pong_timeout != 0) nearest.offer(transport_.now() + route.pong_timeout);
  }
  if (!connection.is_cold() && nearest.passed(now - record.received_at, settings_.config.ring.cold_after_ns))
    transport_.cool(connection);
  if (nearest.any()) transport_.schedule(connection, nearest.at());
}

/// Log and handler get the close code, the device gets a reset: a Close frame would wait behind the output that it does not take.
void DeviceSession::end_slow_consumer(conn::Connection& connection, std::string_view reason) {
  counters_.slow_consumers.add(1);
  note_close(connection, CloseCode::slow_consumer, reason, EndedBy::gate);
  tell_slow(connection, Slowness::closed);
  record_of(connection).phase = Phase::closed;
  if (has_queue(connection)) {
    DevicePushes& pushes = *record_of(connection).side->pushes;
    while (!pushes.queue.empty()) withdraw(pushes, pushes.queue.begin(), PushOutcome::connection_ended);
  }
  leave_map(connection);
  transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
}

void DeviceSession::on_output_given_up(conn::Connection& connection) {
  if (record_of(connection).phase == Phase::open) end_slow_consumer(connection, "slow consumer: no memory for waiting output");
}

/// Pings a paused device too, so that the kernel notices a peer that has vanished. But no pong is awaited: it would not be read.
void DeviceSession::send_ping(conn::Connection& connection) {
  const Milliseconds32 stamp = record_of(connection).ping_at;
  std::array<std::uint8_t, sizeof stamp> payload;
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  transport_.write(connection, ws::encode_ping(payload).view());
  if (const DeviceSide* const side = record_of(connection).side; side != nullptr && side->pushes != nullptr)
    side->pushes->ping_before_keep_alive = side->pushes->ping;
  if (!connection.is_paused()) connection.session_flags |= DeviceFlags::awaiting_pong;
}

/// Only the answer to our latest ping counts for the round-trip time; other pongs are unsolicited (RFC 6455 section 5.5.3).
void DeviceSession::on_pong(conn::Connection& connection, ByteView payload) {
  counters_.pongs_in.add(1);
  DeviceRecord& record = record_of(connection);
  const Milliseconds32 stamp = record.ping_at;
  if (payload.size() != sizeof stamp || std::memcmp(payload.data(), &stamp, sizeof stamp) != 0)
    return on_numbered_pong(connection, payload);
  // Behind a pause nobody waits for it, and it says nothing of the network; what was sent before its ping was read all the same.
  if ((connection.session_flags & DeviceFlags::awaiting_pong) != 0) {
    connection.session_flags &= static_cast<std::uint8_t>(~DeviceFlags::awaiting_pong);
    // 0 means unknown, so less than a millisecond becomes 1.
    record.rtt_ms = static_cast<std::uint16_t>(std::clamp<Milliseconds32>(now_ms() - stamp, 1, UINT16_MAX));
    counters_.ping_rtt_ms.record(record.rtt_ms);
  }
  if (record.side == nullptr || record.side->pushes == nullptr) return;
  const std::uint64_t answered = record.side->pushes->ping_before_keep_alive;
  if (answered != 0 && answered == record.side->pushes->ping) on_ping_answered(connection, answered);
}

}  // namespace ringgate::dispatch
