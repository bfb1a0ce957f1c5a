// The gate on the simulated ring: every cut is exact, and the clock moves only when a row says so. With TLS everything that a row
// says travels in records: one for each segment.
#pragma once

#include <memory>

#include "admin/access.h"
#include "sealed_peers.h"
#include "simulated_gate/device_client.h"
#include "simulated_gate/simulated_gate.h"
#include "world.h"

namespace ringgate::abuse {

class SimulatedWorld final : public World {
 public:
  /// `sealed`: the gate has TLS on both ports, and all its peers speak it; null: plain TCP. Outlives this.
  explicit SimulatedWorld(std::uint64_t seed, SealedPeers* sealed = nullptr) : seed_(seed), sealed_(sealed) {}
  ~SimulatedWorld() override { abandon(); }

  std::string prepare(const std::vector<std::string>& settings, Port port) override;
  std::unique_ptr<Channel> connect(Port port) override;
  std::vector<std::string> take_pushes() override;
  std::string leftovers() override;

  /// A gate with other than the usual world, ring or shards. (Rows in code.)
  void open(simulated::GateOptions options, const ring::FakeOptions& world);
  /// No gate any more: the next `prepare` opens another.
  void abandon();
  /// What `open` takes for the usual gate with these settings; throws ListFault.
  static simulated::GateOptions options_for(const std::vector<std::string>& settings);

  simulated::Gate& gate() { return *gate_; }
  ring::FakeWorld& ring_world() { return *world_; }

 private:
  void load_credentials(const Config& config);
  void connect_witness();
  void dismiss_witness();

  std::uint64_t seed_;
  SealedPeers* sealed_;
  std::vector<std::string> settings_;
  admin::Access access_;
  std::unique_ptr<ring::FakeWorld> world_;
  std::unique_ptr<simulated::Gate> gate_;
  std::optional<simulated::DeviceClient> witness_;
};

}  // namespace ringgate::abuse
