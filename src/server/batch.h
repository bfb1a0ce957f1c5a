// How many completions a wait gathers before it ends, learnt from earlier turns. It does not wait itself. Owner: the shard.
//
// Two rules; the larger answer holds.
// - By turns: a wait asks for as many completions as turns have had. This number rises at once and falls by an eighth per turn. A
//   wait ends as soon as it has what it asked for, so one short lull must not lower the number for good.
// - By rate: if turns have few messages, but often, and most from different devices, a wait asks for twice what the rate of the
//   last millisecond promises. It then usually lasts its whole length. Waking for each message would cost more than the message.
//   Devices that send again as soon as they are answered rule this out: a longer wait would only delay them.
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
  static constexpr std::size_t worth_waiting_for = 4;  // completions per turn; with fewer, no wait gathers by turns
  static constexpr std::size_t many = 16;              // turns with so many do not count for the rate
  static constexpr std::size_t count_max = 64;
  static constexpr DurationNs window = nanoseconds_per_millisecond;

  /// `wait`: how long a wait lasts at most after its first completion; 0: waits do not gather.
  Batch(DurationNs wait, TimeNs now) : wait_(wait), window_begin_(now) {}

  /// The completions of a turn, and how many more it held back. None: the turn only submitted, or a timer ended its wait.
  void came(std::span<const ring::Completion> completions, std::size_t held_back, TimeNs now) {
    const std::size_t count = completions.size() + held_back;
    if (count != 0) expected_ = std::min(std::max(count, expected_ - (expected_ + 7) / 8), count_max);
    if (count < many) count_messages(completions);
    if (now - window_begin_ >= window) judge_window(now);
  }

  /// Completions that the next wait asks for; 1: do not gather.
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
  std::bitset<1024> devices_;  // that sent a message in this window; devices that share a bit count as one
};

}  // namespace ringgate::server
