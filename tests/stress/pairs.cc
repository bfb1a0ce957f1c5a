// Every ordered pair of shards exchanges pushes: the memory of a gate of many shards follows what it uses.
//
// Of many devices one is chosen on each shard. In round R the device of shard I asks the embedder (push_embedder.cc) for pushes to
// the device of shard I + R, so that every device has one producer at a time and the order of its pushes is defined.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "push_fleet.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

constexpr DurationNs second = nanoseconds_per_second;
constexpr std::uint64_t pushes_per_request = 500;
constexpr std::size_t devices_per_shard = 16;  // the kernel spreads them: enough that no shard is left out

struct Pairs {
  std::size_t shards = 0;
  std::uint64_t pushes = 0;  // of each pair
};

/// The device that stands for each shard, by the shard's number.
class Representatives {
 public:
  Representatives(PushFleet& fleet, std::size_t shards) : fleet_(fleet), devices_(shards) {}

  bool find(DurationNs limit) {
    std::size_t answered = 0;
    fleet_.on_other_message = [&](PushDevice& device, const MessageView& message) {
      ++answered;
      std::string_view text = text_of(message.payload);
      std::size_t shard = devices_.size();
      if (text.starts_with("shard ")) std::from_chars(text.data() + 6, text.data() + text.size(), shard);
      if (shard < devices_.size() && devices_[shard] == nullptr) devices_[shard] = &device;
    };
    for (std::size_t i = 0; i < fleet_.size(); ++i) fleet_.device(i).send_message(MessageType::text, bytes_of("shard"));
    const bool is_over = fleet_.loop().run_until([&] { return answered == fleet_.size(); }, limit);
    fleet_.on_other_message = nullptr;
    return is_over && std::ranges::find(devices_, nullptr) == devices_.end();
  }

  PushDevice& of(std::size_t shard) const { return *devices_[shard % devices_.size()]; }
  std::size_t count() const { return devices_.size(); }

 private:
  PushFleet& fleet_;
  std::vector<PushDevice*> devices_;
};

/// One round: each shard pushes to the one that is `distance` further.
class Round {
 public:
  Round(PushFleet& fleet, const Representatives& all, std::size_t distance, std::uint64_t pushes)
      : fleet_(fleet), all_(all), distance_(distance), left_(all.count(), pushes) {
    fleet_.on_other_message = [this](PushDevice&, const MessageView& message) { take_result(text_of(message.payload)); };
  }
  ~Round() { fleet_.on_other_message = nullptr; }

  bool run(DurationNs limit) {
    for (std::size_t shard = 0; shard < all_.count(); ++shard) ask(shard);
    return fleet_.loop().run_until([this] { return done_ == all_.count() || !fault_.empty(); }, limit) && fault_.empty();
  }
  const std::string& fault() const { return fault_; }
  std::uint64_t refused() const { return refused_; }

 private:
  void ask(std::size_t shard) {
    const std::uint64_t count = std::min(left_[shard], pushes_per_request);
    if (count == 0) {
      ++done_;
      return;
    }
    left_[shard] -= count;
    const std::uint32_t target = all_.of(shard + distance_).number();
    const std::uint64_t first = fleet_.ledger().ask(target);
    for (std::uint64_t i = 1; i < count; ++i) fleet_.ledger().ask(target);
    askers_[target] = shard;
    const std::string request = fmt::format("push {} {} {} {}", fleet_.id_of(target), target, first, count);
    all_.of(shard).send_message(MessageType::text, bytes_of(request));
  }

  void take_result(std::string_view text) {
    const EmbedderResult found = read_embedder_result(text);
    const auto& [target, first, letters] = found;
    const auto asker = askers_.find(target);
    if (letters.empty() || asker == askers_.end()) {
      fault_ = "unreadable result: " + std::string(text);
      return;
    }
    for (std::uint64_t i = 0; i < letters.size(); ++i) {
      const bool delivered = letters[i] == 'd';
      if (!delivered) ++refused_;
      fleet_.ledger().answer(target, first + i, delivered ? PushOutcome::delivered : PushOutcome::refused);
    }
    ask(asker->second);
  }

  PushFleet& fleet_;
  const Representatives& all_;
  std::size_t distance_;
  std::vector<std::uint64_t> left_;              // to be asked for, by the asking shard
  std::map<std::uint32_t, std::size_t> askers_;  // target -> the shard that pushes to it
  std::size_t done_ = 0;
  std::uint64_t refused_ = 0;
  std::string fault_;
};

std::string mebibytes(std::uint64_t bytes) { return fmt::format("{:.1f}MiB", static_cast<double>(bytes) / (1 << 20)); }

/// Runs all rounds; what went wrong, or nothing.
std::string exchange(PushFleet& fleet, const Pairs& pairs, std::uint64_t& refused) {
  Representatives all(fleet, pairs.shards);
  if (!all.find(30 * second)) return "not every shard has a device";
  Progress progress("pairs");
  for (std::size_t distance = 1; distance < pairs.shards; ++distance) {
    Round round(fleet, all, distance, pairs.pushes);
    if (!round.run(120 * second))
      return fmt::format("round {}: {}", distance, round.fault().empty() ? "did not end" : round.fault());
    refused += round.refused();
    progress.tick([&] { return fmt::format("{} of {} rounds", distance, pairs.shards - 1); });
  }
  return {};
}

void judge(const PushTally& tally, const Pairs& pairs, Verdict& verdict) {
  verdict.figure("pushes", tally.asked);
  verdict.figure("received", tally.received);
  verdict.require(tally.asked == pairs.shards * (pairs.shards - 1) * pairs.pushes, "not all pushes were asked for");
  verdict.require(tally.unanswered == 0, fmt::format("{} pushes without a result", tally.unanswered));
  verdict.require(tally.faults() == 0, fmt::format("{} pushes went wrong", tally.faults()));
}

}  // namespace

int run_pairs(const StressOptions& options) {
  announce("pairs", options);
  Verdict verdict("pairs");
  const std::size_t shards = options.shards != 0 ? options.shards : options.is_sample ? 8 : 64;
  const Pairs pairs{shards, options.pushes != 0 ? options.pushes : options.is_sample ? 500 : 10'000};
  load::GateOptions embedder{.binary = options.gate, .shards = 0, .settings = {}, .command = {}, .log_file = options.log_file};
  embedder.command = {options.embedder, std::to_string(shards)};
  auto gate = load::GateProcess::start(embedder);
  if (!gate) return give_up("pairs", gate.error());
  verdict.figure("shards", shards);
  verdict.figure("pushes_per_pair", pairs.pushes);
  verdict.figure("resident_idle", mebibytes((*gate)->resident_bytes()));
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  auto loop = load::Loop::open(loop_options);
  if (!loop) return give_up("pairs", loop.error());
  load::DeviceTarget target;
  target.gate = (*gate)->devices();
  PushFleet fleet(**loop, target, {.id_prefix = "pair", .devices_count = shards * devices_per_shard});
  if (!fleet.open_all(60 * second)) return give_up("pairs", "devices did not open: " + fleet.first_failure());
  verdict.figure("resident_connected", mebibytes((*gate)->resident_bytes()));
  const TimeNs started = load::monotonic_now();
  std::uint64_t refused = 0;
  const std::string fault = exchange(fleet, pairs, refused);
  verdict.figure("took", milliseconds(load::monotonic_now() - started));
  verdict.figure("resident_after", mebibytes((*gate)->resident_bytes()));
  verdict.figure("refused", refused);
  verdict.require(fault.empty(), fault);
  fleet.close_all(30 * second);
  judge(fleet.ledger().tally(), pairs, verdict);
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("the gate ended with {}: {}", code, (*gate)->log_tail()));
  return verdict.finish();
}

}  // namespace ringgate::stress
