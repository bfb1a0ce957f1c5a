// Pushes: 10,000 devices on two shards, 100,000 pushes over HTTP and 1,000,000 through the C++ API, each
// numbered and checksummed, each with a result that must agree with what its device got; at least two in five
// cross shards.
//
// Over HTTP the pushes ride on pipelined admin connections. Through the API an embedder (push_embedder.cc)
// pushes on request: every device asks for pushes to another device, so that both shards push, each target
// from one producer.
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <mutex>

#include "load/admin_query.h"
#include "load/workers.h"
#include "push_fleet.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr unsigned loops_count = 2;
constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs phase_limit = 300 * second;
constexpr DurationNs quiet_limit = 10 * second;
constexpr double crossed_share_min = 0.4;
constexpr std::uint64_t pushes_per_request = 10;
constexpr std::size_t requests_under_way_max = 100;

struct Part {
  std::string name;
  std::size_t devices = 0;
  std::uint64_t pushes = 0;
  load::GateOptions gate;
};

struct Result {
  std::mutex mutex;
  PushTally tally;
  std::map<std::string, std::uint64_t> answers;
  std::string failure;
  std::atomic<std::uint64_t> received = 0;  // for the progress line

  void fail(std::string text) {
    const std::lock_guard lock(mutex);
    if (failure.empty()) failure = std::move(text);
  }
};

// Waits for what the gate says it delivered, as long as something still arrives.
void wait_for_deliveries(PushFleet& fleet) {
  std::uint64_t before = 0;
  TimeNs moved_at = load::monotonic_now();
  const auto is_over = [&] {
    const auto& ledger = fleet.ledger();
    if (ledger.received_count() != before) moved_at = load::monotonic_now();
    before = ledger.received_count();
    return before >= ledger.delivered_count() || load::monotonic_now() - moved_at > quiet_limit;
  };
  fleet.loop().run_until(is_over, phase_limit);
  fleet.loop().run_until([] { return false; }, second / 5);  // duplicates would come now
}

void push_over_http(PushFleet& fleet, const load::Endpoint& admin, std::uint64_t pushes, Result& result) {
  HttpPusher pusher(fleet, admin, {.lines = 8, .window = 16, .pushes = pushes});
  pusher.start();
  const auto is_over = [&] {
    result.received.store(fleet.ledger().received_count(), std::memory_order_relaxed);
    return !pusher.fault().empty() || fleet.open_count() < fleet.size() || (pusher.asked() >= pushes && pusher.has_answers());
  };
  if (!fleet.loop().run_until(is_over, phase_limit)) result.fail("the pushes did not end");
  if (!pusher.fault().empty()) result.fail(pusher.fault());
  wait_for_deliveries(fleet);
  pusher.close(quiet_limit);
  const std::lock_guard lock(result.mutex);
  for (const auto& [status, count] : pusher.statuses()) result.answers[fmt::format("http_{}", status)] += count;
}

// Asks the embedder for pushes, "push DEVICE FIRST COUNT"; it answers "result DEVICE FIRST" and a letter per
// push.
class ApiPusher {
 public:
  ApiPusher(PushFleet& fleet, std::uint64_t pushes, Result& result)
      : fleet_(fleet), requests_(pushes / pushes_per_request), result_(result) {
    fleet_.on_other_message = [this](PushDevice&, const MessageView& message) { take_result(text_of(message.payload)); };
  }
  ~ApiPusher() { fleet_.on_other_message = nullptr; }

  void pump() {
    while (started_ < requests_ && started_ - finished_ < requests_under_way_max) request_next();
  }
  bool is_done() const { return finished_ == requests_; }
  const std::map<char, std::uint64_t>& outcomes() const { return outcomes_; }

 private:
  // The target is another device, the same one for one producer's whole life.
  void request_next() {
    const std::size_t producer = static_cast<std::size_t>(started_++) % fleet_.size();
    const std::uint32_t target = fleet_.device((producer + fleet_.size() / 3) % fleet_.size()).number();
    std::uint64_t first = 0;
    for (std::uint64_t i = 0; i < pushes_per_request; ++i) {
      const std::uint64_t number = fleet_.ledger().ask(target);
      if (i == 0) first = number;
    }
    const std::string request = fmt::format("push {} {} {} {}", fleet_.id_of(target), target, first, pushes_per_request);
    fleet_.device(producer).send_message(MessageType::text, bytes_of(request));
  }

  void take_result(std::string_view text) {
    const EmbedderResult found = read_embedder_result(text);
    const auto& [target, first, letters] = found;
    if (letters.size() != pushes_per_request) return result_.fail("unreadable result: " + std::string(text));
    for (std::uint64_t i = 0; i < letters.size(); ++i) {
      ++outcomes_[letters[i]];
      fleet_.ledger().answer(target, first + i, letters[i] == 'd' ? PushOutcome::delivered : PushOutcome::refused);
    }
    ++finished_;
    pump();
  }

  PushFleet& fleet_;
  std::uint64_t requests_;
  Result& result_;
  std::uint64_t started_ = 0;
  std::uint64_t finished_ = 0;
  std::map<char, std::uint64_t> outcomes_;
};

void push_through_api(PushFleet& fleet, const load::Endpoint&, std::uint64_t pushes, Result& result) {
  ApiPusher pusher(fleet, pushes, result);
  pusher.pump();
  const auto is_over = [&] {
    result.received.store(fleet.ledger().received_count(), std::memory_order_relaxed);
    return pusher.is_done() || fleet.open_count() < fleet.size();
  };
  if (!fleet.loop().run_until(is_over, phase_limit)) result.fail("the pushes did not end");
  wait_for_deliveries(fleet);
  const std::lock_guard lock(result.mutex);
  for (const auto& [letter, count] : pusher.outcomes()) result.answers[fmt::format("api_{}", letter)] += count;
}

using PushWay = void (*)(PushFleet&, const load::Endpoint&, std::uint64_t, Result&);

void work(load::Loop& loop, unsigned index, const Part& part, const load::GateProcess& gate, PushWay push_all, Result& result) {
  load::DeviceTarget target;
  target.gate = gate.devices();
  const std::size_t devices = part.devices / loops_count;
  PushFleet fleet(loop, target,
                  {.id_prefix = "push",
                   .device_first = static_cast<std::uint32_t>(index * devices),
                   .devices_count = devices,
                   .opening_at_once = 256});
  if (fleet.open_all(60 * second)) {
    push_all(fleet, gate.admin(), part.pushes / loops_count, result);
  } else {
    result.fail(fmt::format("{} of {} devices open: {}", fleet.open_count(), devices, fleet.first_failure()));
  }
  if (fleet.open_count() != fleet.size()) result.fail("devices were lost on the way: " + fleet.first_failure());
  fleet.close_all(30 * second);
  const std::lock_guard lock(result.mutex);
  result.tally.add(fleet.ledger().tally());
}

void judge_crossing(const Part& part, const load::Metrics& metrics, Verdict& verdict) {
  const auto crossed = metrics.find("ringgate_push_crossed_total");
  const auto all = metrics.find("ringgate_push_requests_total");
  const bool is_known = crossed != metrics.end() && all != metrics.end() && all->second > 0;
  const double share = is_known ? crossed->second / all->second : 0;
  verdict.figure(part.name + "_crossed", is_known ? fmt::format("{:.1f}%", 100 * share) : "unknown");
  verdict.require(share >= crossed_share_min, fmt::format("{}: {:.1f} % crossed shards", part.name, 100 * share));
}

void judge(const Part& part, const Result& result, Verdict& verdict) {
  const PushTally& tally = result.tally;
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, std::uint64_t>>{{"asked", tally.asked},
                                                                    {"delivered", tally.delivered},
                                                                    {"refused", tally.refused},
                                                                    {"received", tally.received},
                                                                    {"lost", tally.lost},
                                                                    {"duplicated", tally.duplicated},
                                                                    {"reordered", tally.reordered},
                                                                    {"misdelivered", tally.misdelivered},
                                                                    {"corrupted", tally.corrupted}})
    verdict.figure(part.name + "_" + name, value);
  for (const auto& [answer, count] : result.answers) verdict.figure(answer, count);
  verdict.require(result.failure.empty(), part.name + ": " + result.failure);
  verdict.require(tally.asked == part.pushes, part.name + ": not all pushes were asked for");
  verdict.require(tally.unanswered == 0, fmt::format("{}: {} pushes without a result", part.name, tally.unanswered));
  verdict.require(tally.faults() == 0, fmt::format("{}: {} pushes went wrong", part.name, tally.faults()));
  verdict.require(tally.delivered > 0, part.name + ": nothing was delivered");
}

void run_part(const Part& part, PushWay push_all, const StressOptions& options, Verdict& verdict) {
  auto gate = load::GateProcess::start(part.gate);
  if (!gate) return verdict.require(false, part.name + ": " + gate.error());
  Result result;
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  std::jthread reporter([&](const std::stop_token& stop) {
    Progress progress("push " + part.name);
    while (!stop.stop_requested()) {
      progress.tick([&] { return fmt::format("{} received by one of {} loops", result.received.load(), loops_count); });
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const TimeNs started = load::monotonic_now();
  const auto ran = load::run_on_loops(
      loops_count, loop_options, [&](load::Loop& loop, unsigned index) { work(loop, index, part, **gate, push_all, result); });
  reporter.request_stop();
  verdict.require(ran.has_value(), ran ? "" : part.name + ": " + ran.error());
  verdict.figure(part.name + "_took", milliseconds(load::monotonic_now() - started));
  judge(part, result, verdict);
  const auto metrics = load::read_metrics((*gate)->admin());
  verdict.require(metrics.has_value(), metrics ? "" : metrics.error());
  if (metrics) judge_crossing(part, *metrics, verdict);
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("{}: the gate ended with {}: {}", part.name, code, (*gate)->log_tail()));
}

}  // namespace

int run_push(const StressOptions& options) {
  announce("push", options);
  Verdict verdict("push");
  const std::size_t devices = options.devices != 0 ? options.devices : options.is_sample ? 500 : 10'000;
  const std::uint64_t pushes = options.pushes != 0 ? options.pushes : options.is_sample ? 50'000 : 1'000'000;
  load::GateOptions product{.binary = options.gate, .shards = 2, .settings = {}, .command = {}, .log_file = options.log_file};
  load::GateOptions embedder = product;
  embedder.command = {options.embedder, "2"};
  run_part({"http", devices, pushes / 10, product}, push_over_http, options, verdict);
  run_part({"api", devices, pushes, embedder}, push_through_api, options, verdict);
  return verdict.finish();
}

}  // namespace ringgate::stress
