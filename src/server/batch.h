// How many completions a wait gathers before it ends, learnt from what came before.
//
// Two rules, and the larger answer holds. While turns bring many, a wait asks for as many as they brought: what is expected rises
// at once and falls by an eighth a turn, since a wait that asked for what a chance lull had brought would end with as few for good.
// While they bring few, but often, and each from another device, a wait asks for twice what the rate of the last millisecond
// promises, so that it usually lasts its whole length: waking for each message would cost more than the message, as an interrupt
// for each packet does a network card. Not so for devices that send again as soon as they are answered: they would only wait.
// Owner: the shard.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "ring/ring.h"

namespace ringgate::server {

class Batch {
 public:
  static constexpr std::size_t worth_waiting_for = 4;  // that a turn brought; fewer are taken as they come
  static constexpr std::size_t many = 16;              // then the turns say enough, and need not be counted
  static constexpr std::size_t count_max = 64;
  static constexpr DurationNs window = nanoseconds_per_millisecond;

  /// `wait`: how long one lasts at most, once something has come; 0: nothing is gathered.
  Batch(DurationNs wait, TimeNs now) : wait_(wait), window_begin_(now) {}

  /// What a turn brought, and how many more it held back; nothing: it only submitted, or a timer ended it.
  void came(std::span<const ring::Completion> completions, std::size_t held_back, TimeNs now) {
    const std::size_t count = completions.size() + held_back;
    if (count != 0) expected_ = std::min(std::max(count, expected_ - (expected_ + 7) / 8), count_max);
    if (count < many) count_messages(completions);
    if (now - window_begin_ >= window) judge_window(now);
  }

  /// To ask for at the next wait; 1: not to gather.
  std::uint32_t count() const {
    if (wait_ == 0) return 1;
    const std::size_t by_turns = expected_ < worth_waiting_for ? 1 : expected_;
    return static_cast<std::uint32_t>(std::max(by_turns, by_rate_));
  }
  DurationNs wait() const { return wait_; }

 private:
  void count_messages(std::span<const ring::Completion> completions) {
    for (const ring::Completion& completion : completions) {
      if (completion.token.kind != ring::OperationKind::receive) continue;
      ++messages_;
      devices_.set(completion.token.slot % devices_.size());
    }
  }

  void judge_window(TimeNs now) {
    const std::uint64_t promised_twice = 2 * messages_ * wait_ / (now - window_begin_);
    const bool each_from_another = messages_ < 2 * devices_.count();
    by_rate_ = promised_twice >= 2 && each_from_another ? std::min<std::size_t>(promised_twice, count_max) : 1;
    window_begin_ = now;
    messages_ = 0;
    devices_.reset();
  }

  const DurationNs wait_;
  std::size_t expected_ = 0;
  std::size_t by_rate_ = 1;

  TimeNs window_begin_;
  std::uint64_t messages_ = 0;
  std::bitset<1024> devices_;  // that sent one; several may share a bit, and then count as one
};

}  // namespace ringgate::server
