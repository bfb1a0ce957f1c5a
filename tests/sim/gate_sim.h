// One seed of a whole gate: shards, devices that misbehave as devices do, pushes from every shard, faults of the ring.
//
// Checked as it goes: echoes come back byte for byte and in order; pongs answer pings in order; a push reaches only its own
// device, once, and not before an earlier one of its producer; one that a device answered for has arrived, one that was withdrawn has not; broadcasts of one producer keep their order. Checked at the end: every
// push, broadcast, question and decision was answered exactly once, and counted under exactly one outcome; every connection was counted under
// exactly one kind of end; as many devices were closed by a backend as were told so; what the handler heard was an event, or counted as dropped; what was reported delivered has arrived, unless its connection was cut; every device online owns its id; nothing is left
// of anything.
// Everything follows from the seed, so that `trace_hash` is the same for every run of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fake_ring/fake_random.h"
#include "ringgate/handler.h"
#include "sim/event_watch.h"
#include "simulated_gate/device_client.h"
#include "simulated_gate/simulated_gate.h"

namespace ringgate::simulated {

struct SimulationOptions {
  bool hostile = true;  // FakeOptions::hostile
  ring::Features features{true, true, true, true, true, true, true, true, true, true, true, true};
  int steps_count = 250;
};

/// Lets every device in, now and then only later; the simulation decides then. Greets with its reference, echoes, and now and then pauses until the simulation resumes it.
class SimulatedHandler final : public Handler {
 public:
  explicit SimulatedHandler(ring::FakeRandom& dice) : dice_(dice) {}
  UpgradeVerdict on_upgrade(const UpgradeRequest& request) override;
  void on_open(Connection& connection) override;
  void on_message(Connection& connection, MessageView message) override;
  void on_close(Connection&, CloseCode code, std::string_view) override {
    --open_count;
    if (code == CloseCode::closed_by_backend) ++closed_by_backend_count;
  }

  Said heard;
  std::vector<ConnectionRef> undecided;
  std::vector<ConnectionRef> paused;
  double pause_probability = 0.02;
  int open_count = 0;
  int closed_by_backend_count = 0;

 private:
  ring::FakeRandom& dice_;
};

struct SimulatedPush {
  std::string id;
  std::size_t producer = 0;
  int answers_count = 0;
  PushOptions asked;
  PushResult result;
  int receipts_count = 0;
};

struct SimulatedBroadcast {
  std::size_t producer = 0;
  int answers_count = 0;
  BroadcastResult result;
  std::uint64_t receipts_count = 0;
};

/// A device is to be described, or closed.
struct SimulatedQuestion {
  int answers_count = 0;
  bool has_closed = false;
};

struct SimulatedDevice {
  DeviceClient client;
  std::string id;
  std::size_t number = 0;
  std::string unsent;                  // bytes it has yet to send
  std::deque<std::string> echoes_due;  // payloads in order
  std::deque<std::string> pongs_due;
  std::map<std::size_t, std::size_t> latest_push;       // number of the latest, by producer
  std::map<std::size_t, std::size_t> latest_broadcast;  // likewise
  std::string ref;                                      // as the handler said
  std::vector<bool> broadcasts_seen;
  bool has_stopped_reading = false;
  bool has_finished = false;  // sent its Close or its FIN
  bool has_cut = false;       // by reset, or by closing without reading
  bool has_answered_close = false;

  /// What the gate sent may never have arrived.
  bool is_lossy() const { return has_cut || client.saw_reset() || (client.saw_end() && !client.close_code() && !has_finished); }
  bool is_live() const { return !has_finished && !is_lossy() && !client.close_code() && !client.saw_end(); }
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, const SimulationOptions& options);
  void run();
  std::uint64_t trace_hash() const { return world_.trace_hash(); }
  std::uint64_t zero_copies_count() const;

 private:
  void step();
  ring::FakePeer& connect_peer();
  void connect();
  void speak(SimulatedDevice& device);
  void send_some(SimulatedDevice& device, std::size_t bytes_max);
  void end(SimulatedDevice& device);
  void push();
  PushOptions some_options();
  void broadcast();
  void ask();
  std::size_t some_producer();
  void resume_paused();
  void decide();

  void read_all();
  void read(SimulatedDevice& device);
  void on_message(SimulatedDevice& device, const std::string& payload);
  void on_push(SimulatedDevice& device, std::string_view payload);
  void on_broadcast(SimulatedDevice& device, std::string_view payload);

  void become_kind();
  void check_live_devices();
  void end_all();
  void check_pushes();
  void check_broadcasts();
  void check_books();
  std::uint64_t total_of(Counter ShardCounters::* counter) const;
  SimulatedDevice* find(const std::string& ref);
  /// Whether the gate may withdraw pushes that ask for nothing, after it has taken them.
  bool withdraws() const { return slow_policy_ == SlowPolicy::drop_old || slow_policy_ == SlowPolicy::coalesce; }

  ring::FakeRandom dice_;
  ring::FakeWorld world_;
  SimulatedHandler handler_;
  const SlowPolicy slow_policy_;
  const bool is_patient_;  // devices wait for the reader of their events
  Gate gate_;
  EventWatch events_;
  std::deque<SimulatedDevice> devices_;
  std::deque<SimulatedPush> pushes_;
  std::deque<SimulatedBroadcast> broadcasts_;
  std::deque<SimulatedQuestion> questions_;
  int decisions_count_ = 0;
  int decisions_answered_ = 0;
  int decisions_opened_ = 0;
  int steps_count_;
};

}  // namespace ringgate::simulated
