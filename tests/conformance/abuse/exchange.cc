#include "exchange.h"

#include <algorithm>

#include "bytes.h"

namespace ringgate::abuse {

namespace {

constexpr std::string_view probe_text = "alive?";
constexpr DurationNs close_patience = 6 * nanoseconds_per_second;  // the close timeout, and then some

/// Sends the steps of one case; knows how far into the case's bytes it is.
class Player {
 public:
  Player(Channel& channel, const Delivery& delivery) : channel_(channel), cuts_(delivery.cuts), tail_(delivery.tail) {}

  void play(const std::vector<Step>& steps, std::string in_front) {
    in_front_ = std::move(in_front);
    for (std::size_t i = 0; i < steps.size(); ++i) play(steps[i], i + 1 == steps.size());
    if (!in_front_.empty()) channel_.send(in_front_);
  }

 private:
  void play(const Step& step, bool is_last) {
    switch (step.kind) {
      case Step::Kind::send: return send(step.bytes, is_last);
      case Step::Kind::drip: return drip(step);
      case Step::Kind::wait: return channel_.wait(step.duration);
      case Step::Kind::finish: return channel_.finish();
      case Step::Kind::reset: channel_.end_segment(); return channel_.reset();
      case Step::Kind::stop_reading: return channel_.stop_reading();
      case Step::Kind::resume_reading: return channel_.resume_reading();
    }
  }

  void send(std::string_view bytes, bool is_last) {
    std::size_t begin = 0;
    for (; next_cut_ < cuts_.size() && cuts_[next_cut_] < sent_ + bytes.size(); ++next_cut_) {
      const std::size_t end = cuts_[next_cut_] - sent_;
      if (end == begin) continue;
      channel_.send(in_front_ + std::string(bytes.substr(begin, end - begin)));
      channel_.end_segment();
      in_front_.clear();
      begin = end;
      if (channel_.view().has_ended()) next_cut_ = cuts_.size() - 1;  // nobody is there to notice further cuts
    }
    sent_ += bytes.size();
    channel_.send(in_front_ + std::string(bytes.substr(begin)) + (is_last ? tail_ : ""));
    in_front_.clear();
  }

  void drip(const Step& step) {
    for (const char byte : step.bytes) {
      if (channel_.view().has_ended()) return;
      channel_.send(std::string_view(&byte, 1));
      channel_.wait(step.duration);
    }
  }

  Channel& channel_;
  const std::vector<std::size_t>& cuts_;
  const std::string& tail_;
  std::string in_front_;
  std::size_t next_cut_ = 0;
  std::size_t sent_ = 0;
};

bool wants_probe(const Case& one) {
  const bool ends_itself = std::ranges::any_of(
      one.steps, [](const Step& step) { return step.kind == Step::Kind::finish || step.kind == Step::Kind::reset; });
  return !ends_itself && std::ranges::any_of(one.accepted, [](const Verdict& v) { return v.afterwards == Afterwards::alive; });
}

bool wants_end(const Case& one) {
  return std::ranges::any_of(one.accepted, [](const Verdict& verdict) { return verdict.afterwards == Afterwards::ended; });
}

/// Asks for an answer of its own and takes it out of the view again.
bool probe(Channel& channel, Port port) {
  WireView& view = channel.view();
  if (port == Port::admin) {
    const std::size_t count = view.answers().size();
    channel.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    channel.wait_until([count](const WireView& now) { return now.answers().size() > count || now.has_ended(); });
    if (view.answers().size() <= count || view.answers().back().status != 200) return false;
    view.drop_last_answer();
    return true;
  }
  if (!view.is_upgraded()) return false;
  const auto is_answered = [](const WireView& now) {
    return !now.frames().empty() && now.frames().back().opcode == ws::Opcode::pong && now.frames().back().payload == probe_text;
  };
  channel.send(frame(0x89, probe_text));
  channel.wait_until([&](const WireView& now) { return is_answered(now) || now.has_ended(); });
  if (!is_answered(view)) return false;
  view.drop_last_frame();
  return true;
}

}  // namespace

Outcome play(World& world, const Case& one, const Delivery& delivery) {
  const auto channel = world.connect(one.port);
  WireView& view = channel->view();
  std::string in_front = delivery.opening_in_front ? one.opening : "";
  if (!one.opening.empty() && in_front.empty()) {
    channel->send(one.opening);
    channel->wait_until([](const WireView& now) { return !now.answers().empty() || now.has_ended(); });
  }
  Player(*channel, delivery).play(one.steps, std::move(in_front));
  channel->wait_until([&one](const WireView& now) {
    return std::ranges::any_of(one.accepted, [&](const Verdict& verdict) { return is_complete(verdict, now); });
  });
  if (view.close() && !view.has_ended() && wants_end(one)) channel->wait(close_patience);
  Outcome outcome;
  if (wants_probe(one) && !view.has_ended()) outcome.answered_probe = probe(*channel, one.port);
  if (!one.opening.empty() && view.is_upgraded()) view.drop_first_answer();
  outcome.view = view;
  return outcome;
}

std::string play_and_judge(World& world, const Case& one, const Delivery& delivery) {
  Outcome outcome = play(world, one, delivery);
  if (one.port == Port::admin) outcome.pushes = world.take_pushes();
  if (one.port == Port::devices && outcome.view.continues_count() > 0) return "a 100 (Continue) on the way to a 101";
  return mismatch(one, outcome);
}

std::string check_fresh_connection(World& world) {
  Case good;
  good.opening = good_upgrade("fresh");
  good.steps.push_back({Step::Kind::send, frame(0x81, "hello"), 0});
  good.accepted.push_back({});
  good.accepted.back().frames.push_back({ws::Opcode::text, "hello"});
  std::string fault = play_and_judge(world, good, {.name = "whole", .cuts = {}, .tail = ""});
  if (fault.empty()) fault = world.leftovers();
  return fault.empty() ? "" : "a fresh connection does not work: " + fault;
}

}  // namespace ringgate::abuse
