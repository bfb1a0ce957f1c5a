// The gate's binary behind real sockets on loopback. Cuts are segments sent with TCP_NODELAY, which the kernel may still join.
//
// Leaks are looked for in /metrics.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/gate_process.h"
#include "sealed_sockets.h"
#include "world.h"

namespace ringgate::abuse {

/// How a gate is started, and spoken to.
struct RealGate {
  std::string binary;
  SealedSockets* sealed = nullptr;  // both ports have TLS; null: plain TCP. Outlives all worlds.
};

class RealWorld final : public World {
 public:
  /// `log_file`: a copy of the gate's log; empty: none.
  explicit RealWorld(RealGate how, std::string log_file = "") : how_(std::move(how)), log_file_(std::move(log_file)) {}

  std::string prepare(const std::vector<std::string>& settings, Port port) override;
  std::unique_ptr<Channel> connect(Port port) override;
  std::vector<std::string> take_pushes() override;
  std::string leftovers() override;

  /// No gate any more: the next `prepare` starts another.
  void abandon();
  load::GateProcess& gate() { return *gate_; }
  /// The answer of the admin port to a GET; nullopt: none came.
  std::optional<SeenAnswer> ask(std::string_view target) const;

 private:
  using Holdings = std::map<std::string, double, std::less<>>;
  Holdings holdings() const;
  std::string start(const std::vector<std::string>& settings);
  bool connect_witness();

  const RealGate how_;
  std::string log_file_;
  std::vector<std::string> settings_;
  std::unique_ptr<load::GateProcess> gate_;
  std::unique_ptr<Channel> witness_;
  std::size_t pushes_seen_ = 0;  // of the witness's frames
  Holdings at_start_;
};

}  // namespace ringgate::abuse
