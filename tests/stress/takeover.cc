// Takeover: two clients fight for the same ids, each reconnecting the moment it was replaced, while every id
// is pushed to over HTTP. Never two owners, every push delivered to the owner or reported, and afterwards
// nothing is leaked.
//
// Client A lives on one loop and client B on another; each also pushes to half of the ids.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <map>
#include <memory>

#include "load/admin_line.h"
#include "load/admin_query.h"
#include "load/device_client.h"
#include "load/numbered_payload.h"
#include "load/workers.h"
#include "stress.h"
#include "takeover_history.h"

namespace ringgate::stress {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr unsigned clients_count = 2;
constexpr unsigned lines_per_client = 4;
constexpr std::size_t window = 8;
constexpr std::array<const char*, 4> leak_gauges{"ringgate_slots_used", "ringgate_buffers_lent", "ringgate_descriptors_used",
                                                 "ringgate_operations_in_flight"};

struct Run {
  std::size_t ids = 0;
  DurationNs length = 0;
  std::vector<std::array<ClientHistory, clients_count>> histories;  // by id; each client writes its own
  std::vector<std::vector<PushRecord>> pushes;                      // by id; written by the client that pushes to it
  std::vector<std::array<bool, clients_count>> is_open_at_end;      // by id
  std::array<std::map<int, std::uint64_t>, clients_count> statuses;
  std::array<std::string, clients_count> faults;
  std::atomic<std::uint64_t> connections = 0;
  std::atomic<std::uint64_t> receipts = 0;
  std::barrier<> together{clients_count};

  explicit Run(std::size_t count) : ids(count), histories(count), pushes(count), is_open_at_end(count) {}
};

std::string id_of(std::size_t id) { return fmt::format("takeover-{}", id); }

// One client's hold on one id: connects again whenever it has lost it.
class Contender final : public load::DeviceClient {
 public:
  Contender(load::Loop& loop, const load::DeviceTarget& target, Run& run, std::size_t id, unsigned client, const bool& is_over)
      : DeviceClient(loop, target),
        run_(run),
        id_(id),
        history_(run.histories[id][client]),
        fault_(run.faults[client]),
        is_over_(is_over) {}

  void contend() {
    history_.connections.push_back({.connect_started = load::monotonic_now(), .opened = 0, .code = 0, .fault = {}});
    open(id_of(id_));
  }

 private:
  void on_open() override {
    history_.connections.back().opened = load::monotonic_now();
    run_.connections.fetch_add(1, std::memory_order_relaxed);
  }

  void on_message(const MessageView& message) override {
    const auto number = load::read_numbered_payload(message.payload);
    if (!number || number->device != id_) {
      ++history_.corrupted;
      return;
    }
    history_.receipts.push_back({number->number, static_cast<std::uint32_t>(history_.connections.size() - 1)});
    run_.receipts.fetch_add(1, std::memory_order_relaxed);
  }

  void on_close(const load::Ending& ending) override {
    history_.connections.back().code = static_cast<int>(ending.code);
    history_.connections.back().fault = ending.fault;
    if (!is_over_) contend();
  }

  void on_failed(const load::OpeningFailure& failure) override {
    if (fault_.empty()) fault_ = fmt::format("a handshake failed: {} {}", failure.status, failure.text);
    if (!is_over_)
      loop().after(second / 100, [this] {
        if (!is_over_) contend();
      });
  }

  Run& run_;
  std::size_t id_;
  ClientHistory& history_;
  std::string& fault_;
  const bool& is_over_;
};

// Pushes to the ids of one client's half, in turn; one line per id, so the order is defined.
class TakeoverLine final : public load::AdminLine {
 public:
  TakeoverLine(load::Loop& loop, const load::Endpoint& admin, Run& run, unsigned client, std::size_t first, const bool& is_over)
      : AdminLine(loop, admin), run_(run), client_(client), first_(first), next_(first), is_over_(is_over) {}

  void pump() {
    while (is_open() && !is_over_ && waiting_count() < window && first_ < run_.ids) push_next();
  }

 private:
  void push_next() {
    auto& pushes = run_.pushes[next_];
    const std::uint64_t number = pushes.size();
    const auto size = load::numbered_payload_bytes_min + static_cast<std::size_t>(loop().random().below(100));
    const auto id = static_cast<std::uint32_t>(next_);
    const std::string payload = load::make_numbered_payload({id, number}, size, loop().random());
    pushes.push_back({.asked = load::monotonic_now(), .outcome = PushRecord::Outcome::unanswered});
    push(id_of(next_), {MessageType::text, bytes_of(payload)}, (std::uint64_t{id} << 32) | number);
    next_ += std::size_t{clients_count} * lines_per_client;
    if (next_ >= run_.ids) next_ = first_;
  }

  void on_line_open() override { pump(); }

  void on_answer(const load::PushAnswer& answer) override {
    ++run_.statuses[client_][answer.status];
    run_.pushes[answer.ticket >> 32][answer.ticket & 0xffffffff].outcome =
        answer.status == 200 ? PushRecord::Outcome::delivered : PushRecord::Outcome::refused;
    pump();
  }

  void on_line_ended(const std::deque<std::uint64_t>& unanswered, std::string_view cause) override {
    if (!is_over_ || !unanswered.empty()) run_.faults[client_] = fmt::format("an admin connection ended: {}", cause);
  }

  Run& run_;
  unsigned client_;
  std::size_t first_;
  std::size_t next_;
  const bool& is_over_;
};

// Ends all of one client's streams; true when they are gone.
template <typename Streams>
bool all_idle(const Streams& streams) {
  return std::ranges::all_of(streams, [](const auto& stream) { return stream->is_idle(); });
}

void run_client(load::Loop& loop, unsigned client, const load::GateProcess& gate, Run& run) {
  load::DeviceTarget target;
  target.gate = gate.devices();
  bool is_over = false;
  std::vector<std::unique_ptr<Contender>> contenders;
  for (std::size_t id = 0; id < run.ids; ++id)
    contenders.push_back(std::make_unique<Contender>(loop, target, run, id, client, is_over));
  std::vector<std::unique_ptr<TakeoverLine>> lines;
  for (unsigned i = 0; i < lines_per_client; ++i)
    lines.push_back(std::make_unique<TakeoverLine>(loop, gate.admin(), run, client, client * lines_per_client + i, is_over));

  for (auto& contender : contenders) contender->contend();
  if (client == 0) {
    // Push only once each id has had its first owner.
    loop.run_until([&] { return run.connections.load(std::memory_order_relaxed) >= run.ids; }, 10 * second);
  }
  for (auto& line : lines) line->open();
  loop.run_until([] { return false; }, run.length);

  // The fight is over: whoever owns an id now keeps it, answers and last pushes come in.
  is_over = true;
  const auto is_answered = [&] { return std::ranges::all_of(lines, [](const auto& l) { return l->waiting_count() == 0; }); };
  if (!loop.run_until(is_answered, 10 * second)) run.faults[client] = "pushes without an answer";
  run.together.arrive_and_wait();
  loop.run_until([] { return false; }, second);
  for (std::size_t id = 0; id < run.ids; ++id) run.is_open_at_end[id][client] = contenders[id]->is_device_open();
  run.together.arrive_and_wait();

  for (auto& contender : contenders) contender->close(CloseCode::normal);
  for (auto& line : lines) {
    if (!line->is_idle()) line->drop();
  }
  if (!loop.run_until([&] { return all_idle(contenders) && all_idle(lines); }, 15 * second))
    run.faults[client] = "connections that do not end";
  for (auto& contender : contenders) {
    if (!contender->is_idle()) contender->drop();
  }
  loop.run_until([&] { return loop.streams_count() == 0; }, 5 * second);
}

void judge_owners(const Run& run, Verdict& verdict) {
  std::uint64_t two_owners = 0;
  std::uint64_t no_owner = 0;
  for (const auto& is_open : run.is_open_at_end) {
    if (is_open[0] && is_open[1]) ++two_owners;
    if (!is_open[0] && !is_open[1]) ++no_owner;
  }
  verdict.figure("two_owners", two_owners);
  verdict.figure("no_owner", no_owner);
  verdict.require(two_owners == 0, fmt::format("{} ids have two open connections at the end", two_owners));
  verdict.require(no_owner == 0, fmt::format("{} ids have lost both connections at the end", no_owner));
}

void judge_history(const Run& run, Verdict& verdict) {
  TakeoverTally tally;
  for (std::size_t id = 0; id < run.ids; ++id)
    tally.add(judge_takeover(run.histories[id][0], run.histories[id][1], run.pushes[id]));
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, std::uint64_t>>{{"connections", tally.connections},
                                                                    {"replaced", tally.replaced},
                                                                    {"ended_otherwise", tally.ended_otherwise},
                                                                    {"pushes", tally.pushes},
                                                                    {"delivered", tally.delivered},
                                                                    {"refused", tally.refused},
                                                                    {"lost", tally.lost},
                                                                    {"duplicated", tally.duplicated},
                                                                    {"reordered", tally.reordered},
                                                                    {"to_old_owner", tally.to_old_owner},
                                                                    {"corrupted", tally.corrupted}})
    verdict.figure(name, value);
  std::map<int, std::uint64_t> statuses;
  for (const auto& of_client : run.statuses) {
    for (const auto& [status, count] : of_client) statuses[status] += count;
  }
  for (const auto& [status, count] : statuses) verdict.figure(fmt::format("http_{}", status), count);
  verdict.require(tally.faults() == 0, fmt::format("{} connections or pushes went wrong", tally.faults()));
  verdict.require(tally.replaced > run.ids, "there was no fight: too few takeovers");
  verdict.require(tally.delivered > 0, "no push was delivered");
  for (const auto& fault : run.faults) verdict.require(fault.empty(), fault);
}

// The gauges must come back to where they were; they get ten seconds.
void judge_leaks(const load::Endpoint& admin, const load::Metrics& before, Verdict& verdict) {
  std::string leaks;
  for (int tries = 0; tries < 50; ++tries) {
    const auto now = load::read_metrics(admin);
    if (!now) return verdict.require(false, now.error());
    leaks.clear();
    for (const char* gauge : leak_gauges) {
      if (!now->contains(gauge) || !before.contains(gauge)) {
        leaks += fmt::format(" {} is missing", gauge);
      } else if (now->at(gauge) != before.at(gauge)) {
        leaks += fmt::format(" {} {} -> {}", gauge, before.at(gauge), now->at(gauge));
      }
    }
    if (leaks.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  verdict.figure("leaks", leaks.empty() ? "none" : "some");
  verdict.require(leaks.empty(), "leaked:" + leaks);
}

}  // namespace

int run_takeover(const StressOptions& options) {
  announce("takeover", options);
  const std::size_t ids = options.devices != 0 ? options.devices : options.is_sample ? 50 : 200;
  const unsigned seconds = options.seconds != 0 ? options.seconds : options.is_sample ? 3 : 60;
  Run run(ids);
  run.length = seconds * second;
  auto gate = load::GateProcess::start(
      {.binary = options.gate, .shards = 2, .settings = {}, .command = {}, .log_file = options.log_file});
  if (!gate) return give_up("takeover", gate.error());
  const auto before = load::read_metrics((*gate)->admin());
  if (!before) return give_up("takeover", before.error());

  Verdict verdict("takeover");
  std::jthread reporter([&](const std::stop_token& stop) {
    Progress progress("takeover");
    while (!stop.stop_requested()) {
      progress.tick(
          [&] { return fmt::format("{} connections, {} pushes received", run.connections.load(), run.receipts.load()); });
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  const auto ran = load::run_on_loops(clients_count, loop_options,
                                      [&](load::Loop& loop, unsigned client) { run_client(loop, client, **gate, run); });
  reporter.request_stop();
  if (!ran) return give_up("takeover", ran.error());

  judge_history(run, verdict);
  judge_owners(run, verdict);
  judge_leaks((*gate)->admin(), *before, verdict);
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("the gate ended with {}: {}", code, (*gate)->log_tail()));
  return verdict.finish();
}

}  // namespace ringgate::stress
