#include "load/measure/handshakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "load/measure/progress.h"
#include "load/measure/scenario_loop.h"

namespace ringgate::measure {
namespace {

constexpr DurationNs step_limit = 10 * nanoseconds_per_second;  // a connection that takes longer is a failure
constexpr DurationNs sweep_period = nanoseconds_per_second / 4;
constexpr std::size_t failures_max = 1000;  // the run gives up after so many

struct Shared {
  HandshakesResult result;
  bool is_counting = false;
  bool is_over = false;
};

class Visitor final : public load::DeviceClient {
 public:
  Visitor(load::Loop& loop, const load::DeviceTarget& target, Shared& shared, std::string id)
      : DeviceClient(loop, target), shared_(shared), id_(std::move(id)) {}

  void start() {
    started_ = load::monotonic_now();
    is_late_ = false;
    // Another id each time: one device that connects so often would be refused for it.
    open(fmt::format("{}-{}", id_, ++visits_));
  }
  void sweep(TimeNs now) {
    if (is_idle() || is_late_ || now < started_ + step_limit) return;
    is_late_ = true;
    drop();
  }

 private:
  void on_open() override {
    opened_ = load::monotonic_now();
    is_resumed_ = is_tls_resumed();
    close(CloseCode::normal);
  }
  void on_message(const MessageView&) override {}  // some servers greet
  void on_failed(const load::OpeningFailure& failure) override {
    ++shared_.result.connect_failures;
    explain(failure.status != 0 ? fmt::format("status {}: {}", failure.status, failure.text) : failure.text);
  }
  void on_close(const load::Ending& ending) override {
    if (ending.code != CloseCode::normal || !ending.fault.empty() || is_late_) {
      ++shared_.result.errors;
      explain(text_of_ending(ending));
    } else if (shared_.is_counting) {
      ++shared_.result.handshakes;
      shared_.result.resumed += is_resumed_ ? 1 : 0;
      shared_.result.opening.record(opened_ - started_);
      shared_.result.whole.record(load::monotonic_now() - started_);
    }
    if (!shared_.is_over) start();
  }
  // A failed opening is not repeated, since it would fail again.
  void explain(const std::string& what) {
    if (shared_.result.error_text.empty())
      shared_.result.error_text = fmt::format("{}: {}", id_, is_late_ ? "took more than 10 s" : what);
  }

  Shared& shared_;
  std::string id_;
  std::uint64_t visits_ = 0;
  TimeNs started_ = 0;
  TimeNs opened_ = 0;
  bool is_late_ = false;
  bool is_resumed_ = false;
};

using Visitors = std::vector<std::unique_ptr<Visitor>>;

class HandshakesRun {
 public:
  HandshakesRun(const CommonOptions& options, load::Loop& loop, Shared& shared, Visitors& visitors)
      : options_(options),
        loop_(loop),
        shared_(shared),
        visitors_(visitors),
        window_(options.cpu, options.server_cpu, options.server_pid) {}

  void run() {
    ProgressLine progress(options_.is_quiet);
    progress.start(load::monotonic_now());
    for (auto& visitor : visitors_) visitor->start();
    turn_until(load::monotonic_now() + duration_of(options_.warmup), progress);
    window_.start(load::monotonic_now());
    shared_.is_counting = true;
    turn_until(load::monotonic_now() + duration_of(options_.seconds), progress);
    shared_.is_counting = false;
    window_.end(load::monotonic_now());
    shared_.is_over = true;
    progress.end();
    loop_.run_until([&] { return loop_.streams_count() == 0; }, step_limit);
    for (auto& visitor : visitors_) {
      if (!visitor->is_idle()) visitor->drop();
    }
    loop_.run_until([&] { return loop_.streams_count() == 0; }, step_limit);
    fill_in();
  }

 private:
  void turn_until(TimeNs end, ProgressLine& progress) {
    while (loop_.now() < end && loop_.streams_count() != 0 && faults() < failures_max) {
      loop_.turn(std::min<DurationNs>(end - loop_.now(), 20 * nanoseconds_per_millisecond));
      progress.tick(loop_.now(), shared_.is_counting ? "measuring" : "warming", shared_.result.handshakes,
                    shared_.result.opening);
      if (loop_.now() < next_sweep_) continue;
      next_sweep_ = loop_.now() + sweep_period;
      for (auto& visitor : visitors_) visitor->sweep(loop_.now());
    }
  }
  std::uint64_t faults() const { return shared_.result.errors + shared_.result.connect_failures; }

  void fill_in() {
    HandshakesResult& result = shared_.result;
    result.window = window_.length();
    result.client = window_.client();
    result.server = window_.server();
    result.client.is_bottleneck = result.client.idle_share < 0.02 && window_.server_busy_share() < 0.99;
    result.could_run = result.handshakes != 0 || result.errors != 0;
  }

  const CommonOptions& options_;
  load::Loop& loop_;
  Shared& shared_;
  Visitors& visitors_;
  CpuWindow window_;
  TimeNs next_sweep_ = 0;
};

}  // namespace

HandshakesResult run_handshakes(const CommonOptions& options) {
  auto shared = std::make_unique<Shared>();
  const auto tls = open_tls(options, load::TlsBuffers::kept);
  const load::DeviceTarget target = device_target_of(options, tls ? tls->get() : nullptr);
  auto loop = open_loop(options, options.connections + 64);
  if (!tls || !loop) {
    shared->result.could_run = false;
    shared->result.error_text = tls ? loop.error() : tls.error();
    return std::move(shared->result);
  }
  Visitors visitors;
  for (std::uint32_t i = 0; i < options.connections; ++i)
    visitors.push_back(std::make_unique<Visitor>(**loop, target, *shared, options.id_prefix + std::to_string(i)));
  HandshakesRun(options, **loop, *shared, visitors).run();
  visitors.clear();
  return std::move(shared->result);
}

}  // namespace ringgate::measure
