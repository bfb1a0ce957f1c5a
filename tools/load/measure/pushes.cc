#include "load/measure/pushes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "load/admin_line.h"
#include "load/measure/delivery_ledger.h"
#include "load/measure/progress.h"
#include "load/measure/scenario_loop.h"
#include "load/numbered_payload.h"
#include "load/paced_opening.h"

namespace ringgate::measure {
namespace {

constexpr std::size_t opening_at_once = 128;
constexpr DurationNs opening_limit = 60 * nanoseconds_per_second;
constexpr DurationNs drain_limit = 10 * nanoseconds_per_second;
constexpr std::uint32_t to_all = 0xffffffff;

struct Shared {
  Shared(const PushOptions& o, load::Loop& l) : options(o), loop(l), ledger(o.connections, o.lines) {}

  const PushOptions& options;
  load::Loop& loop;
  DeliveryLedger ledger;
  PushResult result;
  load::PacedOpening* opening = nullptr;
  bool is_counting = false;
  bool is_pushing = true;
  bool is_over = false;
  std::uint32_t next_device = 0;

  void fail(std::string what) {
    if (is_over) return;
    ++result.errors;
    if (result.error_text.empty()) result.error_text = std::move(what);
  }
};

class Receiver final : public load::DeviceClient {
 public:
  Receiver(const load::DeviceTarget& target, Shared& shared, std::uint32_t number)
      : DeviceClient(shared.loop, target), shared_(shared), number_(number) {}

  void start() { open(shared_.options.id_prefix + std::to_string(number_)); }

 private:
  void on_open() override { settle(); }
  void on_message(const MessageView& message) override {
    const auto read = load::read_numbered_payload(message.payload);
    if (!read || message.payload.size() != shared_.options.size || message.type != MessageType::binary)
      return fail("a message that was changed");
    if (read->device != (shared_.options.mode == PushMode::broadcast ? to_all : number_))
      return fail("a message for another device");
    const auto arrival = shared_.ledger.arrive(number_, read->number);
    if (arrival.fault != nullptr) return fail(arrival.fault);
    ++shared_.result.deliveries_total;
    if (!shared_.is_counting) return;
    ++shared_.result.deliveries;
    shared_.result.arrival.record(load::monotonic_now() - arrival.sent_at);
  }
  void on_failed(const load::OpeningFailure& failure) override {
    ++shared_.result.connect_failures;
    fail("could not connect: " + failure.text);
    settle();
  }
  void on_close(const load::Ending& ending) override { fail(text_of_ending(ending)); }

  void settle() {
    if (!shared_.is_over) shared_.opening->settle();
  }
  void fail(const std::string& what) { shared_.fail(fmt::format("device {}: {}", number_, what)); }

  Shared& shared_;
  std::uint32_t number_;
};

class Pusher final : public load::AdminLine {
 public:
  Pusher(const load::Endpoint& admin, Shared& shared, std::uint32_t number)
      : AdminLine(shared.loop, admin), shared_(shared), number_(number) {}

  bool is_ready() const { return is_open(); }
  void fill() {
    while (shared_.is_pushing && is_open() && waiting_count() < shared_.options.pipeline) push_one();
  }

 private:
  void push_one() {
    const PushOptions& options = shared_.options;
    const TimeNs now = load::monotonic_now();
    const std::uint64_t number = shared_.ledger.send(number_, now);
    ++shared_.result.pushes_total;
    const bool is_to_all = options.mode == PushMode::broadcast;
    const std::uint32_t device = options.mode == PushMode::many ? shared_.next_device++ % options.connections : 0;
    const std::string payload =
        load::make_numbered_payload({is_to_all ? to_all : device, number}, options.size, shared_.loop.random());
    const MessageView message{MessageType::binary, bytes_of(payload)};
    if (is_to_all) return broadcast(message, now);
    push(options.id_prefix + std::to_string(device), message, now);
  }

  void on_line_open() override {}
  void on_answer(const load::PushAnswer& answer) override {
    PushResult& result = shared_.result;
    if (answer.status != 200) {
      ++result.refused[answer.status];
      if (answer.status != 429) shared_.fail(fmt::format("a push was answered with {}: {}", answer.status, answer.body));
    } else {
      result.promised_total += shared_.options.mode == PushMode::broadcast ? delivered_in(answer.body) : 1;
      if (shared_.is_counting) {
        ++result.pushes;
        result.answer.record(load::monotonic_now() - answer.ticket);
      }
    }
    fill();
  }
  void on_line_ended(const std::deque<std::uint64_t>& unanswered, std::string_view cause) override {
    shared_.fail(fmt::format("admin connection {}: {} with {} pushes unanswered", number_, cause, unanswered.size()));
  }

  std::uint64_t delivered_in(std::string_view body) {
    const auto fields = nlohmann::json::parse(body, nullptr, false);
    if (fields.is_object() && fields.contains("delivered")) return fields.value("delivered", std::uint64_t{0});
    shared_.fail(fmt::format("a broadcast's answer without \"delivered\": {}", body));
    return 0;
  }

  Shared& shared_;
  std::uint32_t number_;
};

using Receivers = std::vector<std::unique_ptr<Receiver>>;
using Pushers = std::vector<std::unique_ptr<Pusher>>;

class PushRun {
 public:
  PushRun(Shared& shared, Receivers& receivers, Pushers& pushers)
      : shared_(shared),
        receivers_(receivers),
        pushers_(pushers),
        window_(shared.options.cpu, shared.options.server_cpu, shared.options.server_pid) {}

  void run() {
    if (open_all()) measure();
    shared_.is_over = true;
    for (auto& pusher : pushers_) {
      if (!pusher->is_idle()) pusher->drop();
    }
    for (auto& receiver : receivers_) receiver->close(CloseCode::normal);
    shared_.loop.run_until([&] { return shared_.loop.streams_count() == 0; }, drain_limit);
    for (auto& receiver : receivers_) {
      if (!receiver->is_idle()) receiver->drop();
    }
    shared_.loop.run_until([&] { return shared_.loop.streams_count() == 0; }, drain_limit);
  }

 private:
  bool open_all() {
    load::PacedOpening opening(receivers_.size(), opening_at_once, [&](std::size_t i) { receivers_[i]->start(); });
    shared_.opening = &opening;
    opening.start();
    for (auto& pusher : pushers_) pusher->open();
    const auto are_ready = [&] { return std::ranges::all_of(pushers_, [](const auto& p) { return p->is_ready(); }); };
    const bool is_done =
        shared_.loop.run_until([&] { return shared_.result.errors != 0 || (opening.is_done() && are_ready()); }, opening_limit);
    if (!is_done) shared_.fail("not all connections were open after 60 s");
    shared_.result.could_run = shared_.result.errors == 0;
    if (!shared_.result.could_run) drop_all();  // before `opening` is destroyed
    return shared_.result.could_run;
  }

  void drop_all() {
    shared_.is_over = true;
    for (auto& receiver : receivers_) {
      if (!receiver->is_idle()) receiver->drop();
    }
    shared_.loop.run_until([&] { return std::ranges::all_of(receivers_, [](const auto& r) { return r->is_idle(); }); },
                           drain_limit);
  }

  void measure() {
    PushResult& result = shared_.result;
    ProgressLine progress(shared_.options.is_quiet);
    progress.start(load::monotonic_now());
    for (auto& pusher : pushers_) pusher->fill();
    turn_until(load::monotonic_now() + duration_of(shared_.options.warmup), progress);
    window_.start(load::monotonic_now());
    shared_.is_counting = true;
    turn_until(load::monotonic_now() + duration_of(shared_.options.seconds), progress);
    shared_.is_counting = shared_.is_pushing = false;
    window_.end(load::monotonic_now());
    progress.end();
    drain();
    result.window = window_.length();
    result.client = window_.client();
    result.server = window_.server();
    result.client.is_bottleneck = result.client.idle_share < 0.02 && window_.server_busy_share() < 0.99;
  }

  void turn_until(TimeNs end, ProgressLine& progress) {
    while (load::monotonic_now() < end && shared_.result.errors == 0) {
      shared_.loop.turn(10 * nanoseconds_per_millisecond);
      progress.tick(shared_.loop.now(), shared_.is_counting ? "measuring" : "warming", shared_.result.deliveries,
                    shared_.result.arrival);
    }
  }

  // Waits for every message that the answers promised.
  void drain() {
    const auto has_all = [&] {
      const bool are_answered = std::ranges::all_of(pushers_, [](const auto& p) { return p->waiting_count() == 0; });
      return shared_.result.errors != 0 || (are_answered && shared_.result.deliveries_total >= shared_.result.promised_total);
    };
    if (!shared_.loop.run_until(has_all, drain_limit))
      shared_.fail(fmt::format("{} deliveries were promised and {} arrived within 10 s", shared_.result.promised_total,
                               shared_.result.deliveries_total));
  }

  Shared& shared_;
  Receivers& receivers_;
  Pushers& pushers_;
  CpuWindow window_;
};

}  // namespace

PushResult run_pushes(const PushOptions& options) {
  const auto tls = open_tls(options, load::TlsBuffers::released);
  const load::DeviceTarget target = device_target_of(options, tls ? tls->get() : nullptr);
  const load::Endpoint admin = *load::parse_endpoint(options.admin);
  auto loop = open_loop(options, options.connections + options.lines + 16);
  if (!tls || !loop) {
    PushResult result;
    result.could_run = false;
    result.error_text = tls ? loop.error() : tls.error();
    return result;
  }
  const auto shared = std::make_unique<Shared>(options, **loop);
  Receivers receivers;
  Pushers pushers;
  for (std::uint32_t i = 0; i < options.connections; ++i) receivers.push_back(std::make_unique<Receiver>(target, *shared, i));
  for (std::uint32_t i = 0; i < options.lines; ++i) pushers.push_back(std::make_unique<Pusher>(admin, *shared, i));
  PushRun(*shared, receivers, pushers).run();
  return std::move(shared->result);
}

}  // namespace ringgate::measure
