// The abuse list against the gate's binary, over loopback.
//
// usage: abuse_real --gate=BINARY [--tls] [--rows=DIRECTORY] [--seed=N] [GoogleTest's flags]
//   --tls  both ports of the gate have TLS: what a row says travels in records, over TLS 1.2 and 1.3 in turn
//
// Rows that let time pass run side by side, each with a gate of its own; all others one after the other.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <string_view>

#include "exchange.h"
#include "real_scripts.h"
#include "real_world.h"
#include "runner.h"

namespace ringgate::abuse {
namespace {

constexpr std::size_t cuts_count = 4;

class RealRun {
 public:
  explicit RealRun(RealGate gate) : gate_(std::move(gate)), world_(gate_) {}

  void run(const Case& one, Random& random) {
    const std::string fault = one.is_timed() ? timed_[&one].get() : run_now(one, random);
    if (fault.empty()) return;
    ADD_FAILURE() << fault;
    if (!one.is_timed()) world_.abandon();
  }

  /// Starts all timed cases; `run` waits for each.
  void start_timed(const std::vector<Section>& sections) {
    for (const Section& section : sections)
      for (const Row& row : section.rows)
        for (const Case& one : row.cases)
          if (one.is_timed() && one.place != Place::simulated)
            timed_.emplace(&one, std::async(std::launch::async, [this, &one] { return run_timed(one); }));
  }

  Counts counts() const { return {deliveries_count_, 0}; }

 private:
  std::string run_now(const Case& one, Random& random) {
    if (std::string fault = world_.prepare(one.settings, one.port); !fault.empty()) return describe(one, "-") + "\n  " + fault;
    for (const Delivery& delivery : some_deliveries(one, cuts_count, random)) {
      ++deliveries_count_;
      if (std::string fault = play_and_judge(world_, one, delivery); !fault.empty())
        return describe(one, delivery.name) + "\n  " + fault;
    }
    return look_for_traces(world_, one);
  }

  std::string run_timed(const Case& one) {
    RealWorld world(gate_);
    if (std::string fault = world.prepare(one.settings, one.port); !fault.empty()) return describe(one, "-") + "\n  " + fault;
    ++deliveries_count_;
    const std::string fault = play_and_judge(world, one, {.name = "whole", .cuts = {}, .tail = ""});
    return fault.empty() ? look_for_traces(world, one) : describe(one, "whole") + "\n  " + fault;
  }

  static std::string look_for_traces(World& world, const Case& one) {
    std::string fault = world.leftovers();
    if (fault.empty()) fault = check_fresh_connection(world);
    return fault.empty() ? "" : describe(one, "in every way") + "\n  " + fault;
  }

  RealGate gate_;
  RealWorld world_;
  std::map<const Case*, std::future<std::string>> timed_;
  std::atomic<std::uint64_t> deliveries_count_ = 0;
};

int run(int argc, char** argv) {
  RunPlan plan;
  plan.place = Place::real;
  plan.seed = choose_seed(argc, argv);
  const std::string binary = option(argc, argv, "gate", "");
  if (!std::filesystem::exists(binary)) {
    fmt::print(stderr, "abuse_real: no gate at '{}'; name its binary with --gate=BINARY\n", binary);
    return 64;
  }
  std::optional<SealedSockets> sealed;
  if (std::any_of(argv, argv + argc, [](std::string_view text) { return text == "--tls"; })) sealed.emplace();
  const RealGate gate{binary, sealed ? &*sealed : nullptr};
  RealRun run(gate);
  plan.run_case = [&run](const Case& one, Random& random) { run.run(one, random); };
  plan.scripts = real_scripts(gate);
  return play_list(argc, argv, plan,
                   {.name = "abuse_real",
                    .begin = [&run, &plan] { run.start_timed(plan.sections); },
                    .counts = [&run] { return run.counts(); }});
}

}  // namespace
}  // namespace ringgate::abuse

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return ringgate::abuse::run(argc, argv);
}
