// A whole gate in a FakeWorld: real shards on simulated rings, driven turn by turn by the test.
//
// No threads: the test decides who turns next. A shard whose ring sleeps is left alone until something wakes it, so that work which
// nobody announced shows as a hang. Invariant: everything in here happens because of the world's seed.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "dispatch/device_settings.h"
#include "dispatch/echo.h"
#include "dispatch/gate_state.h"
#include "fake_ring/fake_world.h"
#include "ringgate/config.h"
#include "server/shard.h"

namespace ringgate::simulated {

struct GateOptions {
  /// No limit on how often one device connects. Routes "/ws" (echo, as is every other that is added) and "/handler"; no admin listener, so that every slot in use is a device's. (Another `admin.bind` than
  /// "off" gives one, wherever it is.)
  static Config config();

  Config settings = config();
  std::uint32_t shards_count = 1;
  std::uint32_t slots_count = 256;                            // per shard
  ring::RingOptions ring = {};                                // sockets_max is set from slots_count
  const admin::Access* access = nullptr;                      // the tokens of backends; null: nobody needs one
  Handler* handler = nullptr;                                 // at "/handler"; null: echo there too
  std::shared_ptr<const auth::Verifiers> verifiers;           // null: no files of credentials
  std::shared_ptr<const tls::Context> tls;                    // of all listeners; null: plain TCP
  std::function<std::unique_ptr<ring::PeerTunnel>()> tunnel;  // for each peer that connects; null: none
};

class Gate {
 public:
  explicit Gate(ring::FakeWorld& world, const GateOptions& options = {});

  const ring::ListenAddress& address() const { return address_; }
  std::size_t shards_count() const { return shards_.size(); }
  dispatch::GateState& state() { return state_; }
  const ShardCounters& counters(std::size_t shard = 0) const { return counters_[shard]; }
  /// Tasks of `on_shard`, each of which is counted as a push to nobody.
  std::uint64_t tasks_count() const { return tasks_count_; }
  dispatch::DeviceSession& devices(std::size_t shard) { return shards_[shard].devices(); }
  const ring::Ring& ring(std::size_t shard) { return shards_[shard].ring(); }
  std::size_t outstanding(std::size_t shard) { return shards_[shard].push_service().outstanding(); }

  /// Runs `task` on `shard` in the middle of a turn, as a handler's call would be; has run when this returns.
  void on_shard(std::size_t shard, std::move_only_function<void(dispatch::PushService&)> task);

  // -- What Server does for threads that are no shard.
  void with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);
  void decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result);
  /// `owner`: what a look-up said some time ago.
  void push_from_outside(std::string_view id, device::ConnectionRef owner, std::string_view payload, PushCallback on_result);

  /// A peer whose connection will be accepted by `shard`.
  ring::FakePeer& connect(std::size_t shard = 0);
  /// From another machine, as the gate sees it.
  ring::FakePeer& connect_from_afar(std::size_t shard = 0);
  ring::FakePeer& connect_admin(std::size_t shard = 0);

  /// What a reload does: the shards have new settings from their next turns on.
  void renew(const Config& settings, std::shared_ptr<const auth::Verifiers> verifiers);

  // -- Turns.
  /// True if something would wake this shard now, or it would not sleep at all.
  bool is_awake(std::size_t shard);
  /// One turn of a shard that is awake and not done.
  void turn(std::size_t shard);
  /// Turns until every shard sleeps; the clock stands still. Fails the test if that never comes.
  void settle();
  /// Moves the clock by `duration`, from event to event, with all the turns that belong to it.
  void pass(DurationNs duration);

  // -- The end.
  void start_draining();
  /// What Server does once the threads of all shards have ended.
  void close_down();
  bool is_done(std::size_t shard) const { return done_[shard]; }
  bool is_drained() const;
  /// Fails the test unless no shard holds a slot, an operation, a buffer, a ticket, queued bytes or an id.
  void expect_nothing_left();

 private:
  ring::FakePeer& tunnelled(ring::FakePeer& peer);
  bool pump_tunnels();
  bool has_event(std::size_t shard);
  void post(device::ConnectionRef target, device::IdKey key, std::unique_ptr<dispatch::OutsideTask> task);

  ring::FakeWorld& world_;
  dispatch::EchoHandler echo_;
  const dispatch::DeviceSettings settings_;
  const admin::AdminSettings admin_settings_;
  dispatch::GateState state_;
  std::deque<ShardCounters> counters_;
  std::vector<const ShardCounters*> counters_view_;
  std::deque<server::Shard> shards_;
  std::vector<bool> done_;
  std::uint64_t tasks_count_ = 0;
  std::vector<bool> entered_again_;  // since the last event: its ring sleeps as long as its last turn said
  ring::ListenAddress address_;
  ring::ListenAddress admin_address_;
  std::function<std::unique_ptr<ring::PeerTunnel>()> tunnel_;
  std::vector<ring::FakePeer*> tunnelled_;  // the peers that may still have something to send
};

}  // namespace ringgate::simulated
