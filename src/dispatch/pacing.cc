// What a device may send per second: counting it, and pausing or closing a device that sends more. Part of DeviceSession.
//
// A message that its device may not send yet is held, unread. Bytes are counted as they are received, and then read: a device may owe
// what one receive brought, and is paused until that is paid. Nothing of a paused device is read, its pings and its Close neither: they wait for their turn,
// and its own deadlines wait with it. Invariant: a device is paused by its rate exactly while its timer is set to the end of that.
#include "dispatch/device_session.h"

namespace ringgate::dispatch {

SendRates DeviceSession::rates_of_route(std::uint8_t route_index) const {
  const RouteConfig& route = settings_.config.routes[route_index];
  const limit::SendLimits& usual = settings_.limit_rules.sending;
  return {.messages = route.messages_per_second == inherited ? usual.messages_per_second : route.messages_per_second,
          .bytes = route.bytes_per_second == inherited ? usual.bytes_per_second : route.bytes_per_second};
}

void DeviceSession::set_rates(conn::Connection& connection, const SendRates& rates) {
  paces_.set(transport_.table().slot_of(connection), rates, settings_.limit_rules.sending.burst, transport_.now());
  if ((connection.session_flags & DeviceFlags::paused_by_rate) != 0) schedule_next(connection);
}

/// False if the connection was closed for it.
bool DeviceSession::count_received(conn::Connection& connection, std::size_t bytes_count) {
  if (record_of(connection).phase != Phase::open) return true;
  DevicePace* const pace = paces_.find(transport_.table().slot_of(connection));
  if (pace == nullptr || pace->take_bytes(transport_.now(), bytes_count)) return true;
  return settings_.limit_rules.rate_policy == RatePolicy::pause || end_over_rate(connection, "too many bytes");
}

/// Called when the bytes were read.
void DeviceSession::pause_if_in_debt(conn::Connection& connection) {
  DevicePace* const pace = paces_.find(transport_.table().slot_of(connection));
  if (pace == nullptr || !pace->owes_bytes()) return;
  if (connection.is_live() && record_of(connection).phase == Phase::open) pause_by_rate(connection);
}

/// False if the connection was closed for it. If no message is left for now, the device is paused.
bool DeviceSession::count_messages(conn::Connection& connection, std::uint64_t messages_count) {
  DevicePace* const pace = paces_.find(transport_.table().slot_of(connection));
  if (pace == nullptr) return true;
  const bool may_send = pace->take_messages(transport_.now(), messages_count);
  if (settings_.limit_rules.rate_policy == RatePolicy::close) return may_send || end_over_rate(connection, "too many messages");
  if (pace->messages_left(transport_.now()) == 0) pause_by_rate(connection);
  return true;
}

/// Always false.
bool DeviceSession::end_over_rate(conn::Connection& connection, std::string_view reason) {
  counters_.rate_closes.add(1);
  fail_connection(connection, CloseCode::rate_limited, reason);
  return false;
}

void DeviceSession::pause_by_rate(conn::Connection& connection) {
  if ((connection.session_flags & DeviceFlags::paused_by_rate) != 0) return;
  counters_.rate_pauses.add(1);
  pause(connection, DeviceFlags::paused_by_rate);
  schedule_next(connection);
}

/// Called by the timer.
void DeviceSession::go_on_by_rate(conn::Connection& connection) {
  if ((connection.session_flags & DeviceFlags::paused_by_rate) != 0 && rate_wait(connection) == 0)
    go_on_reading(connection, DeviceFlags::paused_by_rate);
}

DurationNs DeviceSession::rate_wait(conn::Connection& connection) {
  DevicePace* const pace = paces_.find(transport_.table().slot_of(connection));
  return pace == nullptr ? 0 : pace->wait(transport_.now());
}

/// Echoes small messages at the front of `bytes`, no more than the device may send now. Counts them at once.
void DeviceSession::echo_paced(conn::Connection& connection, MutableBytes& bytes, const ws::ReaderRules& rules) {
  DevicePace* const pace = paces_.find(transport_.table().slot_of(connection));
  if (pace == nullptr) return echo_small_messages(connection, bytes, rules);
  // So few bytes hold no more messages.
  constexpr std::size_t frame_bytes_min = 2 + sizeof(ws::MaskingKey);
  const std::uint64_t messages_left = std::min(pace->messages_left(transport_.now()), bytes.size() / frame_bytes_min + 1);
  const std::size_t part_bytes = std::min(bytes.size(), static_cast<std::size_t>(messages_left) * frame_bytes_min);
  MutableBytes part = bytes.first(part_bytes);
  const DeviceRecord& record = record_of(connection);
  const std::uint32_t messages_before = record.messages_in;
  echo_small_messages(connection, part, rules);
  bytes = bytes.subspan(part_bytes - part.size());
  if (const std::uint32_t echoed = record.messages_in - messages_before; echoed != 0) (void)count_messages(connection, echoed);
}

}  // namespace ringgate::dispatch
