#include "push_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "load/numbered_payload.h"

namespace ringgate::stress {
namespace {

bool is_push(ByteView payload) {
  return !payload.empty() && std::string_view("0123456789abcdef").contains(static_cast<char>(payload.front()));
}

}  // namespace

void PushDevice::on_open() {
  ++fleet_.open_;
  fleet_.opening_.settle();
}

void PushDevice::on_message(const MessageView& message) {
  if (is_push(message.payload)) return fleet_.ledger_.receive(number_, message.payload);
  if (fleet_.on_other_message) fleet_.on_other_message(*this, message);
}

void PushDevice::on_close(const load::Ending& ending) {
  --fleet_.open_;
  if (!ending.fault.empty() && fleet_.first_failure_.empty()) fleet_.first_failure_ = ending.fault;
  if (fleet_.on_device_closed) fleet_.on_device_closed(*this, ending);
}

void PushDevice::on_failed(const load::OpeningFailure& failure) {
  if (fleet_.first_failure_.empty()) fleet_.first_failure_ = fmt::format("{} {}", failure.status, failure.text);
  fleet_.opening_.settle();
}

PushFleet::PushFleet(load::Loop& loop, const load::DeviceTarget& target, const FleetOptions& options)
    : loop_(loop),
      options_(options),
      ledger_(options.device_first, options.devices_count),
      opening_(options.devices_count, options.opening_at_once,
               [this](std::size_t index) { devices_[index]->open(id_of(devices_[index]->number())); }) {
  for (std::size_t i = 0; i < options.devices_count; ++i)
    devices_.push_back(std::make_unique<PushDevice>(*this, loop, target, options.device_first + static_cast<std::uint32_t>(i)));
}

bool PushFleet::open_all(DurationNs limit) {
  opening_.start();
  return loop_.run_until([&] { return opening_.is_done(); }, limit) && open_ == devices_.size();
}

void PushFleet::close_all(DurationNs limit) {
  const auto all_idle = [&] { return std::ranges::all_of(devices_, [](const auto& d) { return d->is_idle(); }); };
  for (auto& device : devices_) device->close(CloseCode::normal);
  if (loop_.run_until(all_idle, limit)) return;
  for (auto& device : devices_) {
    if (!device->is_idle()) device->drop();
  }
  loop_.run_until(all_idle, limit);
}

EmbedderResult read_embedder_result(std::string_view text) {
  constexpr std::string_view begin = "result ";
  if (!text.starts_with(begin)) return {};
  EmbedderResult found;
  const char* const end = text.data() + text.size();
  const auto after_target = std::from_chars(text.data() + begin.size(), end, found.target);
  const auto after_first = std::from_chars(std::min(after_target.ptr + 1, end), end, found.first);
  found.letters = {std::min(after_first.ptr + 1, end), end};
  return found;
}

std::string make_push_payload(std::uint32_t device, std::uint64_t number, load::Random& random) {
  const std::uint64_t dice = random.below(500);
  const std::size_t above = dice == 0 ? 20'000 : dice < 10 ? 4'000 : 160;
  const auto size = load::numbered_payload_bytes_min + static_cast<std::size_t>(random.below(above));
  return load::make_numbered_payload({device, number}, size, random);
}

class HttpPusher::Line final : public load::AdminLine {
 public:
  Line(HttpPusher& pusher, const load::Endpoint& admin, std::size_t first)
      : AdminLine(pusher.fleet_.loop(), admin), pusher_(pusher), next_(first) {}

  void pump() {
    while (is_open() && waiting_count() < pusher_.options_.window && !pusher_.is_stopped_ && is_wanted()) push_next();
  }

 private:
  bool is_wanted() const {
    return next_ < pusher_.fleet_.size() && (pusher_.options_.pushes == 0 || pusher_.asked_ < pusher_.options_.pushes);
  }

  void push_next() {
    PushFleet& fleet = pusher_.fleet_;
    const std::uint32_t device = fleet.device(next_).number();
    const std::uint64_t number = fleet.ledger().ask(device);
    const std::size_t bytes = pusher_.options_.payload_bytes;
    const std::string payload = bytes == 0 ? make_push_payload(device, number, loop().random())
                                           : load::make_numbered_payload({device, number}, bytes, loop().random());
    const auto type = number % 2 == 0 ? MessageType::text : MessageType::binary;
    push(fleet.id_of(device), {type, bytes_of(payload)}, (std::uint64_t{device} << 32) | number);
    ++pusher_.asked_;
    next_ += pusher_.options_.lines;
    if (next_ >= fleet.size()) next_ %= pusher_.options_.lines;
  }

  void on_line_open() override { pump(); }

  void on_answer(const load::PushAnswer& answer) override {
    ++pusher_.statuses_[answer.status];
    const auto device = static_cast<std::uint32_t>(answer.ticket >> 32);
    pusher_.fleet_.ledger().answer(device, answer.ticket & 0xffffffff,
                                   answer.status == 200 ? PushOutcome::delivered : PushOutcome::refused);
    if (pusher_.options_.pause == 0) return pump();
    loop().after(pusher_.options_.pause, [this] { pump(); });
  }

  void on_line_ended(const std::deque<std::uint64_t>& unanswered, std::string_view cause) override {
    if (pusher_.is_end_expected_ || (unanswered.empty() && pusher_.is_stopped_)) return;
    if (pusher_.fault_.empty())
      pusher_.fault_ = fmt::format("an admin connection ended: {}, {} pushes unanswered", cause, unanswered.size());
  }

  HttpPusher& pusher_;
  std::size_t next_;
};

HttpPusher::HttpPusher(PushFleet& fleet, const load::Endpoint& admin, const HttpPushOptions& options)
    : fleet_(fleet), options_(options) {
  for (unsigned i = 0; i < options.lines; ++i) lines_.push_back(std::make_unique<Line>(*this, admin, i));
}

HttpPusher::~HttpPusher() = default;

void HttpPusher::start() {
  for (auto& line : lines_) line->open();
}

bool HttpPusher::has_answers() const {
  return std::ranges::all_of(lines_, [](const auto& line) { return line->waiting_count() == 0; });
}

void HttpPusher::close(DurationNs limit) {
  is_stopped_ = true;
  for (auto& line : lines_) {
    if (!line->is_idle()) line->drop();
  }
  fleet_.loop().run_until([&] { return std::ranges::all_of(lines_, [](const auto& l) { return l->is_idle(); }); }, limit);
}

}  // namespace ringgate::stress
