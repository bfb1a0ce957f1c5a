// A scenario of the regression guard: something the gate does again and again, the same bytes each time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "stage.h"

namespace ringgate::guard {

class Scenario {
 public:
  virtual ~Scenario() = default;
  /// What a round does is `units` times the thing that is reported: messages, handshakes, pushes.
  virtual std::size_t units() const = 0;
  virtual void round() = 0;
  /// Ends the warm-up: from now on the gate's turns are counted.
  virtual void count() = 0;
};

struct ScenarioEntry {
  std::string_view name;
  std::string_view unit;
  std::size_t rounds;  // enough for a steady figure, few enough for callgrind
  std::unique_ptr<Scenario> (*make)(std::uint64_t planted_rounds);
};

std::span<const ScenarioEntry> echo_scenarios();
std::span<const ScenarioEntry> device_scenarios();

}  // namespace ringgate::guard
