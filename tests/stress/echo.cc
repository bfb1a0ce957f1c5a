// Echo, byte by byte: every size, both types, whole and in 2, 3 and 64 fragments, pings between, on one and
// two shards, with each feature of the ring masked in turn.
//
// Each device does the whole matrix in an order of its own and keeps a window of messages under way, so that
// frames arrive alone, in runs and cut at any place.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "load/admin_query.h"
#include "load/device_client.h"
#include "stress.h"

namespace ringgate::stress {
namespace {

using load::Random;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t window_bytes = mebibyte;
constexpr std::size_t pings_waiting_max = 32;  // the gate may join pongs when more than 64 wait
constexpr unsigned devices_per_shard = 2;      // at least
constexpr std::size_t devices_max = 40;
constexpr DurationNs stall_limit = 20 * nanoseconds_per_second;

struct Item {
  std::size_t size = 0;
  MessageType type = MessageType::binary;
  unsigned fragments = 1;
};

std::vector<Item> matrix(bool is_sample) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 300; size += is_sample ? 3 : 1) sizes.push_back(size);
  for (std::size_t size = 65'530; size <= 65'540; ++size) sizes.push_back(size);
  sizes.push_back(mebibyte);
  if (!is_sample) sizes.push_back(16 * mebibyte);
  std::vector<Item> items;
  for (const std::size_t size : sizes) {
    for (const auto type : {MessageType::text, MessageType::binary}) {
      for (const unsigned fragments : {1U, 2U, 3U, 64U}) items.push_back({size, type, fragments});
    }
  }
  return items;
}

// Exactly `size` bytes of UTF-8: characters of one to four bytes as long as they fit.
std::string random_text(std::size_t size, Random& random) {
  static constexpr std::array<std::string_view, 8> characters{
      "a", "Z", "~", "\xc3\xa9", "\xdf\xbf", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
  std::string text;
  text.reserve(size);
  while (text.size() < size) {
    const auto character = characters[random.below(characters.size())];
    text += character.size() <= size - text.size() ? character : std::string_view("x");
  }
  return text;
}

std::string random_bytes(std::size_t size, Random& random) {
  std::string bytes(size, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

class EchoDevice final : public load::DeviceClient {
 public:
  EchoDevice(load::Loop& loop, const load::DeviceTarget& target, std::string id, std::size_t window)
      : DeviceClient(loop, target), id_(std::move(id)), window_(window) {}

  void start() { open(id_); }
  void run(std::vector<Item> items) {
    items_ = std::move(items);
    for (std::size_t i = items_.size(); i > 1; --i) std::swap(items_[i - 1], items_[loop().random().below(i)]);
    pump();
  }
  void finish() { close(CloseCode::normal); }

  const std::string& id() const { return id_; }
  bool is_ready() const { return is_device_open(); }
  bool has_ended() const { return has_ended_; }
  std::uint64_t echoed() const { return echoed_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t pongs() const { return pongs_; }
  const std::string& fault() const { return fault_; }
  std::string waiting_for() const {
    if (expected_.empty()) return fmt::format("{} pongs", pings_.size());
    const auto& item = expected_.front().item;
    return fmt::format("a {} message of {} bytes in {} fragments", item.type == MessageType::text ? "text" : "binary", item.size,
                       item.fragments);
  }

 private:
  struct Expected {
    Item item;
    std::string payload;
  };

  void pump() {
    while (next_ < items_.size() && pings_.size() < pings_waiting_max && has_room_for(items_[next_].size))
      send_item(items_[next_++]);
    if (next_ == items_.size() && expected_.empty() && pings_.empty()) finish();
  }

  bool has_room_for(std::size_t size) const {
    return expected_.empty() || (expected_.size() < window_ && under_way_ + size <= window_bytes);
  }

  void send_item(const Item& item) {
    Random& random = loop().random();
    expected_.push_back(
        {item, item.type == MessageType::text ? random_text(item.size, random) : random_bytes(item.size, random)});
    under_way_ += item.size;
    const ByteView payload = bytes_of(expected_.back().payload);
    std::vector<std::size_t> cuts(item.fragments - 1);
    for (auto& cut : cuts) cut = static_cast<std::size_t>(random.below(item.size + 1));
    std::ranges::sort(cuts);
    cuts.push_back(item.size);

    std::size_t start = 0;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const auto first = item.type == MessageType::text ? load::Opcode::text : load::Opcode::binary;
      const bool is_last = i + 1 == cuts.size();
      send_frame({i == 0 ? first : load::Opcode::continuation, is_last, payload.subspan(start, cuts[i] - start)});
      start = cuts[i];
      if (i % 16 == 0) send_ping(random);
    }
  }

  void send_ping(Random& random) {
    pings_.push_back(random_bytes(static_cast<std::size_t>(random.below(126)), random));
    ping(bytes_of(pings_.back()));
  }

  void on_open() override {}

  void on_message(const MessageView& message) override {
    if (expected_.empty()) return fail("a message that was never sent");
    const Expected& front = expected_.front();
    if (message.type != front.item.type) return fail("type changed: " + waiting_for());
    if (text_of(message.payload) != front.payload) return fail("bytes changed: " + waiting_for());
    ++echoed_;
    bytes_ += front.item.size;
    under_way_ -= front.item.size;
    expected_.pop_front();
    pump();
  }

  void on_pong(ByteView payload) override {
    if (pings_.empty() || text_of(payload) != pings_.front()) return fail("a pong that answers no ping in order");
    pings_.pop_front();
    ++pongs_;
    pump();
  }

  void on_close(const load::Ending& ending) override {
    has_ended_ = true;
    if (!fault_.empty()) return;
    if (!ending.fault.empty()) fault_ = ending.fault;
    if (ending.code != CloseCode::normal) fault_ = fmt::format("closed with {} {}", static_cast<int>(ending.code), ending.reason);
  }

  void on_failed(const load::OpeningFailure& failure) override {
    has_ended_ = true;
    fault_ = fmt::format("handshake: {} {}", failure.status, failure.text);
  }

  void fail(std::string fault) {
    fault_ = std::move(fault);
    drop();
  }

  std::string id_;
  std::size_t window_;
  std::vector<Item> items_;
  std::size_t next_ = 0;
  std::deque<Expected> expected_;
  std::deque<std::string> pings_;
  std::size_t under_way_ = 0;
  std::uint64_t echoed_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t pongs_ = 0;
  bool has_ended_ = false;
  std::string fault_;
};

struct Round {
  unsigned shards = 1;
  std::string name;
  std::vector<std::string> settings;
};

std::vector<Round> rounds(bool is_sample) {
  const std::array<std::string, 5> features{"multishot_recv", "direct_descriptors", "silent_sends", "incremental_buffers",
                                            "msg_ring"};
  std::vector<std::string> all_off;
  for (const auto& feature : features) all_off.push_back("ring." + feature + "=off");
  std::vector<Round> all;
  for (const unsigned shards : {1U, 2U}) {
    all.push_back({shards, "everything on", {}});
    if (!is_sample) {
      for (const auto& setting : all_off) all.push_back({shards, setting, {setting}});
    }
    all.push_back({shards, "everything off", all_off});
  }
  return all;
}

using Devices = std::vector<std::unique_ptr<EchoDevice>>;

// Opens devices until every shard has enough of them: which shard gets a connection is the kernel's choice.
// Nothing, or why it did not work; `devices` has those that were started in any case.
std::optional<std::string> open_on_every_shard(load::Loop& loop, const load::DeviceTarget& target, const load::Endpoint& admin,
                                               unsigned shards, Devices& devices) {
  static constexpr std::array<std::size_t, 4> windows{1, 64, 8, 200};
  std::vector<unsigned> per_shard(shards, 0);
  while (std::ranges::min(per_shard) < devices_per_shard) {
    if (devices.size() == devices_max) return fmt::format("{} connections did not reach every shard", devices_max);
    const std::size_t index = devices.size();
    auto& device = *devices.emplace_back(
        std::make_unique<EchoDevice>(loop, target, fmt::format("echo-{}", index), windows[index % windows.size()]));
    device.start();
    loop.run_until([&] { return device.is_ready() || device.has_ended(); }, stall_limit);
    if (!device.is_ready()) return "no connection: " + device.fault();
    const auto record = load::query(admin, "/v1/devices/" + device.id());
    if (!record) return record.error();
    const auto fields = nlohmann::json::parse(record->body, nullptr, false);
    const unsigned shard = fields.is_object() ? fields.value("shard", shards) : shards;
    if (shard >= shards) return "no shard in the device's record: " + record->body;
    ++per_shard[shard];
  }
  return std::nullopt;
}

void drop_all(load::Loop& loop, Devices& devices) {
  for (auto& device : devices) {
    if (!device->is_idle()) device->drop();
  }
  loop.run_until([&] { return loop.streams_count() == 0; }, stall_limit);
}

// Runs until all devices have ended or none has moved for `stall_limit`.
void run_matrix(load::Loop& loop, Devices& devices, const std::string& name, Progress& progress) {
  const auto moved = [&] {
    std::uint64_t sum = 0;
    for (const auto& device : devices) sum += device->echoed() + device->pongs();
    return sum;
  };
  const auto all_ended = [&] { return std::ranges::all_of(devices, [](const auto& d) { return d->has_ended(); }); };
  std::uint64_t before = 0;
  TimeNs moved_at = load::monotonic_now();
  while (!all_ended() && load::monotonic_now() - moved_at < stall_limit) {
    loop.turn(20 * nanoseconds_per_millisecond);
    if (const std::uint64_t now = moved(); now != before) {
      before = now;
      moved_at = load::monotonic_now();
    }
    progress.tick([&] { return fmt::format("{}: {} messages and pongs", name, before); });
  }
}

struct Totals {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t pongs = 0;
};

// One gate, one configuration, the whole matrix on every device.
void run_round(const Round& round, const StressOptions& options, load::Loop& loop, Verdict& verdict, Totals& totals,
               Progress& progress) {
  const std::string name = fmt::format("{} shard(s), {}", round.shards, round.name);
  load::GateOptions gate_options{
      .binary = options.gate, .shards = round.shards, .settings = round.settings, .command = {}, .log_file = options.log_file};
  gate_options.settings.insert(gate_options.settings.end(), {"limits.max_message=16MiB", "limits.max_fragments=65537"});
  auto gate = load::GateProcess::start(gate_options);
  if (!gate) return verdict.require(false, name + ": " + gate.error());

  load::DeviceTarget target;
  target.gate = (*gate)->devices();
  Devices devices;
  const auto failure = open_on_every_shard(loop, target, (*gate)->admin(), round.shards, devices);
  if (failure) {
    drop_all(loop, devices);
    return verdict.require(false, name + ": " + *failure);
  }
  const auto items = matrix(options.is_sample);
  for (auto& device : devices) device->run(items);
  run_matrix(loop, devices, name, progress);

  for (const auto& device : devices) {
    const bool is_done = device->has_ended() && device->echoed() == items.size();
    const std::string fault = device->fault().empty() ? "waited for " + device->waiting_for() : device->fault();
    verdict.require(is_done && device->fault().empty(), fmt::format("{}, {}: {}", name, device->id(), fault));
    totals.messages += device->echoed();
    totals.bytes += device->bytes();
    totals.pongs += device->pongs();
  }
  drop_all(loop, devices);
  const int code = (*gate)->stop();
  verdict.require(code == 0, fmt::format("{}: the gate ended with {}: {}", name, code, (*gate)->log_tail()));
}

}  // namespace

int run_echo(const StressOptions& options) {
  announce("echo", options);
  load::LoopOptions loop_options;
  loop_options.seed = options.seed;
  auto loop = load::Loop::open(loop_options);
  if (!loop) return give_up("echo", loop.error());
  Verdict verdict("echo");
  Progress progress("echo");
  Totals totals;
  const auto all = rounds(options.is_sample);
  for (const auto& round : all) run_round(round, options, **loop, verdict, totals, progress);
  verdict.figure("rounds", all.size());
  verdict.figure("matrix", matrix(options.is_sample).size());
  verdict.figure("messages", totals.messages);
  verdict.figure("bytes", totals.bytes);
  verdict.figure("pongs", totals.pongs);
  return verdict.finish();
}

}  // namespace ringgate::stress
