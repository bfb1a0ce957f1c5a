#include "server/shard_drain.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ringgate::server {

DurationNs ShardDrain::pause() const { return gate_.drain_at.load(std::memory_order_acquire) == 0 ? 0 : step; }

bool ShardDrain::advance(std::uint32_t device_listeners, std::uint32_t listeners) {
  const TimeNs drain_at = gate_.drain_at.load(std::memory_order_acquire);
  if (drain_at == 0) return false;
  const TimeNs now = transport_.now();
  const TimeNs until = drain_at + bound_;
  const bool is_late = now + end_patience() >= until;  // no more time for devices, nor for shards that do not answer
  if (stage_ != Stage::serving) transport_.end_handshakes(stage_ < Stage::ending ? device_listeners : listeners);
  switch (stage_) {
    case Stage::serving:
      if (now < drain_at) return false;
      gate_.draining.store(true, std::memory_order_release);
      for (std::uint32_t index = 0; index < device_listeners; ++index) transport_.stop_accepting(index);
      transport_.end_handshakes(device_listeners);
      closes_wanted_ = devices_.connections_count();
      stage_ = Stage::closing;
      [[fallthrough]];
    case Stage::closing:
      close_some(drain_at);
      if (is_late) reset_devices();
      if (devices_.connections_count() > 0 && !is_late) return false;
      gate_.shards_empty.fetch_add(1, std::memory_order_acq_rel);
      stage_ = Stage::waiting_for_others;
      [[fallthrough]];
    case Stage::waiting_for_others:
      if (gate_.shards_empty.load(std::memory_order_acquire) < gate_.shards_count && !is_late) return false;
      start_ending(device_listeners, listeners);
      stage_ = Stage::ending;
      return false;
    case Stage::ending: {
      const bool has_more = transport_.table().used_count() > 0 || push_.outstanding() > 0;
      if (has_more && now - ending_since_ < end_patience() && now < until) return false;
      gate_.shards_done.fetch_add(1, std::memory_order_acq_rel);
      stage_ = Stage::leaving;
      [[fallthrough]];
    }
    case Stage::leaving:
      // Other shards may still ask, and every accepted question gets its answer.
      return gate_.shards_done.load(std::memory_order_acquire) == gate_.shards_count || now >= until;
  }
  return false;
}

/// Closes the devices that are due: by this shard's part of drain.rate, or faster if drain.duration requires it.
void ShardDrain::close_some(TimeNs drain_at) {
  const double elapsed = static_cast<double>(transport_.now() - drain_at) / nanoseconds_per_second;
  const double duration = std::max(0.001, static_cast<double>(config_.duration_ns - end_patience()) / nanoseconds_per_second);
  const double by_rate = static_cast<double>(config_.closes_per_second) / gate_.shards_count;
  const double by_duration = static_cast<double>(closes_wanted_) / duration;
  const double pace = std::max(by_rate, by_duration);
  // The first step is due at once.
  const auto due = static_cast<std::uint64_t>(pace * (elapsed + static_cast<double>(step) / nanoseconds_per_second)) + 1;

  if (transport_.now() < rescan_at_) return;
  const std::uint64_t closes_before = closes_done_;
  const std::uint32_t slots_end = transport_.table().high_water();
  std::uint32_t looked_at = 0;
  for (; closes_done_ < due && looked_at < slots_end; ++looked_at, ++next_slot_) {
    if (next_slot_ >= slots_end) next_slot_ = 0;
    if (devices_.drain_slot(next_slot_, [this] { return close_reason(); })) ++closes_done_;
  }
  if (looked_at == slots_end && closes_done_ == closes_before) rescan_at_ = transport_.now() + rescan_pause;
}

/// Tells each device a random time to wait, so that they do not all reconnect at once.
std::string ShardDrain::close_reason() {
  std::uint32_t random = 0;
  ring_.random({reinterpret_cast<std::uint8_t*>(&random), sizeof random});
  return "restart; retry_after_ms=" + std::to_string(500 + random % 9500);
}

/// Resets the devices that are left when their time is over.
void ShardDrain::reset_devices() {
  conn::ConnectionTable& table = transport_.table();
  for (std::uint32_t slot = 0; slot < table.high_water(); ++slot) {
    conn::Connection& connection = table.at(slot);
    if (connection.state != conn::State::free && transport_.serves(connection, devices_))
      transport_.terminate(connection, conn::EndCause::aborted, conn::Farewell::reset);
  }
}

/// The devices of all shards are gone, or their time is over. The admin port answers its open requests and closes.
void ShardDrain::start_ending(std::uint32_t device_listeners, std::uint32_t listeners) {
  ending_since_ = transport_.now();
  for (std::uint32_t index = device_listeners; index < listeners; ++index) transport_.stop_accepting(index);
  admin_.end_all();
}

}  // namespace ringgate::server
