// Pushes that wait as messages in front of the outbox: there they expire, are replaced by newer ones, or are dropped. Part of
// DeviceSession.
//
// Bytes in an outbox cannot be withdrawn, and neither can compressed ones: the next message refers to them. So the outbox is kept short
// while a queue waits, and what leaves the queue is compressed then. Invariants: a queue that is not empty has output before it, or a mark
// whose passing writes on; pushes to one connection keep their order.
#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "base/limits.h"
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

namespace {

/// The key of pushes without one, if a route coalesces them all.
constexpr device::IdKey common_key{1, 0};
static_assert(common_key.index < device::IdKey::index_min);

/// What pushes take up in a queue.
struct Room {
  std::size_t bytes = 0;  // of their frames
  std::size_t count = 0;
};

}  // namespace

bool DeviceSession::has_queue(const conn::Connection& connection) const {
  const DeviceSide* const side = record_of(connection).side;
  return side != nullptr && side->pushes != nullptr && !side->pushes->queue.empty();
}

/// Whether a push without options waits as a message.
bool DeviceSession::must_queue(const conn::Connection& connection) const {
  return has_queue(connection) ||
         (connection.output_waits() && limits_of(record_of(connection)).slow_policy != SlowPolicy::close);
}

/// Of a push that passed the checks of `deliver`. `backpressure`: not taken, nothing is withdrawn, and `push` is as it was; so it is where
/// there is no memory.
DeliveryResult DeviceSession::queue_push(conn::Connection& connection, QueuedPush& push) {
  try {
    return queue_with_memory(connection, push);
  } catch (const std::bad_alloc&) {
    drop_pushes_if_done(connection);
    return {PushOutcome::backpressure, transport_.queued_bytes(connection)};
  }
}

DeliveryResult DeviceSession::queue_with_memory(conn::Connection& connection, QueuedPush& push) {
  const DeviceSettings::RouteLimits& limits = limits_of(record_of(connection));
  const std::size_t frame_bytes = push.message->frame().size();
  if (limits.slow_policy == SlowPolicy::coalesce && push.coalesce_key.index == 0) push.coalesce_key = common_key;
  DevicePushes& pushes = pushes_of(connection);
  const auto takes_place_of = [&](const QueuedPush& older) {
    return push.coalesce_key.index != 0 && older.coalesce_key == push.coalesce_key;
  };
  Room of_its_key;
  for (const QueuedPush& older : pushes.queue)
    if (takes_place_of(older)) of_its_key = {of_its_key.bytes + older.message->frame().size(), of_its_key.count + 1};
  const auto fits = [&](Room freed) {
    const std::size_t memory = queued_budget_.used_bytes() - freed.bytes - freed.count * queued_push_bytes;
    return transport_.queued_bytes(connection) + pushes.queue_bytes - freed.bytes + frame_bytes <= limits.send_queue_bytes_max &&
           pushes.queue.size() - freed.count < limits::queued_pushes_max &&
           memory + frame_bytes + queued_push_bytes <= queued_budget_.bytes_max();
  };
  const bool drops_old = limits.slow_policy == SlowPolicy::drop_old || limits.slow_policy == SlowPolicy::coalesce;
  if (!fits(of_its_key) && !(drops_old && fits({pushes.queue_bytes, pushes.queue.size()}))) {
    const std::uint64_t waiting = transport_.queued_bytes(connection) + pushes.queue_bytes;
    tell_slow(connection, Slowness::refused);
    drop_pushes_if_done(connection);
    return {PushOutcome::backpressure, waiting};
  }
  PushQueue place;
  place.emplace_back();  // behind it nothing needs memory
  for (auto at = pushes.queue.begin(); at != pushes.queue.end();)
    at = takes_place_of(*at) ? withdraw(pushes, at, PushOutcome::coalesced) : std::next(at);
  while (!fits({})) withdraw(pushes, pushes.queue.begin(), PushOutcome::dropped);
  const std::uint64_t waiting = transport_.queued_bytes(connection) + pushes.queue_bytes;
  pushes.queue_bytes += frame_bytes;
  queued_budget_.add(frame_bytes + queued_push_bytes);
  if (!push.wait.empty()) {
    PushWait& wait = push.wait.front();
    wait.report.queued_bytes = waiting + frame_bytes;
    note_taken(wait);
    look_again(connection, pushes, wait.deadline);
  }
  if (push.expires_at != UINT64_MAX) look_again(connection, pushes, push.expires_at);
  place.back() = std::move(push);
  pushes.queue.splice(pushes.queue.end(), place);
  if (waiting + frame_bytes > limits.send_queue_bytes_max / 2) tell_slow(connection, Slowness::half_full);
  return {PushOutcome::delivered, waiting + frame_bytes};
}

/// Takes a push out of the queue, which is not sent. Returns the one behind it.
PushQueue::iterator DeviceSession::withdraw(DevicePushes& pushes, PushQueue::iterator at, PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::expired: counters_.withdrawn_expired.add(1); break;
    case PushOutcome::coalesced: counters_.withdrawn_coalesced.add(1); break;
    case PushOutcome::dropped: counters_.withdrawn_dropped.add(1); break;
    default: counters_.withdrawn_by_end.add(1); break;
  }
  if (!at->wait.empty()) finish_wait(at->wait, at->wait.begin(), outcome);
  forget_queued(pushes, *at);
  return pushes.queue.erase(at);
}

void DeviceSession::forget_queued(DevicePushes& pushes, const QueuedPush& push) {
  const std::size_t frame_bytes = push.message->frame().size();
  pushes.queue_bytes -= frame_bytes;
  queued_budget_.subtract(frame_bytes + queued_push_bytes);
}

/// Writes what the outbox has room for; expired ones are left out. Of the rest a mark tells.
void DeviceSession::write_queued(conn::Connection& connection) {
  DevicePushes& pushes = *record_of(connection).side->pushes;
  const TimeNs now = transport_.now();
  while (!pushes.queue.empty() && transport_.queued_bytes(connection) < limits::outbox_before_queue_bytes) {
    if (pushes.queue.front().expires_at <= now) {
      withdraw(pushes, pushes.queue.begin(), PushOutcome::expired);
      continue;
    }
    write_first_queued(connection, pushes);
  }
  if (pushes.queue.empty() || connection.output_waits() || transport_.mark(connection) != 0) return;
  look_again(connection, pushes, now + mark_pause);
}

void DeviceSession::write_first_queued(conn::Connection& connection, DevicePushes& pushes) {
  QueuedPush push = std::move(pushes.queue.front());
  pushes.queue.pop_front();
  forget_queued(pushes, push);
  write_message(connection, push.message, push.audience);
  count_message_out(connection, push.message->type(), push.message->payload().size());
  if (!push.wait.empty()) await(connection, push.wait);
}

/// Before the end, behind which nothing may be written.
void DeviceSession::write_all_queued(conn::Connection& connection) {
  if (!has_queue(connection)) return;
  DevicePushes& pushes = *record_of(connection).side->pushes;
  while (!pushes.queue.empty()) write_first_queued(connection, pushes);
}

}  // namespace ringgate::dispatch
