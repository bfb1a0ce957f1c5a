#include "sim/event_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "auth/text_coding.h"
#include "dispatch/upstream.h"

namespace ringgate::simulated {

namespace {

constexpr std::size_t record_bytes_max = 4096;

events::EventHub::Options hub_options(const Gate& gate, ring::FakeRandom& dice, bool is_patient) {
  return {.shards_count = gate.shards_count(),
          .ring_bytes = (is_patient ? 2 * record_bytes_max : std::size_t{4096}) << dice.below(4),
          .log_bytes = is_patient ? 32 * 1024 + dice.below(100'000) : 256 * 1024 * 1024,
          .boot = 1,
          .routes = {"/ws", "/handler", "/handler/up"},
          .wake = [](std::uint8_t) {},
          .clock = [] { return TimeNs{1}; },
          .threads = events::EventHub::Threads::none};
}

}  // namespace

RouteConfig EventWatch::route(bool is_patient) {
  return {
      .path = "/handler/up", .upstream = {"events"}, .on_overflow = is_patient ? OverflowPolicy::pause : OverflowPolicy::drop};
}

EventWatch::EventWatch(Gate& gate, ring::FakeRandom& dice, bool is_patient)
    : gate_(gate),
      dice_(dice),
      is_patient_(is_patient),
      hub_(hub_options(gate, dice, is_patient)),
      reader_(std::make_shared<events::EventReader>(events::EventReader::Options{.filter = {},
                                                                                 .format = &events::ndjson_format(),
                                                                                 .shard = 0,
                                                                                 .window_bytes = 1 + dice.below(20'000),
                                                                                 .start = hub_.log().at_end()})) {
  if (is_patient) hub_.set_patience(dispatch::events_sink, record_bytes_max);
  hub_.want();
  EXPECT_TRUE(hub_.reserve_reader());
  hub_.add_reader(reader_);
  for (std::size_t shard = 0; shard < gate.shards_count(); ++shard)
    gate.devices(shard).add_observer(observers_.emplace_back(hub_, static_cast<std::uint8_t>(shard), gate.ring(shard)));
}

void EventWatch::work() {
  for (events::EventObserver& observer : observers_)
    if (dice_.chance(0.8)) observer.finish_turn();
  if (dice_.chance(0.3)) (void)hub_.turn();
  if (dice_.chance(0.1)) (void)read_some();
}

void EventWatch::catch_up() {
  for (events::EventObserver& observer : observers_) observer.finish_turn();
  while (hub_.turn() || read_some()) {
  }
}

/// False if nothing was ready.
bool EventWatch::read_some() {
  auto taken = reader_->take();
  if (!taken) return false;
  EXPECT_EQ(taken->end_reason, "");
  text_ += taken->bytes;
  if (reader_->grant(taken->charged_bytes)) hub_.look_at_readers();
  std::size_t begin = 0;
  for (std::size_t end = text_.find('\n'); end != std::string::npos; begin = end + 1, end = text_.find('\n', begin))
    take_line(std::string_view(text_).substr(begin, end - begin));
  text_.erase(0, begin);
  return true;
}

void EventWatch::take_line(std::string_view line) {
  const auto event = nlohmann::json::parse(line);
  if (event["type"] != "device.message") return;
  std::string payload;
  if (event.contains("text")) {
    payload = event["text"].get<std::string>();
  } else {
    const auto text = event["base64"].get<std::string>();
    std::vector<std::uint8_t> bytes(text.size());
    const auto size = auth::decode_base64(text, auth::Base64::standard, bytes);
    ASSERT_TRUE(size);
    payload.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  said_[event["conn"].get<std::string>()].push_back(std::move(payload));
}

void EventWatch::check(const Said& heard) const {
  std::uint64_t missing = 0, dropped = 0;
  for (const auto& shard : hub_.shards()) dropped += shard.dropped[static_cast<std::size_t>(events::EventType::message)].get();
  for (const auto& [connection, texts] : heard) {
    SCOPED_TRACE("connection " + connection);
    const auto found = said_.find(connection);
    const std::vector<std::string> none;
    const std::vector<std::string>& came = found == said_.end() ? none : found->second;
    auto next = texts.begin();
    for (const std::string& text : came) {
      next = std::find(next, texts.end(), text);
      ASSERT_NE(next, texts.end()) << "an event is out of order, or came twice";
      ++next;
    }
    missing += texts.size() - came.size();
  }
  EXPECT_EQ(missing, dropped);
  if (is_patient_) {
    EXPECT_EQ(dropped, 0U);
  }
  EXPECT_EQ(hub_.reader_counters().missed.get(), 0U);
}

}  // namespace ringgate::simulated
