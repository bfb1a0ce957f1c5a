// Broadcasts: one message to every device of every shard. Each shard delivers to its own devices, a bounded number per turn.
//
// Invariant: the broadcasts of one producer reach each device in the order of their requests. A shard works on one broadcast at a
// time, lanes keep their order, and a request that waits for a full lane holds back later ones.
#include <algorithm>

#include "base/limits.h"
#include "dispatch/outcome_counters.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

namespace {
constexpr std::uint32_t broadcast_slots_per_turn = 4096;
}

void PushService::refuse_broadcast(BroadcastOutcome outcome, BroadcastCallback on_result) {
  count(counters_, outcome);
  if (on_result) on_result({.outcome = outcome});
}

void PushService::broadcast(ws::MessageRef message, BroadcastCallback on_result) {
  if (!message || broadcasts_open_ == limits::broadcasts_open_max)
    return refuse_broadcast(BroadcastOutcome::backpressure, std::move(on_result));
  ++broadcasts_open_;
  auto sum = std::make_shared<BroadcastSum>(
      BroadcastSum{.total = {}, .shards_open = gate_.shards_count, .on_result = std::move(on_result)});
  for (std::uint32_t shard = 0; shard < gate_.shards_count; ++shard) {
    if (shard == shard_index_) continue;
    const TicketName ticket =
        tickets_.open({sum, {.shard = static_cast<std::uint8_t>(shard)}}, Tickets::Patience::broadcast, clock());
    ask_in_order(shard, {.kind = RequestKind::broadcast, .ticket = ticket, .owned = lend(message)});
  }
  start_broadcast(std::move(message), [this, sum](const BroadcastResult& part) { add(*sum, part); });
}

/// Adds the result of one shard, known or given up.
void PushService::add(BroadcastSum& sum, const BroadcastResult& part) {
  sum.total.matched += part.matched;
  sum.total.delivered += part.delivered;
  sum.total.refused += part.refused;
  sum.total.outcome = std::max(sum.total.outcome, part.outcome);  // the least certain outcome is the largest
  if (--sum.shards_open > 0) return;
  --broadcasts_open_;
  count(counters_, sum.total.outcome);
  if (sum.on_result) sum.on_result(sum.total);
}
static_assert(BroadcastOutcome::completed < BroadcastOutcome::closing &&
              BroadcastOutcome::closing < BroadcastOutcome::unknown_outcome);

void PushService::start_broadcast(ws::MessageRef message, BroadcastDone on_done) {
  broadcasts_.push_back({.message = std::move(message),
                         .next_slot = 0,
                         .slots_end = transport_.table().high_water(),
                         .result = {},
                         .on_done = std::move(on_done)});
}

/// Visits a bounded number of slots per turn, so that a broadcast to many devices does not delay the shard. Each device gets
/// broadcasts in the order in which this shard took them.
bool PushService::continue_broadcasts() {
  std::uint32_t budget = broadcast_slots_per_turn;
  while (!broadcasts_.empty() && budget > 0) {
    BroadcastJob& job = broadcasts_.front();
    for (; job.next_slot < job.slots_end && budget > 0; ++job.next_slot, --budget) {
      if (!devices_.is_open_device(job.next_slot)) continue;
      ++job.result.matched;
      const DeliveryResult result = devices_.deliver(transport_.table().at(job.next_slot), job.message, Audience::many);
      ++(result.outcome == PushOutcome::delivered ? job.result.delivered : job.result.refused);
    }
    if (job.next_slot < job.slots_end) break;
    BroadcastJob done = std::move(job);
    broadcasts_.pop_front();
    budget -= budget > 0 ? 1 : 0;  // so that callbacks that start the next broadcast cannot keep the turn running
    done.on_done(done.result);
  }
  return !broadcasts_.empty();
}

}  // namespace ringgate::dispatch
