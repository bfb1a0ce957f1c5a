#include "load/measure/echo_run.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>

#include "load/client_frame.h"
#include "load/loop.h"
#include "load/measure/dial.h"

namespace ringgate::measure {
namespace {

constexpr std::size_t arena_bytes_min = 256 * 1024;
constexpr unsigned batch_max = 64;
constexpr DurationNs batch_limit = nanoseconds_per_millisecond;  // how long to wait for a whole batch
constexpr DurationNs idle_limit = 10 * nanoseconds_per_millisecond;
constexpr DurationNs opening_limit = 10 * nanoseconds_per_second;
constexpr DurationNs stall_limit = 10 * nanoseconds_per_second;
constexpr DurationNs drain_limit = 5 * nanoseconds_per_second;
constexpr std::uint64_t outstanding_max = 8'000'000;  // open loop: units that the server may be behind

DurationNs duration(double seconds) { return static_cast<DurationNs>(seconds * 1e9); }

UnitShape shape_of(const RunOptions& options) {
  return {options.protocol,  options.payload,     options.size, messages_per_unit(options),
          options.fragments, options.is_deflated, options.seed};
}

}  // namespace

EchoRun::EchoRun(const RunOptions& options)
    : options_(options),
      target_(*load::parse_endpoint(options.target)),
      form_(shape_of(options)),
      random_(options.seed),
      cpu_window_(options.cpu, options.server_cpu, options.server_pid),
      progress_(options.is_quiet) {
  arena_.resize(std::max(arena_bytes_min, form_.request_bytes_max()) + UnitForm::build_slack);
  units_per_send_max_ = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, (arena_.size() - UnitForm::build_slack) / std::max<std::size_t>(1, form_.request_bytes_max())));
}

RunResult EchoRun::run() {
  const auto opened = open_all();
  if (!opened) {
    result_.could_run = false;
    result_.error_text = opened.error();
    return std::move(result_);
  }
  drive();
  finish();
  return std::move(result_);
}

std::expected<void, std::string> EchoRun::open_all() {
  if (options_.cpu >= 0 && !pin_thread(options_.cpu))
    return std::unexpected(fmt::format("cannot run on processor {}", options_.cpu));
  raise_descriptor_limit();
  if (is_open_loop()) prctl(PR_SET_TIMERSLACK, 1);
  const std::size_t units = is_open_loop() ? 1 : options_.in_flight;
  if (options_.is_tls) {
    auto tls = load::TlsContext::open(load::TlsBuffers::kept);
    if (!tls) return std::unexpected(tls.error());
    tls_ = std::move(*tls);
    plain_.resize(std::max(arena_.size(), tls::record_bytes_max));
    arena_.resize(load::TlsClient::sealed_bytes_max(arena_.size()));
  }
  const std::size_t reply_bytes = form_.reply_bytes() * units;
  auto ring = EchoRing::open({options_.connections, tls_ ? load::TlsClient::sealed_bytes_max(reply_bytes) : reply_bytes});
  if (!ring) return std::unexpected(ring.error());
  ring_ = std::move(*ring);
  connections_.reserve(options_.connections);
  dirty_.reserve(options_.connections);
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    if (auto opened = open_one(i); !opened) {
      ++result_.connect_failures;
      return std::unexpected(fmt::format("connection {} to {}: {}", i, target_.text, opened.error()));
    }
  }
  return {};
}

std::expected<void, std::string> EchoRun::open_one(std::uint32_t index) {
  auto socket = dial(target_, index, opening_limit);
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<load::TlsClient> tls;
  if (tls_ != nullptr) {
    tls = std::make_unique<load::TlsClient>(*tls_);
    if (auto opened = open_tls(*socket, *tls); !opened) return std::unexpected(opened.error());
  }
  std::string early;
  if (options_.protocol == Protocol::websocket) {
    const auto target = device_target(options_.path, options_.id_prefix + std::to_string(index));
    auto opened =
        open_websocket(*socket, tls.get(), target_, target, options_.is_deflated ? Offer::deflate : Offer::nothing, random_);
    if (!opened) return std::unexpected(opened.error());
    early = std::move(*opened);
  }
  if (!ring_->install(index, socket->release())) return std::unexpected("the kernel refused the direct descriptor");
  connections_.emplace_back(ReplyReader(form_, index)).tls = std::move(tls);
  ring_->receive(index);
  if (!early.empty() && !read_replies(index, bytes_of(early))) return std::unexpected(result_.error_text);
  return {};
}

void EchoRun::drive() {
  now_ = load::monotonic_now();
  arrived_at_ = now_;
  window_start_ = now_ + duration(options_.warmup);
  window_end_ = window_start_ + duration(options_.seconds);
  progress_.start(now_);
  if (is_open_loop()) {
    schedule_ = Schedule(now_, options_.rate);
  } else {
    outstanding_ = std::uint64_t{options_.connections} * options_.in_flight;
    for (std::uint32_t i = 0; i < options_.connections; ++i) {
      connections_[i].units_due = options_.in_flight;
      make_dirty(i);
    }
  }
  while (go_on()) {
    if (is_open_loop() && phase_ != Phase::draining) schedule_due();
    flush();
    ring_->enter(wait());
    now_ = load::monotonic_now();
    if (phase_ == Phase::warming && now_ >= window_start_) begin_window();
    if (phase_ == Phase::measuring && now_ >= window_end_) end_window();
    const std::size_t count = ring_->drain([this](const EchoCompletion& completion) { take(completion); });
    last_batch_ = static_cast<unsigned>(count);
    progress_.tick(now_, phase_ == Phase::warming ? "warming" : "measuring", units_ * form_.shape().messages, result_.latency);
  }
  if (phase_ != Phase::draining) end_window();
  progress_.end();
}

bool EchoRun::go_on() {
  if (is_failed_) return false;
  if (phase_ == Phase::draining) {
    if (outstanding_ == 0) return false;
    if (now_ > window_end_ + drain_limit) fail(fmt::format("{} units were not answered within 5 s after the end", outstanding_));
  } else if (outstanding_ != 0 && now_ > arrived_at_ + stall_limit) {
    fail(fmt::format("nothing came for 10 s while {} units were under way", outstanding_));
  } else if (outstanding_ > outstanding_max) {
    fail(fmt::format("the server fell {} units behind the rate", outstanding_));
  }
  return !is_failed_;
}

void EchoRun::begin_window() {
  phase_ = Phase::measuring;
  result_.latency = load::Histogram();
  result_.lateness = load::Histogram();
  units_ = 0;
  enters_before_ = ring_->enters();
  cpu_window_.start(now_);
  window_end_ = now_ + duration(options_.seconds);
}

void EchoRun::end_window() {
  if (phase_ == Phase::measuring) {
    cpu_window_.end(now_);
    result_.units = units_;
    result_.client = cpu_window_.client();
    result_.client.enters = ring_->enters() - enters_before_;
  }
  phase_ = Phase::draining;
}

// Closed loop: waits for at most half of the connections, so that the server has work during this side's turn. Open loop: waits
// for one completion, or the batch would add to the latency.
EchoRing::Wait EchoRun::wait() const {
  if (!dirty_.empty()) return {1, 0};
  if (is_open_loop()) {
    const TimeNs due = phase_ == Phase::draining ? now_ + idle_limit : schedule_.next_due();
    return {1, due <= now_ ? 0 : std::min(idle_limit, due - now_)};
  }
  if (phase_ == Phase::draining) return {1, idle_limit};
  const unsigned most = std::clamp(options_.connections / 2, 1U, batch_max);
  const unsigned least = std::clamp(last_batch_, 1U, most);
  return {least, least == 1 ? idle_limit : batch_limit};
}

void EchoRun::schedule_due() {
  const TimeNs now = load::monotonic_now();
  now_ = now;
  while (schedule_.is_due(now)) {
    const TimeNs due = schedule_.next_due();
    const auto index = static_cast<std::uint32_t>(schedule_.take() % options_.connections);
    connections_[index].times.push(due);
    ++connections_[index].units_due;
    ++outstanding_;
    result_.lateness.record(now - due);
    make_dirty(index);
  }
}

void EchoRun::lose(std::uint32_t index, std::string what) { fail(fmt::format("connection {}: {}", index, what)); }

void EchoRun::fail(std::string what) {
  ++result_.errors;
  if (result_.error_text.empty()) result_.error_text = std::move(what);
  is_failed_ = true;
}

void EchoRun::finish() {
  result_.window = cpu_window_.length();
  result_.messages = result_.units * form_.shape().messages;
  result_.bytes = result_.messages * (options_.protocol == Protocol::raw ? form_.reply_frame_bytes() : options_.size);
  result_.server = cpu_window_.server();
  result_.client.short_sends = short_sends_;
  const bool is_asleep_sometimes = result_.client.idle_share >= 0.02;
  if (is_open_loop()) {
    result_.client.is_bottleneck = result_.lateness.at(0.99) > nanoseconds_per_millisecond / 2;
  } else {
    result_.client.is_bottleneck = !is_asleep_sometimes && cpu_window_.server_busy_share() < 0.99;
  }
  if (!is_failed_) say_goodbye();
}

// Sends a Close frame on each connection, and does not check the server's answer.
void EchoRun::say_goodbye() {
  if (options_.protocol == Protocol::raw) return;
  static constexpr std::uint8_t normal[] = {0x03, 0xe8};
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    Connection& connection = connections_[i];
    if (connection.is_blocked) continue;
    std::string frame;
    load::append_frame(frame, {load::Opcode::close, true, normal}, static_cast<std::uint32_t>(random_.next()));
    if (connection.tls) connection.tls->seal(bytes_of(frame), connection.rest);
    else connection.rest = std::move(frame);
    ring_->send_silently(i, bytes_of(connection.rest));
  }
  ring_->submit();
  std::uint32_t ended = 0;
  const TimeNs until = load::monotonic_now() + nanoseconds_per_second;
  while (ended < options_.connections && load::monotonic_now() < until) {
    ring_->enter({1, idle_limit});
    ring_->drain([&](const EchoCompletion& completion) {
      const bool is_end = completion.operation == EchoOperation::receive && completion.result <= 0;
      ended += is_end && completion.result != -ENOBUFS ? 1U : 0U;
    });
  }
}

}  // namespace ringgate::measure
