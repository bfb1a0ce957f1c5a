#include "cluster/node.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace ringgate::cluster {
namespace {

// Claims that are said again in one go behind a reconnect: a million devices must not say them at once.
constexpr std::size_t claims_at_a_time = 500;
constexpr DurationNs claims_pause = 10 * nanoseconds_per_millisecond;
// Between the takes of one device: doubled each time, up to 5 s.
constexpr DurationNs take_pause = 10 * nanoseconds_per_millisecond;
constexpr unsigned takes_doubled_max = 9;

constexpr std::string_view yielded = "yielded";

// The gate has let the device go.
bool is_nobody_to_push(std::string_view body) {
  const auto result = read_push_result(body);
  return result && result->outcome == PushOutcome::unknown_device;
}
bool is_nobody_to_close(std::string_view body) {
  const auto result = read_close_result(body);
  return result && result->outcome == CloseOutcome::unknown_device;
}
bool is_nobody_to_describe(std::string_view body) {
  const auto result = read_describe_result(body);
  return result && result->outcome == DescribeOutcome::unknown_device;
}

}  // namespace

Node::Node(Names names, DurationNs patience, Engine& engine, LocalGate& local, Post post)
    : names_(std::move(names)),
      patience_(patience),
      engine_(engine),
      local_(local),
      post_(std::move(post)),
      questions_([this](const Letter& letter) { return is_up_ ? engine_.send(letter) : Sent::down; },
                 [this](std::uint64_t number) { return names_.answer(number); }),
      started_(local.clock()) {
  engine_.listen(names_.answers());
  engine_.listen(names_.control());
  engine_.listen(names_.gate(names_.node()));
}

// -- From this gate

void Node::claimed(const std::string& device_id, ConnectionRef connection, std::uint64_t epoch, bool shares, TimeNs now) {
  const auto [at, is_new] = claims_.try_emplace(device_id);
  Claim& claim = at->second;
  claim.shares = shares;
  claim.holders.push_back({connection, epoch});
  std::ranges::sort(claim.holders, {}, &Holder::epoch);
  if (is_new) engine_.listen(names_.device(device_id), Hearing::one_of_us);
  if (!shares) take(device_id, now);
}

void Node::released(const std::string& device_id, ConnectionRef connection) {
  const auto at = claims_.find(device_id);
  if (at == claims_.end()) return;
  std::erase_if(at->second.holders, [connection](const Holder& holder) { return holder.connection == connection; });
  if (!at->second.holders.empty()) return;
  claims_.erase(at);
  engine_.unlisten(names_.device(device_id));
}

/// Says that the id is held here now, until nobody else listens for it: behind a partition there may be several, and one of them hears it at a
/// time.
void Node::take(const std::string& device_id, TimeNs now) {
  if (!is_up_) return;  // said once the engine is there
  const std::uint64_t epoch = claims_.at(device_id).epoch();
  Letter letter{.subject = names_.device(device_id), .act = std::string(act::take), .terms = write(Rank{epoch, names_.node()})};
  questions_.ask(device_id, std::move(letter), now, patience_, [this, device_id, epoch, now](const Answer& answer) {
    const auto claim = claims_.find(device_id);
    if (claim == claims_.end()) return;
    if (answer.kind != AnswerKind::answered && answer.kind != AnswerKind::overdue) {
      claim->second.takes = 0;
      return;
    }
    if (answer.kind == AnswerKind::answered && answer.body != yielded) {
      const auto kept = read_rank(answer.body);
      if (!kept) ++counters_.letters_refused;
      else if (follow(kept->epoch) && Rank{epoch, names_.node()} < *kept && yield(device_id, epoch)) return;
    }
    const DurationNs pause = take_pause << std::min(claim->second.takes++, takes_doubled_max);
    untold_.emplace(now + pause, device_id);
  });
}

/// Ends the connections of a device whose epoch is not above `upto`: another gate has the higher claim. True if none is left.
bool Node::yield(const std::string& device_id, std::uint64_t upto) {
  const auto at = claims_.find(device_id);
  if (at == claims_.end()) return true;
  for (const Holder& holder : at->second.holders) {
    if (holder.epoch > upto) continue;
    ++counters_.yielded;
    if (!local_.yield(device_id, holder.connection)) to_yield_.emplace_back(device_id, holder.connection);
  }
  std::erase_if(at->second.holders, [upto](const Holder& holder) { return holder.epoch <= upto; });
  if (!at->second.holders.empty()) return false;
  claims_.erase(at);
  engine_.unlisten(names_.device(device_id));
  return true;
}

void Node::push(const std::string& device_id, MessageView message, const PushOptions& options, const dispatch::Selection* reach,
                TimeNs now, PushCallback on_result) {
  ++counters_.pushes_sent;
  Letter letter{.subject = names_.device(device_id),
                .act = std::string(message.type == MessageType::text ? act::push_text : act::push_binary),
                .terms = write(options, reach),
                .body = std::string(text_of(message.payload))};
  const DurationNs waits =
      options.wait > PushLevel::queued
          ? std::min<DurationNs>(options.timeout_ns, limits::push_timeout_seconds_max * nanoseconds_per_second)
          : 0;
  questions_.ask(
      device_id, std::move(letter), now, patience_ + waits,
      [this, device_id, on_result = std::move(on_result)](const Answer& answer) mutable {
        if (!on_result) return;
        switch (answer.kind) {
          case AnswerKind::answered:
            return on_result(read_push_result(answer.body).value_or(PushResult{.outcome = PushOutcome::unknown_outcome}));
          case AnswerKind::nobody:
            return on_result({.outcome = has_come_here(device_id) ? PushOutcome::closing : PushOutcome::unknown_device});
          case AnswerKind::unsent: return on_result({.outcome = PushOutcome::engine_unavailable});
          case AnswerKind::too_large: return on_result({.outcome = PushOutcome::too_large});
          case AnswerKind::overdue: return on_result({.outcome = PushOutcome::unknown_outcome});
        }
      },
      is_nobody_to_push);
}

void Node::close(const std::string& device_id, const CloseTerms& terms, TimeNs now, CloseCallback on_result) {
  Letter letter{.subject = names_.device(device_id), .act = std::string(act::close), .terms = write(terms)};
  questions_.ask(
      device_id, std::move(letter), now, patience_,
      [this, device_id, on_result = std::move(on_result)](const Answer& answer) mutable {
        if (!on_result) return;
        if (answer.kind == AnswerKind::nobody)
          return on_result(has_come_here(device_id) ? CloseOutcome::moving : CloseOutcome::unknown_device);
        if (answer.kind == AnswerKind::unsent) return on_result(CloseOutcome::backpressure);
        const auto result = answer.kind == AnswerKind::answered ? read_close_result(answer.body) : std::nullopt;
        on_result(result.value_or(CloseOutcome::unknown_outcome));
      },
      is_nobody_to_close);
}

void Node::describe(const std::string& device_id, TimeNs now, DescribeCallback on_result) {
  Letter letter{.subject = names_.device(device_id), .act = std::string(act::describe)};
  questions_.ask(
      device_id, std::move(letter), now, patience_,
      [this, device_id, on_result = std::move(on_result)](const Answer& answer) mutable {
        if (!on_result) return;
        if (answer.kind == AnswerKind::nobody && !has_come_here(device_id))
          return on_result({DescribeOutcome::unknown_device, nullptr});
        auto result = answer.kind == AnswerKind::answered ? read_describe_result(answer.body) : std::nullopt;
        if (!result) return on_result({DescribeOutcome::unavailable, nullptr});
        on_result(std::move(*result));
      },
      is_nobody_to_describe);
}

// -- From the engine

void Node::on_letter(const Letter& letter, TimeNs now) {
  if (const auto number = names_.number_of_answer(letter.subject)) return questions_.on_answer(*number, letter, now);
  if (letter.subject == names_.control() || letter.subject == names_.gate(names_.node())) return on_hello(letter, now);
  if (const auto device_id = names_.id_of_device(letter.subject)) return serve(*device_id, letter);
  ++counters_.letters_refused;
}

void Node::answer(const Letter& letter, std::string body) {
  if (letter.answer_to.empty()) return;
  engine_.send({.subject = letter.answer_to, .body = std::move(body)});
}

/// What another gate asks of a device of this one.
void Node::serve(const std::string& device_id, const Letter& letter) {
  if (letter.act == act::take) return serve_take(device_id, letter);
  // Nothing was done, and whoever asked shall know it: it may be a gate of a later version.
  const auto refuse = [this, &letter] {
    ++counters_.letters_refused;
    answer(letter, write(PushResult{.outcome = PushOutcome::engine_unavailable}));
  };
  // Answers come on other threads, and are sent from this one.
  const auto bring = [this, answer_to = letter.answer_to](std::string body) {
    post_([this, answer_to, body = std::move(body)](TimeNs) mutable { answer({.answer_to = answer_to}, std::move(body)); });
  };
  if (letter.act == act::push_text || letter.act == act::push_binary) {
    auto terms = read_push_terms(letter.terms);
    if (!terms) return refuse();
    ++counters_.pushes_served;
    const MessageType type = letter.act == act::push_text ? MessageType::text : MessageType::binary;
    return local_.push(device_id, {type, bytes_of(letter.body)}, std::move(*terms),
                       [bring](const PushResult& result) { bring(write(result)); });
  }
  if (letter.act == act::close) {
    const auto terms = read_close_terms(letter.terms);
    if (!terms) return refuse();
    return local_.close(device_id, *terms, [bring](const CloseResult& result) { bring(write(result)); });
  }
  if (letter.act == act::describe)
    return local_.describe(device_id, [bring](const DescribeResult& result) { bring(write(result)); });
  refuse();
}

/// The lower claim yields. Whoever has the higher one says so, and the other yields then.
void Node::serve_take(const std::string& device_id, const Letter& letter) {
  const auto theirs = read_rank(letter.terms);
  if (!theirs) {
    ++counters_.letters_refused;
    return;
  }
  // A clock that is not followed wins nothing: else a broken one would lock its devices out of every other gate.
  const bool is_believed = follow(theirs->epoch);
  const auto at = claims_.find(device_id);
  if (at == claims_.end()) return answer(letter, std::string(yielded));
  const Rank ours{at->second.epoch(), names_.node()};
  if (!is_believed || *theirs < ours) return answer(letter, write(ours));
  yield(device_id, theirs->epoch);
  answer(letter, std::string(yielded));
}

/// Other gates' clocks move this one's, so that a later claim has the higher epoch although machines' clocks are apart.
bool Node::follow(std::uint64_t clock) {
  if (local_.follow(clock)) return true;
  ++counters_.clocks_refused;
  return false;
}

void Node::on_hello(const Letter& letter, TimeNs now) {
  const auto hello = letter.act == act::hello ? read_hello(letter.terms) : std::nullopt;
  if (!hello) {
    ++counters_.letters_refused;
    return;
  }
  (void)follow(hello->clock);
  if (hello->node == names_.node()) return note_namesake(now);
  if (peers_.size() < peers_max || peers_.contains(hello->node)) peers_[hello->node] = {hello->boot, now, hello->connections};
  if (hello->wants_answer) say_hello(now, false);
}

/// Another process has this gate's name: claims of one epoch have the same rank then, and nobody can tell the two apart.
void Node::note_namesake(TimeNs now) {
  if (now < namesake_at_) return;
  namesake_at_ = now + namesake_pause;
  log::error("another gate of the cluster has this one's name: give each its own (cluster.node)", {{"node", names_.node()}});
}

void Node::say_hello(TimeNs now, bool wants_answer) {
  hello_at_ = now + hello_interval;
  std::erase_if(peers_, [now](const auto& peer) { return peer.second.heard_at + peer_silence_max < now; });
  const Hello hello{.node = names_.node(),
                    .boot = names_.boot(),
                    .clock = local_.clock(),
                    .started = started_,
                    .connections = claims_.size(),
                    .wants_answer = wants_answer};
  engine_.send({.subject = names_.control(), .act = std::string(act::hello), .terms = write(hello)});
}

/// Behind a reconnect every claim is said again: while this gate was away, others may have got its devices.
void Node::on_state(bool is_up, TimeNs now) {
  if (is_up_ == is_up) return;
  is_up_ = is_up;
  if (!is_up) return questions_.give_up_all();
  say_hello(now, true);
  untold_.clear();
  std::size_t number = 0;
  for (auto& [device_id, claim] : claims_) {
    claim.takes = 0;
    if (!claim.shares) untold_.emplace(now + number++ / claims_at_a_time * claims_pause, device_id);
  }
  take_again(now);
}

void Node::take_again(TimeNs now) {
  while (!untold_.empty() && untold_.begin()->first <= now) {
    const std::string device_id = untold_.begin()->second;
    untold_.erase(untold_.begin());
    const auto at = claims_.find(device_id);
    if (at != claims_.end() && !at->second.shares) take(device_id, now);
  }
}

void Node::run(TimeNs now) {
  questions_.run(now);
  if (is_up_ && now >= hello_at_) say_hello(now, false);
  if (is_up_) take_again(now);
  if (!to_yield_.empty() && now >= yield_at_) {
    yield_at_ = now + yield_pause;
    while (!to_yield_.empty() && local_.yield(to_yield_.front().first, to_yield_.front().second)) to_yield_.pop_front();
  }
}

TimeNs Node::due_at() const {
  TimeNs due = questions_.due_at().value_or(UINT64_MAX);
  if (is_up_) due = std::min(due, hello_at_);
  if (is_up_ && !untold_.empty()) due = std::min(due, untold_.begin()->first);
  if (!to_yield_.empty()) due = std::min(due, yield_at_);
  return due;
}

}  // namespace ringgate::cluster
