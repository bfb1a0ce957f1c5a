#include "real_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <thread>

#include "bytes.h"
#include "load/admin_query.h"
#include "socket_channel.h"

namespace ringgate::abuse {

namespace {

constexpr std::array<std::string_view, 4> gauges{"ringgate_slots_used", "ringgate_buffers_lent", "ringgate_descriptors_used",
                                                 "ringgate_operations_in_flight"};
constexpr auto leak_patience = std::chrono::seconds(5);

/// So that a row that waits for the end of its connection does not take seconds, and the witness needs to answer no ping.
std::vector<std::string> with_defaults(std::vector<std::string> settings) {
  for (const std::string usual : {"limits.close_timeout=200ms", "limits.ping_interval=1h"}) {
    const std::string key = usual.substr(0, usual.find('=') + 1);
    if (std::ranges::none_of(settings, [&](const std::string& one) { return one.starts_with(key); })) settings.push_back(usual);
  }
  return with_own_settings(std::move(settings));
}

}  // namespace

std::string RealWorld::prepare(const std::vector<std::string>& settings, Port port) {
  if (!gate_ || settings != settings_)
    if (std::string fault = start(settings); !fault.empty()) return fault;
  if (port == Port::devices && witness_) {
    witness_.reset();
    return leftovers();
  }
  if (port == Port::admin && (!witness_ || witness_->view().has_ended()) && !connect_witness())
    return "the witness cannot connect: " + gate_->log_tail();
  return "";
}

std::string RealWorld::start(const std::vector<std::string>& settings) {
  abandon();
  load::GateOptions options;
  options.binary = how_.binary;
  options.settings = with_defaults(settings);
  if (how_.sealed != nullptr) std::ranges::copy(how_.sealed->settings(), std::back_inserter(options.settings));
  options.log_file = log_file_;
  auto gate = load::GateProcess::start(options);
  if (!gate) return gate.error();
  gate_ = std::move(*gate);
  settings_ = settings;
  at_start_ = holdings();
  return "";
}

void RealWorld::abandon() {
  witness_.reset();
  gate_.reset();
}

bool RealWorld::connect_witness() {
  witness_ = connect(Port::devices);
  pushes_seen_ = 0;
  witness_->send(good_upgrade(witness_id));
  witness_->wait_until([](const WireView& view) { return view.is_upgraded(); });
  return witness_->view().is_upgraded();
}

std::unique_ptr<Channel> RealWorld::connect(Port port) {
  return std::make_unique<SocketChannel>(port == Port::devices ? gate_->devices() : gate_->admin(),
                                         how_.sealed == nullptr ? nullptr : how_.sealed->next_context());
}

std::optional<SeenAnswer> RealWorld::ask(std::string_view target) const {
  SocketChannel channel(gate_->admin(), how_.sealed == nullptr ? nullptr : how_.sealed->next_context());
  channel.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  channel.wait_until([](const WireView& view) { return view.has_ended(); });
  if (channel.view().answers().empty()) return std::nullopt;
  return channel.view().answers().front();
}

/// The pong to a ping of its own comes behind whatever was pushed before.
std::vector<std::string> RealWorld::take_pushes() {
  if (!witness_) return {};
  const auto is_pong = [](const WireView& view) {
    return !view.frames().empty() && view.frames().back().opcode == ws::Opcode::pong;
  };
  witness_->send(frame(0x89, "so far?"));
  witness_->wait_until(is_pong);
  if (is_pong(witness_->view())) witness_->view().drop_last_frame();
  std::vector<std::string> pushes;
  const auto& frames = witness_->view().frames();
  for (; pushes_seen_ < frames.size(); ++pushes_seen_) pushes.push_back(frames[pushes_seen_].payload);
  return pushes;
}

RealWorld::Holdings RealWorld::holdings() const {
  Holdings found;
  const auto answer = ask("/metrics");
  const load::Metrics metrics = load::parse_metrics(answer && answer->status == 200 ? answer->body : "");
  for (const std::string_view gauge : gauges) {
    const auto sample = metrics.find(gauge);
    found.emplace(gauge, sample != metrics.end() ? sample->second : -1);
  }
  return found;
}

/// With a witness there is one connection more, and its receive.
std::string RealWorld::leftovers() {
  Holdings wanted = at_start_;
  if (witness_)
    for (auto& [gauge, count] : wanted) count += gauge == "ringgate_buffers_lent" ? 0 : 1;
  Holdings now = holdings();
  for (const auto end = std::chrono::steady_clock::now() + leak_patience; now != wanted; now = holdings()) {
    if (std::chrono::steady_clock::now() > end) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::string text;
  for (const auto& [gauge, count] : now)
    if (count != wanted[gauge]) text += fmt::format("left over: {} is {} instead of {}; ", gauge, count, wanted[gauge]);
  return text;
}

}  // namespace ringgate::abuse
