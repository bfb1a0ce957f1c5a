// Brings the verdicts of connect hooks to the shards of their connections, and keeps those that a shard has no room for until it has.
//
// Hook thread. Bounded: a connection gets one verdict, and those that wait are given up when the connection itself has waited too long.
// Invariant: each verdict is taken by its shard once, or given up once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <new>
#include <utility>

#include "base/time.h"
#include "ringgate/connection_ref.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate::hooks {

class DecisionCourier {
 public:
  /// Posts a decision to the shard of `connection`. False, with `decision` as it was: there is no room. It may throw std::bad_alloc, which
  /// means the same.
  using Post = std::function<bool(ConnectionRef connection, UpgradeDecision& decision)>;

  /// How long until the next attempt.
  static constexpr DurationNs pause = 5 * nanoseconds_per_millisecond;

  /// `patience`: how long a connection waits for its verdict at most; later ones find nobody.
  DecisionCourier(Post post, DurationNs patience) : post_(std::move(post)), patience_(patience) {}

  /// Posts it now, or keeps it. Verdicts of different connections need no order. Without memory it is given up at once: the connection ends at
  /// its own deadline.
  void bring(ConnectionRef connection, UpgradeDecision decision, TimeNs now) {
    if (try_post(connection, decision)) return;
    try {
      waiting_.push_back({connection, std::move(decision), now + patience_});
    } catch (const std::bad_alloc&) {
    }
  }
  /// Tries again with all that is kept.
  void run(TimeNs now) {
    std::erase_if(waiting_, [&](Waiting& each) { return now >= each.until || try_post(each.connection, each.decision); });
  }
  /// When `run` has something to do; UINT64_MAX: never.
  TimeNs due_at(TimeNs now) const { return waiting_.empty() ? UINT64_MAX : now + pause; }
  std::size_t waiting_count() const { return waiting_.size(); }

 private:
  bool try_post(ConnectionRef connection, UpgradeDecision& decision) {
    try {
      return post_(connection, decision);
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  struct Waiting {
    ConnectionRef connection;
    UpgradeDecision decision;
    TimeNs until;
  };

  const Post post_;
  const DurationNs patience_;
  std::deque<Waiting> waiting_;
};

}  // namespace ringgate::hooks
