// Fight: two clients with one device id, each connecting again at once when the other one has replaced it. What that costs the
// gate, first without a limit on how often a device connects and then with the default one: takeovers, log lines, core time.
//
// A client whose handshake is refused tries again after a second, whatever Retry-After says.
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <memory>
#include <string>

#include "load/admin_query.h"
#include "load/device_client.h"
#include "load/loop.h"
#include "load/workers.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs retry_after_refusal = second;

struct Tally {
  std::uint64_t connections = 0;
  std::uint64_t refused = 0;
  std::string fault;
};

class Fighter final : public load::DeviceClient {
 public:
  Fighter(load::Loop& loop, const load::DeviceTarget& target, Tally& tally, const bool& is_over)
      : DeviceClient(loop, target), tally_(tally), is_over_(is_over) {}

  void fight() {
    if (!is_over_) open("contended");
  }

 private:
  void on_open() override { ++tally_.connections; }
  void on_message(const MessageView&) override {}
  void on_close(const load::Ending& ending) override {
    if (!is_over_ && ending.code != CloseCode::replaced)
      tally_.fault = fmt::format("closed with {}", static_cast<int>(ending.code));
    fight();
  }
  void on_failed(const load::OpeningFailure& failure) override {
    if (is_over_) return;
    ++tally_.refused;
    if (failure.status != 429) tally_.fault = fmt::format("status {}: {}", failure.status, failure.text);
    loop().after(retry_after_refusal, [this] { fight(); });
  }

  Tally& tally_;
  const bool& is_over_;
};

struct Outcome {
  Tally tally;
  std::uint64_t takeovers = 0;
  std::uint64_t log_lines = 0;
  double core_seconds = 0;
};

std::uint64_t lines_of(const std::string& file) {
  std::ifstream stream(file);
  std::uint64_t count = 0;
  for (std::string line; std::getline(stream, line);) ++count;
  return count;
}

std::expected<Outcome, std::string> run_fight(const StressOptions& options, DurationNs length, const std::string& setting) {
  const std::string log_file =
      options.log_file.empty() ? fmt::format("/tmp/ringgate-fight-{}.log", options.seed) : options.log_file;
  const std::uint64_t lines_before = lines_of(log_file);  // an earlier fight's: the log is appended to
  auto gate =
      load::GateProcess::start({.binary = options.gate, .shards = 2, .settings = {setting}, .command = {}, .log_file = log_file});
  if (!gate) return std::unexpected(gate.error());
  const auto before = load::read_metrics((*gate)->admin());
  if (!before) return std::unexpected(before.error());

  Outcome outcome;
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  const auto ran = load::run_on_loops(1, loop_options, [&](load::Loop& loop, unsigned) {
    load::DeviceTarget target;
    target.gate = (*gate)->devices();
    bool is_over = false;
    std::array<std::unique_ptr<Fighter>, 2> fighters;
    for (auto& fighter : fighters) fighter = std::make_unique<Fighter>(loop, target, outcome.tally, is_over);
    for (auto& fighter : fighters) fighter->fight();
    loop.run_until([] { return false; }, length);
    is_over = true;
    for (auto& fighter : fighters)
      if (!fighter->is_idle()) fighter->drop();
    loop.run_until([&] { return loop.streams_count() == 0; }, 5 * second);
    loop.run_until([] { return false; }, retry_after_refusal);
  });
  if (!ran) return std::unexpected(ran.error());
  const auto after = load::read_metrics((*gate)->admin());
  if (!after) return std::unexpected(after.error());
  const auto growth = [&](std::string_view name) {
    const auto old = before->find(name);
    const auto now = after->find(name);
    return now == after->end() ? 0.0 : now->second - (old == before->end() ? 0.0 : old->second);
  };
  outcome.takeovers = static_cast<std::uint64_t>(growth("ringgate_duplicate_device_total"));
  outcome.core_seconds = growth("process_cpu_seconds_total");
  if (const int code = (*gate)->stop(); code != 0) return std::unexpected(fmt::format("the gate ended with {}", code));
  outcome.log_lines = lines_of(log_file) - lines_before;
  return outcome;
}

void show(Verdict& verdict, std::string_view name, const Outcome& outcome) {
  verdict.figure(fmt::format("{}_connections", name), outcome.tally.connections);
  verdict.figure(fmt::format("{}_takeovers", name), outcome.takeovers);
  verdict.figure(fmt::format("{}_refused", name), outcome.tally.refused);
  verdict.figure(fmt::format("{}_log_lines", name), outcome.log_lines);
  verdict.figure(fmt::format("{}_core_ms", name), static_cast<std::uint64_t>(outcome.core_seconds * 1000));
  verdict.require(outcome.tally.fault.empty(), outcome.tally.fault);
}

}  // namespace

int run_fight(const StressOptions& options) {
  announce("fight", options);
  const DurationNs length = (options.seconds != 0 ? options.seconds : options.is_sample ? 3 : 60) * second;
  const auto unlimited = run_fight(options, length, "limits.flap_connects=off");
  if (!unlimited) return give_up("fight", unlimited.error());
  const auto limited = run_fight(options, length, "limits.flap_connects=15");
  if (!limited) return give_up("fight", limited.error());

  Verdict verdict("fight");
  show(verdict, "unlimited", *unlimited);
  show(verdict, "limited", *limited);
  verdict.require(limited->takeovers <= 15, fmt::format("{} takeovers of an id that may connect 15 times", limited->takeovers));
  verdict.require(limited->tally.refused > 0, "nobody was refused");
  verdict.require(unlimited->takeovers > 15, "there was no fight");
  return verdict.finish();
}

}  // namespace ringgate::stress
