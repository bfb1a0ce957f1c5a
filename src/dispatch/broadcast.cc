// One message to every device of every shard: each shard reaches its own, a bounded number a turn.
#include <algorithm>

#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

namespace {
constexpr std::uint32_t broadcast_slots_per_turn = 4096;
}

void PushService::broadcast(ws::MessageRef message, BroadcastCallback on_result) {
  struct Sum {
    BroadcastResult total;
    std::uint32_t shards_open;
    BroadcastCallback on_result;
  };
  auto sum = std::make_shared<Sum>(Sum{{}, gate_.shards_count, std::move(on_result)});
  const auto add = [sum](const BroadcastResult& part) {
    sum->total.matched += part.matched;
    sum->total.delivered += part.delivered;
    sum->total.refused += part.refused;
    if (--sum->shards_open == 0) sum->on_result(sum->total);
  };
  for (std::uint32_t shard = 0; shard < gate_.shards_count; ++shard) {
    if (shard == shard_index_) continue;
    const std::uint32_t ticket = open_ticket(nullptr, [add](const Reply& reply) { add(reply.broadcast); });
    const Request request{.kind = RequestKind::broadcast, .ticket = ticket, .owned = lend(message)};
    // A full lane delays a broadcast to that shard; it is not lost.
    if (!ask(shard, request)) deferred_.push_back({shard, request});
  }
  start_broadcast(std::move(message), add);
}

void PushService::start_broadcast(ws::MessageRef message, std::move_only_function<void(const BroadcastResult&)> on_done) {
  broadcasts_.push_back({.message = std::move(message),
                         .next_slot = 0,
                         .slots_end = transport_.table().high_water(),
                         .result = {},
                         .on_done = std::move(on_done)});
}

/// A bounded number of slots a turn, so that a million devices do not hold up one of them. In order: each device gets broadcasts
/// in the order in which this shard took them.
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
    budget -= budget > 0 ? 1 : 0;  // so that a result that asks for the next broadcast does not hold the turn
    done.on_done(done.result);
  }
  return !broadcasts_.empty();
}

}  // namespace ringgate::dispatch
