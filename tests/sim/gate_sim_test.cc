// The whole gate, seed after seed. A failing seed is printed; run with RINGGATE_SIM_SEED=N to repeat it alone, and with
// RINGGATE_SIM_SEEDS=N for more of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "sim/gate_sim.h"

namespace ringgate::simulated {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Runs `count` seeds, or the one that was asked for; stops at the first that fails.
template <typename OptionsOf>
void run_seeds(std::uint64_t count, OptionsOf&& options_of) {
  const std::uint64_t chosen = from_environment("RINGGATE_SIM_SEED", 0);
  const std::uint64_t last = chosen != 0 ? chosen : from_environment("RINGGATE_SIM_SEEDS", count);
  for (std::uint64_t seed = chosen != 0 ? chosen : 1; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed, options_of(seed)).run();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(GateSim, KeepsItsPromisesInAKindWorld) {
  run_seeds(100, [](std::uint64_t) { return SimulationOptions{.hostile = false}; });
}

TEST(GateSim, KeepsItsPromisesUnderEveryDisorder) {
  run_seeds(300, [](std::uint64_t) { return SimulationOptions{}; });
}

TEST(GateSim, KeepsItsPromisesWithoutEachFeatureOfTheKernel) {
  run_seeds(200, [](std::uint64_t seed) {
    SimulationOptions options;
    bool* const features[] = {&options.features.multishot_receive,   &options.features.direct_descriptors,
                              &options.features.silent_sends,        &options.features.incremental_buffers,
                              &options.features.message_ring,        &options.features.minimum_wait,
                              &options.features.peer_name_command};
    *features[seed % std::size(features)] = false;
    return options;
  });
}

TEST(GateSim, SameSeedSameTrace) {
  const auto trace_of = [](std::uint64_t seed) {
    Simulation simulation(seed, {});
    simulation.run();
    return simulation.trace_hash();
  };
  for (std::uint64_t seed = 1; seed <= 10; ++seed) EXPECT_EQ(trace_of(seed), trace_of(seed)) << "seed " << seed;
  EXPECT_NE(trace_of(1), trace_of(2));
}

}  // namespace
}  // namespace ringgate::simulated
