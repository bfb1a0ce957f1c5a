// Drain: SIGTERM while 5,000 devices echo and are pushed to. All get 1001, the gate exits with 0, and nothing
// accepted is lost.
//
// Accepted means:
//   a push     - the admin port answered 200: its device must have received it before the Close;
//   a message  - by the gate's own word, it counts in `messages_in` of the device's disconnect line: as many
//   echoes came back;
//              - by the clock, it was given to the kernel `margin` before the signal: its echo came back.
// Echoes come in order, so a count is enough to know which are missing.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "load/numbered_payload.h"
#include "load/workers.h"
#include "push_fleet.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr unsigned loops_count = 2;
constexpr DurationNs second = nanoseconds_per_second;
constexpr DurationNs margin = second / 4;
constexpr DurationNs message_interval = second;  // per device
constexpr DurationNs drain_limit = 45 * second;  // drain.duration is 30 s by default

struct DeviceRecord {
  std::string id;
  std::uint64_t sent_before_margin = 0;  // filled in at the signal
  std::uint64_t echoed = 0;
  bool is_echo_wrong = false;
  int code = 0;  // of the end; 0: none
};

struct Drain {
  std::atomic<unsigned> loops_ready = 0;
  std::atomic<TimeNs> signalled_at = 0;  // 0: not yet
  std::atomic<std::uint64_t> ended = 0;
  std::mutex mutex;  // guards what follows
  std::vector<DeviceRecord> records;
  PushTally pushes;
  std::string failure;

  void fail(std::string text) {
    const std::lock_guard lock(mutex);
    if (failure.empty()) failure = std::move(text);
  }
};

// Sends numbered messages from a fleet's devices, evenly spread in time, and counts their echoes.
class Echoes {
 public:
  explicit Echoes(PushFleet& fleet) : fleet_(fleet), sent_at_(fleet.size()), records_(fleet.size()) {
    for (std::size_t i = 0; i < fleet.size(); ++i) records_[i].id = fleet.id_of(fleet.device(i).number());
    fleet.on_other_message = [this](PushDevice& device, const MessageView& message) { take_echo(device, message.payload); };
    fleet.on_device_closed = [this](PushDevice& device, const load::Ending& ending) {
      records_[index_of(device)].code = static_cast<int>(ending.code);
    };
  }
  ~Echoes() {
    fleet_.on_other_message = nullptr;
    fleet_.on_device_closed = nullptr;
  }

  void start() { tick(); }
  void stop() { is_stopped_ = true; }

  std::vector<DeviceRecord> records(TimeNs signalled_at) {
    for (std::size_t i = 0; i < records_.size(); ++i)
      records_[i].sent_before_margin =
          static_cast<std::uint64_t>(std::ranges::count_if(sent_at_[i], [&](TimeNs at) { return at + margin < signalled_at; }));
    return records_;
  }

 private:
  static constexpr DurationNs step = 10 * nanoseconds_per_millisecond;

  std::size_t index_of(const PushDevice& device) const { return device.number() - fleet_.device(0).number(); }

  // Every device sends once per interval: each step serves the next part of the fleet.
  void tick() {
    if (is_stopped_) return;
    const std::size_t part = fleet_.size() * step / message_interval + 1;
    for (std::size_t i = 0; i < part; ++i) send_from(next_++ % fleet_.size());
    fleet_.loop().after(step, [this] { tick(); });
  }

  // "m" keeps echoes apart from pushes, which begin with a digit.
  void send_from(std::size_t index) {
    PushDevice& device = fleet_.device(index);
    if (!device.is_device_open()) return;
    load::Random& random = fleet_.loop().random();
    const auto bytes = load::numbered_payload_bytes_min + static_cast<std::size_t>(random.below(200));
    const std::string payload = "m" + load::make_numbered_payload({device.number(), sent_at_[index].size()}, bytes, random);
    device.send_message(random.below(2) == 0 ? MessageType::text : MessageType::binary, bytes_of(payload));
    sent_at_[index].push_back(load::monotonic_now());
  }

  void take_echo(PushDevice& device, ByteView payload) {
    auto& record = records_[index_of(device)];
    const auto number = payload.empty() ? std::nullopt : load::read_numbered_payload(payload.subspan(1));
    const load::PayloadNumber expected{device.number(), record.echoed};
    if (number != expected) record.is_echo_wrong = true;
    ++record.echoed;
  }

  PushFleet& fleet_;
  std::vector<std::vector<TimeNs>> sent_at_;
  std::vector<DeviceRecord> records_;
  std::size_t next_ = 0;
  bool is_stopped_ = false;
};

void run_loop(load::Loop& loop, unsigned index, std::size_t devices, const load::GateProcess& gate, Drain& drain) {
  load::DeviceTarget target;
  target.gate = gate.devices();
  PushFleet fleet(loop, target,
                  {.id_prefix = "drain",
                   .device_first = static_cast<std::uint32_t>(index * devices),
                   .devices_count = devices,
                   .opening_at_once = 256});
  if (!fleet.open_all(60 * second))
    drain.fail(fmt::format("{} of {} devices open: {}", fleet.open_count(), devices, fleet.first_failure()));
  Echoes echoes(fleet);
  HttpPusher pusher(fleet, gate.admin(),
                    {.lines = 4, .window = 4, .pushes = 0, .pause = 2 * nanoseconds_per_millisecond, .payload_bytes = 0});
  echoes.start();
  pusher.start();
  drain.loops_ready.fetch_add(1);

  loop.run_until([&] { return drain.signalled_at.load() != 0; }, 600 * second);
  if (!pusher.fault().empty()) drain.fail(pusher.fault());
  pusher.expect_the_end();
  std::size_t open_before = fleet.open_count();
  const auto all_ended = [&] {
    drain.ended.fetch_add(open_before - fleet.open_count(), std::memory_order_relaxed);
    open_before = fleet.open_count();
    return fleet.open_count() == 0;
  };
  if (!loop.run_until(all_ended, drain_limit)) drain.fail("connections did not end within the drain's time");
  echoes.stop();
  pusher.close(5 * second);
  fleet.close_all(5 * second);
  loop.run_until([] { return false; }, second / 10);  // the last timers run, and find that all is over

  const std::lock_guard lock(drain.mutex);
  drain.pushes.add(fleet.ledger().tally());
  const auto records = echoes.records(drain.signalled_at.load());
  drain.records.insert(drain.records.end(), records.begin(), records.end());
}

struct EchoTally {
  std::uint64_t going_away = 0;
  std::uint64_t echoed = 0;
  std::uint64_t wrong = 0;
  std::uint64_t lost_by_clock = 0;
  std::uint64_t lost_by_count = 0;  // the gate counted more messages than came back
  std::uint64_t lines_missing = 0;  // devices without a disconnect line
};

EchoTally count(const Drain& drain, const load::GateProcess& gate) {
  EchoTally tally;
  const auto lines = gate.disconnects();
  for (const auto& record : drain.records) {
    if (record.code == static_cast<int>(CloseCode::going_away)) ++tally.going_away;
    if (record.is_echo_wrong) ++tally.wrong;
    tally.echoed += record.echoed;
    tally.lost_by_clock += record.sent_before_margin - std::min(record.sent_before_margin, record.echoed);
    const auto line = lines.find(record.id);
    if (line == lines.end()) {
      ++tally.lines_missing;
    } else {
      tally.lost_by_count += line->second.messages_in - std::min(line->second.messages_in, record.echoed);
    }
  }
  return tally;
}

void judge(const Drain& drain, const EchoTally& echoes, std::size_t devices, Verdict& verdict) {
  const PushTally& pushes = drain.pushes;
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, std::uint64_t>>{{"devices", devices},
                                                                    {"code_1001", echoes.going_away},
                                                                    {"echoed", echoes.echoed},
                                                                    {"echoes_lost_by_clock", echoes.lost_by_clock},
                                                                    {"echoes_lost_by_count", echoes.lost_by_count},
                                                                    {"disconnect_lines_missing", echoes.lines_missing},
                                                                    {"pushes_delivered", pushes.delivered},
                                                                    {"pushes_refused", pushes.refused},
                                                                    {"pushes_unanswered", pushes.unanswered},
                                                                    {"pushes_lost", pushes.lost}})
    verdict.figure(name, value);
  verdict.require(drain.failure.empty(), drain.failure);
  verdict.require(echoes.going_away == devices, fmt::format("{} of {} devices got 1001", echoes.going_away, devices));
  verdict.require(echoes.wrong == 0, fmt::format("{} devices got echoes that were not theirs or not in order", echoes.wrong));
  verdict.require(echoes.lost_by_clock == 0, fmt::format("{} messages sent well before the signal", echoes.lost_by_clock));
  verdict.require(echoes.lost_by_count == 0, fmt::format("{} messages that the gate had counted", echoes.lost_by_count));
  verdict.require(echoes.lines_missing == 0, fmt::format("{} devices have no disconnect line", echoes.lines_missing));
  verdict.require(pushes.faults() == 0, fmt::format("{} pushes went wrong", pushes.faults()));
  verdict.require(echoes.echoed > 0 && pushes.delivered > 0, "there was no load");
}

}  // namespace

int run_drain(const StressOptions& options) {
  announce("drain", options);
  const std::size_t devices = options.devices != 0 ? options.devices : options.is_sample ? 500 : 5'000;
  const unsigned seconds = options.seconds != 0 ? options.seconds : options.is_sample ? 1 : 5;
  auto gate = load::GateProcess::start(
      {.binary = options.gate, .shards = 2, .settings = {}, .command = {}, .log_file = options.log_file});
  if (!gate) return give_up("drain", gate.error());

  Drain drain;
  std::jthread signaller([&](const std::stop_token& stop) {
    Progress progress("drain");
    while (drain.loops_ready.load() < loops_count && !stop.stop_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    drain.signalled_at.store(load::monotonic_now());
    (*gate)->signal(SIGTERM);
    while (!stop.stop_requested()) {
      progress.tick([&] { return fmt::format("{} of {} ended", drain.ended.load(), devices); });
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  const auto ran = load::run_on_loops(loops_count, loop_options, [&](load::Loop& loop, unsigned index) {
    run_loop(loop, index, devices / loops_count, **gate, drain);
  });
  signaller.request_stop();
  signaller.join();
  if (!ran) return give_up("drain", ran.error());

  Verdict verdict("drain");
  const auto code = (*gate)->wait(drain_limit);
  const TimeNs ended_at = load::monotonic_now();
  verdict.require(code == 0, fmt::format("the gate ended with {}: {}", code.value_or(-1), (*gate)->log_tail()));
  (*gate)->stop();  // the log is complete after this
  judge(drain, count(drain, **gate), devices / loops_count * loops_count, verdict);
  verdict.figure("took", milliseconds(ended_at - drain.signalled_at.load()));
  return verdict.finish();
}

}  // namespace ringgate::stress
