// Budgets: 100,000 half request heads of 16 KiB, then 15,000 devices that read nothing, beside 1,000 good devices. What they hold
// together stays within limits.heads_memory and limits.output_memory, the gate's resident memory within these and a record per
// connection, and the good devices' p99 below twice its undisturbed value.
//
// Of a sample the figures are shown and the ratio is not judged. A descriptor limit of 20,000 per process is why there are six shards
// (each ring's table is bounded by it) and crowds of several processes.
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "crowd.h"
#include "good_neighbours.h"
#include "load/admin_query.h"
#include "load/workers.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr double p99_ratio_max = 2.0;
constexpr unsigned shards = 6;

struct Size {
  std::size_t good = 1000;
  CrowdOptions heads{.kind = CrowdKind::half_heads,
                     .processes = 6,
                     .connections = 16'667,
                     .connects_per_second = 500,
                     .bytes = 15'900,
                     .first_address = 10};
  CrowdOptions readers{.kind = CrowdKind::slow_readers,
                       .processes = 3,
                       .connections = 5'000,
                       .connects_per_second = 250,
                       .bytes = 256 * 1024,
                       .first_address = 20};
  std::uint64_t heads_bytes_max = 64 << 20;
  std::uint64_t output_bytes_max = 256 << 20;
  DurationNs quiet = 5 * second;
  DurationNs after = 5 * second;  // measured once the crowd is complete

  static Size sample() {
    Size size;
    size.good = 100;
    size.heads.processes = size.readers.processes = 2;
    size.heads.connections = 500;
    size.readers.connections = 150;
    size.heads_bytes_max = 6 << 20;
    size.output_bytes_max = 6 << 20;
    size.quiet = size.after = second;
    return size;
  }
};

struct Samples {
  std::atomic<std::uint64_t> resident_max{0}, heads_max{0}, output_max{0};
  std::atomic<std::uint64_t> heads_given_up{0}, queues_given_up{0};
};

/// The sum over all shards of the series that begin so; /metrics as it is now.
std::uint64_t sum_of(std::string_view text, std::string_view series) {
  double sum = 0;
  for (std::size_t at = text.find(series); at != std::string_view::npos; at = text.find(series, at + 1)) {
    const std::size_t value = text.find("} ", at);
    if (value != std::string_view::npos) sum += std::strtod(text.data() + value + 2, nullptr);
  }
  return static_cast<std::uint64_t>(sum);
}

void raise_to(std::atomic<std::uint64_t>& most, std::uint64_t value) {
  if (value > most.load()) most.store(value);
}

void sample(const load::GateProcess& gate, Samples& samples) {
  raise_to(samples.resident_max, gate.resident_bytes());
  const auto answer = load::query(gate.admin(), "/metrics");
  if (!answer) return;
  raise_to(samples.heads_max, sum_of(answer->body, "ringgate_memory_bytes{budget=\"heads\""));
  raise_to(samples.output_max, sum_of(answer->body, "ringgate_memory_bytes{budget=\"output\""));
  raise_to(samples.heads_given_up, sum_of(answer->body, "ringgate_memory_evictions_total{budget=\"heads\""));
  raise_to(samples.queues_given_up, sum_of(answer->body, "ringgate_memory_evictions_total{budget=\"output\""));
}

struct Findings {
  std::uint64_t p99_quiet = 0, p99_heads = 0, p99_readers = 0;
  std::uint64_t echoed = 0;
  std::string failure;
};

/// The crowds share the gate's processors only because there is one machine. What measures must not wait for them.
void go_before_the_crowds() {
  const sched_param first{.sched_priority = 1};
  (void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);  // without the right to, the figures hold the crowds' share
}

/// The good devices, before and beside the crowds.
void run_good(load::Loop& loop, const load::GateProcess& gate, const Size& size, Crowd& heads, Crowd& readers,
              Findings& findings) {
  load::DeviceTarget target;
  target.gate = gate.devices();
  GoodNeighbours good(loop, target, size.good, second / 5);
  if (!good.open_all(60 * second)) {
    findings.failure = "the good devices did not open: " + good.fault();
    return;
  }
  good.start();
  go_before_the_crowds();
  load::Histogram aside;
  good.measure_into(aside);
  loop.run_until([] { return false; }, second);
  const auto measure = [&](const std::function<bool()>& is_complete, DurationNs length) {
    load::Histogram latencies;
    good.measure_into(latencies);
    loop.run_until(is_complete, 180 * second);
    loop.run_until([] { return false; }, length);
    good.measure_into(aside);
    return latencies.at(0.99);
  };
  const std::uint16_t port = ntohs(gate.devices().address.sin_port);
  findings.p99_quiet = measure([] { return true; }, size.quiet);
  heads.start(port);
  findings.p99_heads = measure([&] { return heads.has_opened_all(); }, size.after);
  heads.end();
  loop.run_until([] { return false; }, 2 * second);
  readers.start(port);
  findings.p99_readers = measure([&] { return readers.has_opened_all(); }, size.after);
  readers.end();
  findings.echoed = good.echoed();
  if (!good.fault().empty()) findings.failure = good.fault();
  good.close_all(10 * second);
}

void judge_budget(std::string_view name, std::uint64_t used, std::uint64_t ceiling, Verdict& verdict) {
  verdict.figure(fmt::format("{}_kib", name), used / 1024);
  verdict.figure(fmt::format("{}_budget_kib", name), ceiling / 1024);
  // /metrics may look in the middle of a turn, before what is over has been given up.
  verdict.require(used <= ceiling + ceiling / 8, fmt::format("{} took {} KiB of {}", name, used / 1024, ceiling / 1024));
}

void judge(const Size& size, const Samples& samples, const Findings& findings, bool is_sample, Verdict& verdict) {
  judge_budget("heads", samples.heads_max, size.heads_bytes_max, verdict);
  judge_budget("output", samples.output_max, size.output_bytes_max, verdict);
  verdict.figure("heads_given_up", samples.heads_given_up);
  verdict.figure("queues_given_up", samples.queues_given_up);
  verdict.require(samples.heads_given_up > 0, "the heads did not fill their budget, so this showed nothing");
  verdict.require(samples.queues_given_up > 0, "the slow readers did not fill their budget, so this showed nothing");
  verdict.figure("p99_quiet", milliseconds(findings.p99_quiet));
  verdict.figure("p99_heads", milliseconds(findings.p99_heads));
  verdict.figure("p99_slow_readers", milliseconds(findings.p99_readers));
  verdict.figure("echoed", findings.echoed);
  for (const std::uint64_t p99 : {findings.p99_heads, findings.p99_readers})
    verdict.require(is_sample || static_cast<double>(p99) <= p99_ratio_max * static_cast<double>(findings.p99_quiet),
                    fmt::format("p99 went from {} to {}", milliseconds(findings.p99_quiet), milliseconds(p99)));
  verdict.require(findings.failure.empty(), findings.failure);
}

/// Beside the budgets: a record and a little for each connection, and what the allocator and the log keep.
std::uint64_t memory_allowed(const Size& size) {
  constexpr std::uint64_t record_bytes = 2 * 1024;
  constexpr std::uint64_t room = 32 * 1024 * 1024;
  const std::uint64_t crowd =
      std::max(size.heads.processes * size.heads.connections, size.readers.processes * size.readers.connections);
  const std::uint64_t budgets = size.heads_bytes_max + size.output_bytes_max;
  return budgets + budgets / 8 + (size.good + crowd) * record_bytes + room;
}

}  // namespace

int run_budgets(const StressOptions& options) {
  announce("budgets", options);
  Size size = options.is_sample ? Size::sample() : Size{};
  if (options.devices != 0) size.good = options.devices;
  Crowd heads(size.heads);  // before any thread
  Crowd readers(size.readers);
  auto gate =
      load::GateProcess::start({.binary = options.gate,
                                .shards = shards,
                                .settings = {fmt::format("limits.heads_memory={}KiB", size.heads_bytes_max / 1024),
                                             fmt::format("limits.output_memory={}KiB", size.output_bytes_max / 1024),
                                             "limits.max_push=64KiB", "limits.send_queue=128KiB", "limits.handshake_timeout=5m",
                                             "limits.send_timeout=5m", "limits.ping_interval=off"},
                                .command = {},
                                .log_file = options.log_file});
  if (!gate) return give_up("budgets", gate.error());
  const std::uint64_t resident_at_start = (*gate)->resident_bytes();
  Samples samples;
  Findings findings;
  std::jthread sampler([&](const std::stop_token& stop) {
    Progress progress("budgets");
    while (!stop.stop_requested()) {
      sample(**gate, samples);
      progress.tick([&] {
        const Crowd::Counts h = heads.counts();
        const Crowd::Counts r = readers.counts();
        return fmt::format("half heads {} opened, {} answered 503, {} open; slow readers {} opened, {} open; gate holds {} KiB",
                           h.opened, h.answered, h.open(), r.opened, r.open(), samples.resident_max.load() / 1024);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  const auto ran = load::run_on_loops(
      1, loop_options, [&](load::Loop& loop, unsigned) { run_good(loop, **gate, size, heads, readers, findings); });
  sampler.request_stop();
  sampler.join();
  if (!ran) return give_up("budgets", ran.error());

  Verdict verdict("budgets");
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("the gate ended with {}: {}", code, (*gate)->log_tail()));
  verdict.figure("half_heads", heads.counts().opened);
  verdict.figure("answered_503", heads.counts().answered);
  verdict.figure("slow_readers", readers.counts().opened);
  verdict.figure("not_connected", heads.counts().failed + readers.counts().failed);
  judge(size, samples, findings, options.is_sample, verdict);
  const std::uint64_t ceiling = resident_at_start + memory_allowed(size);
  verdict.figure("resident_max_kib", samples.resident_max.load() / 1024);
  verdict.figure("ceiling_kib", ceiling / 1024);
  verdict.require(samples.resident_max.load() <= ceiling, "memory went above the ceiling");
  return verdict.finish();
}

}  // namespace ringgate::stress
