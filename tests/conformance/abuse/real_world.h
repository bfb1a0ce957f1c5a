// The gate's binary behind real sockets on loopback. Cuts are segments sent with TCP_NODELAY, which the kernel may still join.
//
// Leaks are looked for in /metrics.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/gate_process.h"
#include "world.h"

namespace ringgate::abuse {

class RealWorld final : public World {
 public:
  /// `binary`: the gate. `log_file`: a copy of its log; empty: none.
  explicit RealWorld(std::string binary, std::string log_file = "")
      : binary_(std::move(binary)), log_file_(std::move(log_file)) {}

  std::string prepare(const std::vector<std::string>& settings, Port port) override;
  std::unique_ptr<Channel> connect(Port port) override;
  std::vector<std::string> take_pushes() override;
  std::string leftovers() override;

  /// No gate any more: the next `prepare` starts another.
  void abandon();
  load::GateProcess& gate() { return *gate_; }

 private:
  using Holdings = std::map<std::string, double, std::less<>>;
  Holdings holdings() const;
  std::string start(const std::vector<std::string>& settings);
  bool connect_witness();

  std::string binary_;
  std::string log_file_;
  std::vector<std::string> settings_;
  std::unique_ptr<load::GateProcess> gate_;
  std::unique_ptr<Channel> witness_;
  std::size_t pushes_seen_ = 0;  // of the witness's frames
  Holdings at_start_;
};

}  // namespace ringgate::abuse
