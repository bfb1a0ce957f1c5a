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

/// Runs `count` seeds, or the one that was asked for; stops at the first that fails. Returns how many sends went uncopied.
template <typename OptionsOf>
std::uint64_t run_seeds(std::uint64_t count, OptionsOf&& options_of) {
  const std::uint64_t chosen = from_environment("RINGGATE_SIM_SEED", 0);
  const std::uint64_t last = chosen != 0 ? chosen : from_environment("RINGGATE_SIM_SEEDS", count);
  std::uint64_t zero_copies_count = 0;
  for (std::uint64_t seed = chosen != 0 ? chosen : 1; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed, options_of(seed));
    simulation.run();
    zero_copies_count += simulation.zero_copies_count();
    if (::testing::Test::HasFailure()) break;
  }
  return zero_copies_count;
}

TEST(GateSim, KeepsItsPromisesInAKindWorld) {
  (void)run_seeds(100, [](std::uint64_t) { return SimulationOptions{.hostile = false}; });
}

TEST(GateSim, KeepsItsPromisesUnderEveryDisorder) {
  const std::uint64_t zero_copies_count = run_seeds(300, [](std::uint64_t) { return SimulationOptions{}; });
  if (from_environment("RINGGATE_SIM_SEED", 0) == 0) {
    EXPECT_GT(zero_copies_count, 100U) << "hardly tried";
  }
}

TEST(GateSim, KeepsItsPromisesWithoutEachFeatureOfTheKernel) {
  (void)run_seeds(200, [](std::uint64_t seed) {
    SimulationOptions options;
    bool* const features[] = {&options.features.multishot_receive, &options.features.direct_descriptors,
                              &options.features.silent_sends,      &options.features.incremental_buffers,
                              &options.features.message_ring,      &options.features.minimum_wait,
                              &options.features.peer_name_command, &options.features.zero_copy_sends,
                              &options.features.unacked_command,   &options.features.descriptor_install};
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
