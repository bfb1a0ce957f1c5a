// The abuse list on the simulated gate.
//
// usage: abuse_simulated [--rows=DIRECTORY] [--seed=N] [--quick] [--tls] [GoogleTest's flags]
//   --quick  each case whole, byte by byte and in a few cuts, and fewer variants (over TLS: none)
//   --tls    over TLS: each segment is a record; then each case whole with its records cut at every byte (--quick: at a few)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "exchange.h"
#include "runner.h"
#include "simulated_scripts.h"
#include "simulated_world.h"
#include "variants.h"

namespace ringgate::abuse {
namespace {

constexpr std::size_t variant_cuts_count = 8;
constexpr std::size_t sealed_cuts_count = 8;

class SimulatedRun {
 public:
  SimulatedRun(std::uint64_t seed, bool is_quick, bool is_sealed)
      : is_quick_(is_quick), world_(seed, is_sealed ? &sealed_.emplace() : nullptr) {}

  void run(const Case& one, Random& random) {
    const auto deliveries = is_quick_ ? some_deliveries(one, variant_cuts_count, random) : all_deliveries(one, random);
    for (const Delivery& delivery : deliveries)
      if (!judge(one, delivery)) return;
    if (sealed_ && !judge_cut_records(one, random)) return;
    if (std::string fault = check_fresh_connection(world_); !fault.empty()) fail(one, "whole", fault);
    for (const Variant& variant : variants_of(one, random)) {
      if (is_quick_ && (sealed_ || random() % 4 != 0)) continue;
      ++counts_.variants;
      if (!judge(variant, random)) return;
    }
  }

  const Counts& counts() const { return counts_; }
  SimulatedWorld& world() { return world_; }

 private:
  bool prepare(const Case& one, Port port) {
    const std::string fault = world_.prepare(one.settings, port);
    if (!fault.empty()) ADD_FAILURE() << describe(one, "-") << "\n  " << fault;
    return fault.empty();
  }

  /// Everything that is left over from a failure goes with its gate.
  bool fail(const Case& one, const std::string& delivery, const std::string& fault) {
    ADD_FAILURE() << describe(one, delivery) << "\n  " << fault;
    world_.abandon();
    return false;
  }

  bool judge(const Case& one, const Delivery& delivery) {
    if (!prepare(one, one.port)) return false;
    ++counts_.deliveries;
    std::string fault = play_and_judge(world_, one, delivery);
    if (fault.empty()) fault = world_.leftovers();
    return fault.empty() || fail(one, delivery.name, fault);
  }

  /// The segments are whole, their records are not. Not for rows that take their time or much memory: each byte would cost as much.
  bool judge_cut_records(const Case& one, Random& random) {
    constexpr std::size_t cut_everywhere_bytes_max = 2048;
    const Delivery whole{.name = "whole", .cuts = {}, .tail = ""};
    if (!judge(one, whole)) return false;
    const std::size_t begin = one.opening.size(), end = begin + sealed_->sealed_bytes();
    std::vector<std::size_t> cuts;
    if (end - begin <= cut_everywhere_bytes_max && !is_quick_)
      for (std::size_t at = begin + 1; at < end; ++at) cuts.push_back(at);
    else
      for (std::size_t i = 0; i < sealed_cuts_count && end > begin + 1; ++i)
        cuts.push_back(begin + 1 + below(random, end - begin - 1));
    for (const std::size_t at : cuts) {
      sealed_->cut_records_at(at);
      const bool is_good = judge(one, {.name = "with records cut at " + std::to_string(at), .cuts = {}, .tail = ""});
      sealed_->cut_records_at(0);
      if (!is_good) return false;
    }
    return true;
  }

  bool judge(const Variant& variant, Random& random) {
    const Case& one = variant.changed;
    if (!prepare(one, one.port)) return false;
    std::string first;
    for (const Delivery& delivery : some_deliveries(one, variant_cuts_count, random)) {
      ++counts_.deliveries;
      Outcome outcome = play(world_, one, delivery);
      const std::vector<std::string> pushes = world_.take_pushes();
      std::string fault = outcome.view.fault();
      const std::string text = fmt::format("{}, {} pushes", outcome.view.text(), pushes.size());
      if (first.empty()) first = text;
      if (fault.empty() && text != first) fault = "seen: " + text + "; when it came whole: " + first;
      if (fault.empty()) fault = broken_promise(variant, outcome);
      if (fault.empty()) fault = world_.leftovers();
      if (!fault.empty()) return fail(one, variant.name + ", " + delivery.name, fault + bytes_text(one));
    }
    const std::string fault = check_fresh_connection(world_);
    return fault.empty() || fail(one, variant.name, fault);
  }

  static std::string bytes_text(const Case& one) { return "\n  bytes: " + printable_all(one.steps.front().bytes); }
  static std::string printable_all(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 600); i += 60) text += printable(bytes.substr(i, 60));
    return text;
  }

  static std::string broken_promise(const Variant& variant, const Outcome& outcome) {
    if (variant.promise == Variant::Promise::same_verdict) {
      Outcome without_pushes = outcome;
      without_pushes.pushes = variant.changed.accepted.front().pushes;
      return mismatch(variant.changed, without_pushes);
    }
    if (variant.promise == Variant::Promise::refused)
      for (const SeenAnswer& answer : outcome.view.answers())
        if (answer.status < 300) return fmt::format("accepted with {}", answer.status);
    return "";
  }

  bool is_quick_;
  std::optional<SealedPeers> sealed_;
  SimulatedWorld world_;
  Counts counts_;
};

int run(int argc, char** argv) {
  RunPlan plan;
  plan.seed = choose_seed(argc, argv);
  const auto is_asked = [&](std::string_view flag) {
    return std::any_of(argv, argv + argc, [flag](const char* text) { return text == flag; });
  };
  SimulatedRun run(plan.seed, is_asked("--quick"), is_asked("--tls"));
  plan.run_case = [&run](const Case& one, Random& random) { run.run(one, random); };
  plan.scripts = simulated_scripts(run.world());
  return play_list(argc, argv, plan, {.name = "abuse_simulated", .begin = [] {}, .counts = [&run] { return run.counts(); }});
}

}  // namespace
}  // namespace ringgate::abuse

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return ringgate::abuse::run(argc, argv);
}
