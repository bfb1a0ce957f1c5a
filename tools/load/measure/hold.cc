#include "load/measure/hold.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "load/measure/scenario_loop.h"
#include "load/paced_opening.h"

namespace ringgate::measure {
namespace {

constexpr std::size_t opening_at_once = 128;
constexpr DurationNs opening_limit = 120 * nanoseconds_per_second;
constexpr DurationNs closing_limit = 10 * nanoseconds_per_second;

volatile std::sig_atomic_t is_told_to_end = 0;

void tell_to_end(int) { is_told_to_end = 1; }

bool has_stdin_ended() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, 0) <= 0) return false;
  std::array<char, 256> ignored{};
  return read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0;
}

struct Shared {
  HoldResult result;
  load::PacedOpening* opening = nullptr;
  bool is_over = false;
};

class IdleDevice final : public load::DeviceClient {
 public:
  IdleDevice(load::Loop& loop, const load::DeviceTarget& target, Shared& shared, std::string id)
      : DeviceClient(loop, target), shared_(shared), id_(std::move(id)) {}

  void start() { open(id_); }

 private:
  void on_open() override {
    ++shared_.result.opened;
    if (!shared_.is_over) shared_.opening->settle();
  }
  void on_message(const MessageView&) override { ++shared_.result.messages; }
  void on_ping(ByteView payload) override {
    ++shared_.result.pings;
    DeviceClient::on_ping(payload);
  }
  void on_failed(const load::OpeningFailure& failure) override {
    ++shared_.result.connect_failures;
    explain(failure.text);
    if (!shared_.is_over) shared_.opening->settle();
  }
  void on_close(const load::Ending& ending) override {
    if (shared_.is_over) return;
    ++shared_.result.ended;
    explain(text_of_ending(ending));
  }
  void explain(const std::string& what) {
    if (shared_.result.error_text.empty()) shared_.result.error_text = fmt::format("{}: {}", id_, what);
  }

  Shared& shared_;
  std::string id_;
};

using Devices = std::vector<std::unique_ptr<IdleDevice>>;

void open_all(load::Loop& loop, Shared& shared, Devices& devices) {
  load::PacedOpening opening(devices.size(), opening_at_once, [&](std::size_t i) { devices[i]->start(); });
  shared.opening = &opening;
  const TimeNs started = load::monotonic_now();
  opening.start();
  const bool are_open = loop.run_until([&] { return opening.is_done() || is_told_to_end != 0; }, opening_limit);
  shared.result.opening_seconds = static_cast<double>(load::monotonic_now() - started) / 1e9;
  shared.result.could_run = are_open && shared.result.connect_failures == 0 && is_told_to_end == 0;
  if (!are_open && shared.result.error_text.empty()) shared.result.error_text = "not all connections were open after 120 s";
  // Late openings still settle while all connections are dropped.
  if (!shared.result.could_run) {
    shared.is_over = true;
    for (auto& device : devices) {
      if (!device->is_idle()) device->drop();
    }
    loop.run_until([&] { return loop.streams_count() == 0; }, closing_limit);
  }
}

void wait_for_end(load::Loop& loop, Shared& shared, const CommonOptions& options) {
  const TimeNs started = load::monotonic_now();
  const TimeNs end = started + duration_of(options.seconds);
  std::uint64_t ended_before = 0;
  TimeNs next_look = 0;
  while (is_told_to_end == 0 && load::monotonic_now() < end) {
    loop.turn(50 * nanoseconds_per_millisecond);
    if (loop.now() < next_look) continue;
    next_look = loop.now() + 50 * nanoseconds_per_millisecond;
    if (has_stdin_ended()) break;
    if (shared.result.ended == ended_before) continue;
    ended_before = shared.result.ended;
    fmt::print(stderr, "ringgate-load: {} of {} connections are left\n", shared.result.opened - ended_before,
               shared.result.opened);
  }
  shared.result.held_seconds = static_cast<double>(load::monotonic_now() - started) / 1e9;
}

}  // namespace

HoldResult run_hold(const CommonOptions& options) {
  Shared shared;
  const auto tls = open_tls(options, load::TlsBuffers::released);
  const load::DeviceTarget target = device_target_of(options, tls ? tls->get() : nullptr);
  auto loop = open_loop(options, options.connections + 64);
  if (!tls || !loop) {
    shared.result.could_run = false;
    shared.result.error_text = tls ? loop.error() : tls.error();
    return shared.result;
  }
  std::signal(SIGTERM, tell_to_end);
  std::signal(SIGINT, tell_to_end);
  Devices devices;
  for (std::uint32_t i = 0; i < options.connections; ++i)
    devices.push_back(std::make_unique<IdleDevice>(**loop, target, shared, options.id_prefix + std::to_string(i)));
  open_all(**loop, shared, devices);
  if (shared.result.could_run) {
    fmt::print("holding {}\n", shared.result.opened);
    std::fflush(stdout);
    wait_for_end(**loop, shared, options);
  }
  shared.is_over = true;
  for (auto& device : devices) device->close(CloseCode::normal);
  (*loop)->run_until([&] { return (*loop)->streams_count() == 0; }, closing_limit);
  for (auto& device : devices) {
    if (!device->is_idle()) device->drop();
  }
  (*loop)->run_until([&] { return (*loop)->streams_count() == 0; }, closing_limit);
  return shared.result;
}

}  // namespace ringgate::measure
