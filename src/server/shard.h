// A shard: one ring, the transport on it, the sessions that serve devices and the admin port, and the turn that drives them.
//
// Owned by the server. Runs on its own thread; built and destroyed on the server's. Invariant: only this thread touches its parts
// while it runs. A turn is: submit and wait, reap, run, mailbox, broadcasts, input put off, timers, drain, flush, doorbells.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "admin/admin_session.h"
#include "base/counters.h"
#include "conn/transport.h"
#include "dispatch/device_session.h"
#include "dispatch/device_settings.h"
#include "dispatch/gate_state.h"
#include "dispatch/push_service.h"
#include "events/event_observer.h"
#include "ring/ring.h"
#include "server/batch.h"
#include "server/certificates.h"
#include "server/shard_drain.h"

namespace ringgate::server {

/// What all shards are built from. The plan is copied; what it refers to outlives the shards.
struct ShardPlan {
  const dispatch::DeviceSettings& settings;
  const admin::AdminSettings& admin_settings;
  dispatch::GateState& gate;
  std::span<const ShardCounters* const> all_counters;
  std::uint32_t slots_count;
  admin::Services services = {};
  events::EventHub* events = nullptr;  // null: nobody listens to events
};

class Shard {
 public:
  Shard(std::uint8_t index, const ShardPlan& plan, std::unique_ptr<ring::Ring> ring, ShardCounters& counters);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  ring::Ring& ring() { return *ring_; }
  dispatch::PushService& push_service() { return push_; }
  dispatch::DeviceSession& devices() { return devices_; }

  /// The other gates as this shard sees them. Before it runs.
  void set_elsewhere(dispatch::Elsewhere* elsewhere) {
    push_.set_elsewhere(elsewhere);
    devices_.set_elsewhere(elsewhere);
  }

  /// Serves the listeners opened on the ring: `devices` of them for devices, then `admin` for the admin port.
  /// `backlog`: that of each listener. `tls`: what those with TLS need; null or missing for the others.
  void serve_listeners(std::uint32_t devices, std::uint32_t admin, std::uint32_t backlog, TlsOfListeners tls = {});

  /// What a reload renews: all that a connection is judged by. `config`: that of the start but for settings that are
  /// config::Reload::live. `tls`: contexts of the same listeners as before.
  struct Renewal {
    std::shared_ptr<const Config> config;
    std::shared_ptr<const auth::Verifiers> verifiers;
    TlsOfListeners tls;
  };
  /// Takes all of it at once, at the beginning of its next turn. Any thread; ring the shard's doorbell afterwards.
  void renew(Renewal fresh);

  /// Runs turns until the gate is stopping or this shard has drained. On its thread, after ring().start_on_this_thread().
  void run();

  /// After the shard's thread has ended, on one thread. True: the merger has been shown all events, and that some are missing.
  bool settle_events() {
    if (!event_observer_) return true;
    event_observer_->finish_turn();
    return !event_observer_->has_gap();
  }
  /// After the threads of all shards have ended; see PushService::close_down.
  bool close_down() { return push_.close_down(); }

  /// One pass of the loop; false once the shard is done. (Tests drive turns themselves.)
  bool turn();

 private:
  ring::WaitPolicy wait_policy();
  void submit_and_reap();
  void publish_counters();
  void note_turn(TimeNs began);
  void take_renewal();
  void end_everything(DurationNs patience);

  static constexpr std::size_t mailbox_budget = 4096;  // parcels per turn
  // How long cancelled operations may take when the gate stops at once, and after a drain.
  static constexpr DurationNs end_patience = nanoseconds_per_second;
  static constexpr DurationNs end_patience_drained = 100 * nanoseconds_per_millisecond;

  const std::uint8_t index_;
  const ShardPlan plan_;
  std::unique_ptr<ring::Ring> ring_;
  ShardCounters& counters_;
  conn::Transport transport_;
  dispatch::DeviceSettings settings_;  // the devices', for this shard alone
  dispatch::LogObserver log_observer_;
  dispatch::CountingObserver counting_observer_;
  std::optional<events::EventObserver> event_observer_;
  dispatch::DepartureNotes departure_notes_;
  dispatch::DeviceSession devices_;
  dispatch::PushService push_;
  admin::AdminSession admin_;
  ShardDrain drain_;
  Batch batch_;
  std::vector<ring::Completion> completions_;  // of this turn
  std::array<ring::Completion, 64> reaped_;    // scratch of one reap
  std::uint32_t device_listeners_ = 0;
  std::atomic<Renewal*> fresh_{nullptr};  // stored by renew, taken by the shard (acq_rel): owned by whoever holds it
  bool more_parcels_ = true;              // true at first: the first turn must not sleep, it arms the listeners
  bool more_broadcasts_ = false;
  bool more_links_ = false;
  bool more_streams_ = false;
};

}  // namespace ringgate::server
