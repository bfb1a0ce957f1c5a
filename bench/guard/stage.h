// Where a guard scenario is played: one gate on the simulated ring, its devices, and the function in which instructions count.
//
// A scenario hands bytes to peers, then lets the gate take its turns with `turns`, then judges what came back. Only `turns` is
// counted, and only after the warm-up. Nothing here judges speed: bench/guard/guard.py runs the executable under callgrind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/push_service.h"
#include "ringgate/handler.h"
#include "simulated_gate/device_client.h"
#include "simulated_gate/simulated_gate.h"

namespace ringgate::guard {

/// Ends the program with exit code 1 and `promise`: a count of a gate that did something else is worth nothing.
void require(bool holds, const char* promise);

/// Echoes, after so many rounds of an empty loop of three instructions each: what the guard has to find out (--planted).
class PlantedEcho final : public Handler {
 public:
  explicit PlantedEcho(std::uint64_t rounds) : rounds_(rounds) {}
  void on_message(Connection& connection, MessageView message) override;

 private:
  std::uint64_t rounds_;
};

class Stage {
 public:
  struct Options {
    simulated::GateOptions gate;
    std::uint64_t planted_rounds = 0;  // per message to `echo_path`
  };
  explicit Stage(const Options& options);

  simulated::Gate& gate() { return gate_; }
  /// The route of echoes: the product's handler, or the one with the planted loop.
  std::string_view echo_path() const { return planted_.has_value() ? "/handler" : "/ws"; }

  /// What is counted of a round: the gate turns until it sleeps. `on_shard` runs first, in the middle of a turn.
  void turns(std::function<void(dispatch::PushService&)> on_shard = nullptr);
  void end_warm_up() { warming_up_ = false; }

  /// Has the gate receive about `bytes` on another connection, uncounted: what follows lies elsewhere in its buffers.
  void shift_buffers(std::size_t bytes);

  /// Lets time pass, uncounted: less than a ping interval in all.
  void rest(DurationNs duration) { gate_.pass(duration); }

  /// Devices with accepted handshakes; what they have received is taken.
  std::vector<ring::FakePeer*> devices(std::size_t count, std::string_view path, std::string_view fields = "");

 private:
  ring::FakeWorld world_{2026};
  std::optional<PlantedEcho> planted_;
  simulated::Gate gate_;
  ring::FakePeer* shifter_ = nullptr;
  bool warming_up_ = true;
};

/// A masked frame of a client, and the same message as the gate sends it.
std::string client_frame(ws::Opcode opcode, std::string_view payload);
std::string server_frame(ws::Opcode opcode, std::string_view payload);
/// `size` bytes that do not repeat soon; the text is UTF-8 with characters of one to four bytes.
std::string binary_payload(std::size_t size);
std::string text_payload(std::size_t size);

}  // namespace ringgate::guard
