#include "events/event_observer.h"

#include <algorithm>
#include <string>

#include "dispatch/upstream.h"

namespace ringgate::events {

void EventObserver::on_connected(const dispatch::DeviceView& device) {
  if (!hub_.is_wanted()) return;
  std::string text = device.peer.text();
  if (!device.trace_parent.empty()) text.append("\n").append(device.trace_parent);
  record(device, {.type = EventType::connected, .payload = bytes_of(text)});
}

void EventObserver::on_disconnected(const dispatch::DeviceView& device, const dispatch::DisconnectView& end) {
  if (!hub_.is_wanted()) return;
  const std::array<std::uint64_t, 6> words{
      std::uint64_t{static_cast<std::uint16_t>(end.code)} | std::uint64_t{static_cast<std::uint8_t>(end.ended_by)} << 16,
      end.duration_ms,
      end.bytes_in,
      end.bytes_out,
      end.messages_in,
      end.messages_out};
  record(device, {.type = EventType::disconnected, .words = words, .payload = bytes_of(end.reason)});
}

void EventObserver::on_replaced(const dispatch::DeviceView& device, ConnectionRef replaced) {
  if (!hub_.is_wanted()) return;
  record(device, {.type = EventType::replaced, .words = {&replaced.word, 1}});
}

void EventObserver::on_message(const dispatch::DeviceView& device, const dispatch::UpstreamMessage& message) {
  if (!hub_.is_wanted()) return;
  record(device, {.type = EventType::message,
                  .detail = static_cast<std::uint8_t>(message.type),
                  .sinks = message.sinks,
                  .payload = message.payload});
}

/// What is written in this turn counts, published or not.
bool EventObserver::has_room(std::uint64_t sinks) {
  const std::size_t fill = shared_.ring.fill_of_producer();
  if (fill > hub_.ring_full_bytes()) is_ring_full_ = true;
  else if (fill == 0 || fill < hub_.ring_full_bytes() / 2) is_ring_full_ = false;
  return !is_ring_full_ && (hub_.full_sinks() & sinks) == 0;
}

void EventObserver::on_slow(const dispatch::DeviceView& device, const dispatch::SlowView& slow) {
  if (!hub_.is_wanted()) return;
  record(device, {.type = EventType::slow, .detail = static_cast<std::uint8_t>(slow.slowness), .words = {&slow.queued_bytes, 1}});
}

void EventObserver::on_credential_expiring(const dispatch::DeviceView& device, const dispatch::CredentialView& credential) {
  if (!hub_.is_wanted()) return;
  const auto expires_at = static_cast<std::uint64_t>(std::max<std::int64_t>(credential.expires_at, 0));
  std::string text(credential.kind);
  text.append(" ").append(credential.token_id);
  record(device, {.type = EventType::credential_expiring, .words = {&expires_at, 1}, .payload = bytes_of(text)});
}

/// Completes `parts` by what all events of a device have, and writes them.
void EventObserver::record(const dispatch::DeviceView& device, RecordParts parts) {
  if (time_ms_ == 0) time_ms_ = static_cast<std::uint64_t>(clock_.wall_clock_ms());
  shared_.offered[static_cast<std::size_t>(parts.type)].add(1);
  parts.route = device.route_index;
  parts.shard = shard_;
  parts.time_ms = time_ms_;
  parts.connection = device.connection.word;
  parts.epoch = device.epoch;
  parts.seq = ++seq_;
  if (parts.type != EventType::message) parts.sinks = dispatch::all_sinks;
  parts.device_id = device.device_id;
  parts.groups = device.groups;
  // A gap stands where events are missing, so nothing is written before it.
  if ((has_gap_ && !announce_gap()) || !write(parts)) drop(parts.type);
}

bool EventObserver::write(const RecordParts& parts) {
  const std::size_t size = parts.size();
  if (size > shared_.ring.record_bytes_max()) return false;
  std::uint8_t* const out = shared_.ring.reserve(size);
  if (out == nullptr) return false;
  write_record(parts, size, out);
  return true;
}

void EventObserver::drop(EventType type) {
  shared_.dropped[static_cast<std::size_t>(type)].add(1);
  ++missing_[static_cast<std::size_t>(type)];
  has_gap_ = true;
}

/// False if there is no room for it yet.
bool EventObserver::announce_gap() {
  if (time_ms_ == 0) time_ms_ = static_cast<std::uint64_t>(clock_.wall_clock_ms());
  const RecordParts gap{.type = EventType::gap,
                        .shard = shard_,
                        .time_ms = time_ms_,
                        .seq = seq_ + 1,
                        .sinks = dispatch::all_sinks,
                        .words = missing_};
  if (!write(gap)) return false;
  ++seq_;
  shared_.offered[static_cast<std::size_t>(EventType::gap)].add(1);
  missing_.fill(0);
  has_gap_ = false;
  return true;
}

}  // namespace ringgate::events
