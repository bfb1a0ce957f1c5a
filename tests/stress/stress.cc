#include "stress.h"

#include <fmt/format.h>

#include <cstdio>

namespace ringgate::stress {
namespace {

constexpr std::size_t faults_printed_max = 20;

}  // namespace

void Verdict::figure(std::string_view name, std::uint64_t value) { figure(name, fmt::format("{}", value)); }

void Verdict::figure(std::string_view name, std::string_view value) { figures_ += fmt::format(" {}={}", name, value); }

void Verdict::require(bool holds, std::string_view broken) {
  if (!holds) faults_.emplace_back(broken);
}

int Verdict::finish() const {
  for (std::size_t i = 0; i < faults_.size() && i < faults_printed_max; ++i)
    fmt::print("{}: broken: {}\n", scenario_, faults_[i]);
  if (faults_.size() > faults_printed_max) fmt::print("{}: ... {} in all\n", scenario_, faults_.size());
  fmt::print("{} {}{}\n", faults_.empty() ? "PASS" : "FAIL", scenario_, figures_);
  std::fflush(stdout);
  return faults_.empty() ? 0 : 1;
}

void Progress::tick(const std::function<std::string()>& text) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::seconds(1);
  fmt::print("{}: {}\n", scenario_, text());
  std::fflush(stdout);
}

void announce(std::string_view scenario, const StressOptions& options) {
  fmt::print("{}: seed {}{}\n", scenario, options.seed, options.is_sample ? ", sample" : "");
  std::fflush(stdout);
}

int give_up(std::string_view scenario, std::string_view cause) {
  fmt::print("FAIL {} could not run: {}\n", scenario, cause);
  std::fflush(stdout);
  return 2;
}

std::string milliseconds(std::uint64_t nanoseconds) { return fmt::format("{:.2f}ms", static_cast<double>(nanoseconds) / 1e6); }

}  // namespace ringgate::stress
