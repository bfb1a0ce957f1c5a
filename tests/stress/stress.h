// What all stress scenarios share: their options, a progress line, and a verdict with figures.
//
// A scenario is a function from options to an exit code: 0 when every promise held, 1 when one broke, 2 when
// it could not run. Thread: the main one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "load/gate_process.h"

namespace ringgate::stress {

struct StressOptions {
  std::string gate;      // the product's binary
  std::string embedder;  // the binary of push_embedder.cc
  std::uint64_t seed = 1;
  bool is_sample = false;    // a few seconds, for the quick tests
  unsigned seconds = 0;      // 0: the scenario's own length
  unsigned devices = 0;      // 0: the scenario's own number
  std::uint64_t pushes = 0;  // 0: the scenario's own number
  unsigned shards = 0;       // 0: the scenario's own number
  std::string log_file;      // copy of the gate's log; empty: none
};

int run_echo(const StressOptions& options);
int run_push(const StressOptions& options);
int run_takeover(const StressOptions& options);
int run_fight(const StressOptions& options);
int run_limits(const StressOptions& options);
int run_budgets(const StressOptions& options);
int run_pairs(const StressOptions& options);
int run_drain(const StressOptions& options);
int run_utf8(const StressOptions& options);

/// Collects figures and broken promises; the last line of a scenario is its verdict.
class Verdict {
 public:
  explicit Verdict(std::string_view scenario) : scenario_(scenario) {}

  void figure(std::string_view name, std::uint64_t value);
  void figure(std::string_view name, std::string_view value);
  /// Remembers `broken` when `holds` is false.
  void require(bool holds, std::string_view broken);
  bool holds() const { return faults_.empty(); }

  /// Prints every fault and then "PASS|FAIL scenario name=value ..."; returns the exit code.
  int finish() const;

 private:
  std::string scenario_;
  std::string figures_;
  std::vector<std::string> faults_;
};

/// Prints "scenario: text" at most once a second.
class Progress {
 public:
  explicit Progress(std::string_view scenario) : scenario_(scenario) {}
  void tick(const std::function<std::string()>& text);

 private:
  std::string scenario_;
  std::chrono::steady_clock::time_point next_{};
};

/// Prints scenario and seed; the first line of every run.
void announce(std::string_view scenario, const StressOptions& options);

/// The scenario could not run at all: prints why and returns 2.
int give_up(std::string_view scenario, std::string_view cause);

/// Nanoseconds as "1.23 ms".
std::string milliseconds(std::uint64_t nanoseconds);

}  // namespace ringgate::stress
