// How one shard drains: stops accepting, closes its devices with 1001 at a limited rate, waits until no shard has one, ends.
//
// Owner: the shard. Invariant: the drain ends at most `bound` after the grace, even if devices do not close or a shard is stuck.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "admin/admin_session.h"
#include "conn/transport.h"
#include "dispatch/device_session.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"
#include "ring/ring.h"
#include "ringgate/config.h"

namespace ringgate::server {

class ShardDrain {
 public:
  ShardDrain(const Config& config, dispatch::GateState& gate, ring::Ring& ring, conn::Transport& transport,
             dispatch::DeviceSession& devices, dispatch::PushService& push, admin::AdminSession& admin)
      : config_(config.drain),
        bound_(bound(config)),
        gate_(gate),
        ring_(ring),
        transport_(transport),
        devices_(devices),
        push_(push),
        admin_(admin) {}

  /// How long a drain lasts at most after its grace.
  static constexpr DurationNs bound(const Config& config) { return config.drain.duration_ns + config.limits.close_timeout_ns; }

  /// Once per turn. `listeners`: all of them, those of devices first. True if this shard may end.
  bool advance(std::uint32_t device_listeners, std::uint32_t listeners);

  /// How long a wait may last at most; 0: no drain is running.
  DurationNs pause() const;

 private:
  enum class Stage : std::uint8_t { serving, closing, waiting_for_others, ending, leaving };
  static constexpr DurationNs step = 5 * nanoseconds_per_millisecond;
  static constexpr DurationNs end_patience_max = 2 * nanoseconds_per_second;     // for the admin port's last answers
  static constexpr DurationNs rescan_pause = 100 * nanoseconds_per_millisecond;  // after a scan that found nothing to close

  /// The last part of `drain.duration`, kept for the admin port's last answers. Devices have the time before it.
  DurationNs end_patience() const { return std::min(end_patience_max, config_.duration_ns / 4); }
  void close_some(TimeNs drain_at);
  void reset_devices();
  std::string close_reason();
  void start_ending(std::uint32_t device_listeners, std::uint32_t listeners);

  const DrainConfig& config_;
  const DurationNs bound_;
  dispatch::GateState& gate_;
  ring::Ring& ring_;
  conn::Transport& transport_;
  dispatch::DeviceSession& devices_;
  dispatch::PushService& push_;
  admin::AdminSession& admin_;
  Stage stage_ = Stage::serving;
  TimeNs ending_since_ = 0;
  std::uint64_t closes_done_ = 0;
  std::uint64_t closes_wanted_ = 0;  // devices at the start of the drain
  std::uint32_t next_slot_ = 0;
  TimeNs rescan_at_ = 0;
};

}  // namespace ringgate::server
