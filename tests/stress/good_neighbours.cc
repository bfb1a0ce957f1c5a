#include "good_neighbours.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/numbered_payload.h"

namespace ringgate::stress {

class GoodNeighbours::Device final : public load::DeviceClient {
 public:
  Device(GoodNeighbours& all, const load::DeviceTarget& target, std::uint32_t number)
      : DeviceClient(all.loop_, target), all_(all), number_(number) {}

  void start() { open(fmt::format("good-{}", number_)); }

  void send_due(TimeNs due) {
    if (!is_device_open()) return;
    const std::string payload = load::make_numbered_payload({number_, sent_++}, 64, loop().random());
    due_.push_back(due);
    send_message(MessageType::text, bytes_of(payload));
  }

 private:
  void on_open() override { all_.opening_.settle(); }

  void on_message(const MessageView& message) override {
    const load::PayloadNumber expected{number_, sent_ - due_.size()};
    if (due_.empty() || load::read_numbered_payload(message.payload) != expected) return fail("got a wrong echo");
    if (all_.latencies_ != nullptr) all_.latencies_->record(load::monotonic_now() - due_.front());
    due_.pop_front();
    ++all_.echoed_;
  }

  void on_close(const load::Ending& ending) override {
    if (!all_.is_stopped_) fail(fmt::format("ended with {} {}", static_cast<int>(ending.code), ending.fault));
  }

  void on_failed(const load::OpeningFailure& failure) override {
    fail(fmt::format("was refused: {} {}", failure.status, failure.text));
    all_.opening_.settle();
  }

  void fail(const std::string& what) {
    if (all_.fault_.empty()) all_.fault_ = fmt::format("good device {} {}", number_, what);
  }

  GoodNeighbours& all_;
  std::uint32_t number_;
  std::uint64_t sent_ = 0;
  std::deque<TimeNs> due_;
};

GoodNeighbours::GoodNeighbours(load::Loop& loop, const load::DeviceTarget& target, std::size_t count, DurationNs interval)
    : loop_(loop), opening_(count, 256, [this](std::size_t index) { devices_[index]->start(); }), interval_(interval / count) {
  for (std::size_t i = 0; i < count; ++i)
    devices_.push_back(std::make_unique<Device>(*this, target, static_cast<std::uint32_t>(i)));
}

GoodNeighbours::~GoodNeighbours() = default;

bool GoodNeighbours::open_all(DurationNs limit) {
  opening_.start();
  return loop_.run_until([&] { return opening_.is_done(); }, limit) && fault_.empty();
}

void GoodNeighbours::start() {
  next_due_ = load::monotonic_now();
  tick();
}

// One device after the other, each at its due time; late ones are sent at once and keep their due time.
void GoodNeighbours::tick() {
  if (is_stopped_) return;
  const TimeNs now = load::monotonic_now();
  while (next_due_ <= now) {
    devices_[next_++ % devices_.size()]->send_due(next_due_);
    next_due_ += interval_;
  }
  loop_.after(next_due_ - now, [this] { tick(); });
}

void GoodNeighbours::close_all(DurationNs limit) {
  is_stopped_ = true;
  const auto all_idle = [&] { return std::ranges::all_of(devices_, [](const auto& d) { return d->is_idle(); }); };
  for (auto& device : devices_) device->close(CloseCode::normal);
  if (loop_.run_until(all_idle, limit)) return;
  for (auto& device : devices_) {
    if (!device->is_idle()) device->drop();
  }
  loop_.run_until(all_idle, limit);
}

}  // namespace ringgate::stress
