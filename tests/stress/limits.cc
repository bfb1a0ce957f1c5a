// Limits: mute, idle, slow and endless connections end as configured, while 1,000 good devices hardly notice:
// their p99 echo latency stays within twice its undisturbed value, and the gate's memory under a ceiling
// computed from its settings.
//
// Quiet and disturbed times take turns, and the medians of their p99s are compared: a single pair says little
// on a machine that does other things as well; of a sample the figures are shown and the ratio is not judged.
// Good and bad devices live on different loops.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "bad_neighbours.h"
#include "good_neighbours.h"
#include "load/workers.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs tolerance = second + second / 2;  // deadlines are checked by a coarse wheel on a busy machine
constexpr double p99_ratio_max = 2.0;

// What the gate is told, and what is expected of it.
constexpr DurationNs handshake_timeout = 2 * second;
// A slow reader answers no pings either, so its send deadline must come well before the pong's; and a mute
// device is idle as well, so the pong's comes before that.
constexpr DurationNs ping_interval = 2 * second;
constexpr DurationNs pong_timeout = 2 * second;
constexpr DurationNs idle_timeout = 6 * second;
constexpr std::uint64_t send_queue_bytes = 64 * 1024;
// Large pushes for a while: a loopback connection's kernel buffers take some megabytes before the gate's own
// queue fills.
constexpr std::size_t push_bytes = 32 * 1024;
constexpr DurationNs pushing_time = 3 * second;
const std::vector<std::string> settings{"limits.handshake_timeout=2s", "limits.ping_interval=2s", "limits.pong_timeout=2s",
                                        "limits.idle_timeout=6s",      "limits.send_timeout=1s",  "limits.close_timeout=1s",
                                        "limits.send_queue=64KiB"};

struct Size {
  std::size_t good = 1000;
  std::size_t of_each_bad = 100;  // mute, idle, slowloris; a quarter as many slow readers
  unsigned rounds = 3;
  DurationNs quiet = 4 * second;
  DurationNs disturbed = 9 * second;

  std::size_t slow() const { return std::max<std::size_t>(of_each_bad / 4, 5); }
};

struct Findings {
  std::mutex mutex;
  std::vector<std::uint64_t> quiet_p99;
  std::vector<std::uint64_t> disturbed_p99;
  std::uint64_t echoed = 0;
  std::vector<BadEnding> mute;
  std::vector<BadEnding> idle;
  std::vector<BadEnding> slowloris;
  std::size_t slow_ended = 0;
  std::map<int, std::uint64_t> slow_statuses;
  std::string failure;

  void fail(const std::string& text) {
    const std::lock_guard lock(mutex);
    if (failure.empty()) failure = text;
  }
};

// Which time it is; the good loop keeps the clock and the bad one follows.
struct Phase {
  std::atomic<unsigned> disturbances_started = 0;
  std::atomic<unsigned> disturbances_ended = 0;
  std::atomic<bool> is_over = false;
};

void run_good(load::Loop& loop, const load::GateProcess& gate, const Size& size, Phase& phase, Findings& findings) {
  load::DeviceTarget target;
  target.gate = gate.devices();
  GoodNeighbours good(loop, target, size.good, second / 5);
  if (!good.open_all(30 * second)) findings.fail("the good devices did not open: " + good.fault());
  good.start();
  const auto measure = [&](DurationNs length, std::vector<std::uint64_t>& p99s) {
    load::Histogram latencies;
    good.measure_into(latencies);
    loop.run_until([] { return false; }, length);
    p99s.push_back(latencies.at(0.99));
  };
  load::Histogram warming_up;
  good.measure_into(warming_up);
  loop.run_until([] { return false; }, second / 2);
  load::Histogram aside;
  for (unsigned round = 0; round < size.rounds; ++round) {
    measure(size.quiet, findings.quiet_p99);
    phase.disturbances_started.store(round + 1);
    measure(size.disturbed, findings.disturbed_p99);
    good.measure_into(aside);
    loop.run_until([&] { return phase.disturbances_ended.load() == round + 1; }, 30 * second);
  }
  phase.is_over.store(true);
  findings.echoed = good.echoed();
  if (!good.fault().empty()) findings.fail(good.fault());
  good.close_all(10 * second);
}

// All bad devices of one round, from their start until the last has ended or the time is up.
class Disturbance {
 public:
  Disturbance(load::Loop& loop, const load::GateProcess& gate, const Size& size, unsigned round, Findings& findings)
      : loop_(loop), size_(size), round_(round), findings_(findings) {
    plain_.gate = gate.devices();
    narrow_ = plain_;
    narrow_.stream.receive_buffer_bytes = 4096;
    for (std::size_t i = 0; i < size.of_each_bad; ++i) {
      bad_.push_back(std::make_unique<MuteOrIdle>(loop, plain_, MuteOrIdle::Kind::mute, findings.mute));
      bad_.push_back(std::make_unique<MuteOrIdle>(loop, plain_, MuteOrIdle::Kind::idle, findings.idle));
      lorises_.push_back(std::make_unique<Slowloris>(loop, plain_.gate, second / 5, findings.slowloris));
    }
    slow_ = std::make_unique<PushFleet>(loop, narrow_, FleetOptions{"slow-" + std::to_string(round), 0, size.slow(), 64});
    pusher_ = std::make_unique<HttpPusher>(
        *slow_, gate.admin(),
        HttpPushOptions{
            .lines = 5, .window = 2, .pushes = 0, .pause = 5 * nanoseconds_per_millisecond, .payload_bytes = push_bytes});
  }

  void run(DurationNs length) {
    const TimeNs end = load::monotonic_now() + length;
    for (std::size_t i = 0; i < bad_.size(); ++i) bad_[i]->start(fmt::format("bad-{}-{}", round_, i));
    for (auto& loris : lorises_) loris->start();
    if (!slow_->open_all(10 * second)) findings_.fail("the slow devices did not open: " + slow_->first_failure());
    for (std::size_t i = 0; i < slow_->size(); ++i) slow_->device(i).stop_reading();
    pusher_->start();
    loop_.run_until([] { return false; }, pushing_time);
    pusher_->stop();
    loop_.run_until([&] { return load::monotonic_now() >= end && all_bad_ended(); }, length + 2 * tolerance);
    clean_up();
  }

 private:
  bool all_bad_ended() const {
    return std::ranges::all_of(bad_, [](const auto& b) { return b->is_idle(); }) &&
           std::ranges::all_of(lorises_, [](const auto& l) { return l->is_idle(); });
  }

  // Slow readers see their end only once they read again.
  void clean_up() {
    loop_.run_until([&] { return pusher_->has_answers(); }, 5 * second);
    for (const auto& [status, count] : pusher_->statuses()) findings_.slow_statuses[status] += count;
    for (std::size_t i = 0; i < slow_->size(); ++i) slow_->device(i).resume_reading();
    loop_.run_until([&] { return slow_->open_count() == 0; }, second);
    findings_.slow_ended += slow_->size() - slow_->open_count();
    pusher_->close(5 * second);
    slow_->close_all(5 * second);
    for (auto& device : bad_) {
      if (!device->is_idle()) device->drop();
    }
    for (auto& loris : lorises_) {
      if (!loris->is_idle()) loris->drop();
    }
    loop_.run_until([&] { return loop_.streams_count() == 0; }, 5 * second);
    loop_.run_until([] { return false; }, second);  // the last timers run, and find that all is over
  }

  load::Loop& loop_;
  const Size& size_;
  unsigned round_;
  Findings& findings_;
  load::DeviceTarget plain_;
  load::DeviceTarget narrow_;
  std::vector<std::unique_ptr<MuteOrIdle>> bad_;
  std::vector<std::unique_ptr<Slowloris>> lorises_;
  std::unique_ptr<PushFleet> slow_;
  std::unique_ptr<HttpPusher> pusher_;
};

void run_bad(load::Loop& loop, const load::GateProcess& gate, const Size& size, Phase& phase, Findings& findings) {
  unsigned rounds = 0;
  const auto has_work = [&] { return phase.is_over.load() || phase.disturbances_started.load() > rounds; };
  while (loop.run_until(has_work, 120 * second) && !phase.is_over.load()) {
    Disturbance(loop, gate, size, rounds, findings).run(size.disturbed);
    phase.disturbances_ended.store(++rounds);
  }
}

std::uint64_t median(std::vector<std::uint64_t> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Every ending has a code that is right for it, within the deadline and not before it.
void judge_endings(const std::string& name, const std::vector<BadEnding>& endings, std::size_t expected,
                   const std::vector<int>& codes, DurationNs deadline, Verdict& verdict) {
  std::map<int, std::uint64_t> counts;
  std::size_t early = 0;
  std::size_t late = 0;
  for (const auto& ending : endings) {
    ++counts[ending.code];
    if (ending.lived + second / 2 < deadline) ++early;
    if (ending.lived > deadline + tolerance) ++late;
  }
  std::uint64_t right = 0;
  for (const int code : codes) right += counts[code];
  for (const auto& [code, count] : counts) {
    if (count > 0) verdict.figure(fmt::format("{}_{}", name, code), count);
  }
  verdict.require(right == expected, fmt::format("{} of {} {} connections ended as they should", right, expected, name));
  verdict.require(early == 0, fmt::format("{} {} connections ended before their deadline", early, name));
  verdict.require(late == 0, fmt::format("{} {} connections ended late", late, name));
}

void judge_latency(const Findings& findings, bool is_sample, Verdict& verdict) {
  const std::uint64_t quiet = median(findings.quiet_p99);
  const std::uint64_t disturbed = median(findings.disturbed_p99);
  verdict.figure("p99_quiet", milliseconds(quiet));
  verdict.figure("p99_disturbed", milliseconds(disturbed));
  verdict.figure("echoed", findings.echoed);
  verdict.require(quiet > 0, "no latency was measured");
  verdict.require(is_sample || static_cast<double>(disturbed) <= p99_ratio_max * static_cast<double>(quiet),
                  fmt::format("p99 went from {} to {}", milliseconds(quiet), milliseconds(disturbed)));
}

// What the settings allow: every slow reader a full queue and one message on its way in, every slowloris a
// whole head, every connection its record, and some room for the allocator and the log.
std::uint64_t memory_allowed(const Size& size) {
  constexpr std::uint64_t head_bytes_max = 16 * 1024;
  constexpr std::uint64_t record_bytes = 2 * 1024;
  constexpr std::uint64_t room = 16 * 1024 * 1024;
  const std::uint64_t connections = size.good + 3 * size.of_each_bad + size.slow();
  return size.slow() * (send_queue_bytes + 2 * push_bytes) + size.of_each_bad * head_bytes_max + connections * record_bytes +
         room;
}

void judge(const Size& size, const Findings& findings, const load::GateProcess& gate, Verdict& verdict) {
  const std::size_t each = size.of_each_bad * size.rounds;
  judge_endings("mute", findings.mute, each, {4408}, ping_interval + pong_timeout, verdict);
  judge_endings("idle", findings.idle, each, {4408}, idle_timeout, verdict);
  judge_endings("slowloris", findings.slowloris, each, {408, 0}, handshake_timeout, verdict);

  const std::size_t slow = size.slow() * size.rounds;
  const auto lines = gate.disconnects();
  const auto slow_lines =
      std::ranges::count_if(lines, [](const auto& line) { return line.first.starts_with("slow-") && line.second.code == 4430; });
  verdict.figure("slow_4430", static_cast<std::uint64_t>(slow_lines));
  for (const auto& [status, count] : findings.slow_statuses) verdict.figure(fmt::format("slow_http_{}", status), count);
  verdict.require(findings.slow_ended == slow, fmt::format("{} of {} slow readers ended", findings.slow_ended, slow));
  verdict.require(static_cast<std::size_t>(slow_lines) == slow,
                  fmt::format("{} of {} slow readers were closed with 4430", slow_lines, slow));
  for (const auto& [reason, count] : gate.disconnect_counts()) fmt::print("limits: closed {}: {}\n", reason, count);
  verdict.require(findings.failure.empty(), findings.failure);
}

}  // namespace

int run_limits(const StressOptions& options) {
  announce("limits", options);
  Size size;
  if (options.is_sample) size = {.good = 200, .of_each_bad = 20, .rounds = 1, .quiet = 2 * second, .disturbed = 8 * second};
  if (options.devices != 0) size.good = options.devices;
  auto gate = load::GateProcess::start(
      {.binary = options.gate, .shards = 2, .settings = settings, .command = {}, .log_file = options.log_file});
  if (!gate) return give_up("limits", gate.error());

  const std::uint64_t resident_at_start = (*gate)->resident_bytes();
  std::atomic<std::uint64_t> resident_max = resident_at_start;
  Findings findings;
  Phase phase;
  std::jthread sampler([&](const std::stop_token& stop) {
    Progress progress("limits");
    while (!stop.stop_requested()) {
      resident_max = std::max(resident_max.load(), (*gate)->resident_bytes());
      progress.tick([&] {
        return fmt::format("round {}, gate holds {} KiB", phase.disturbances_started.load(), resident_max.load() / 1024);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  const auto ran = load::run_on_loops(2, loop_options, [&](load::Loop& loop, unsigned index) {
    if (index == 0) run_good(loop, **gate, size, phase, findings);
    if (index == 1) run_bad(loop, **gate, size, phase, findings);
  });
  sampler.request_stop();
  sampler.join();
  if (!ran) return give_up("limits", ran.error());

  Verdict verdict("limits");
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("the gate ended with {}: {}", code, (*gate)->log_tail()));
  judge(size, findings, **gate, verdict);
  judge_latency(findings, options.is_sample, verdict);
  const std::uint64_t ceiling = resident_at_start + memory_allowed(size);
  verdict.figure("resident_max_kib", resident_max.load() / 1024);
  verdict.figure("ceiling_kib", ceiling / 1024);
  verdict.require(resident_max.load() <= ceiling, "memory went above the ceiling");
  return verdict.finish();
}

}  // namespace ringgate::stress
