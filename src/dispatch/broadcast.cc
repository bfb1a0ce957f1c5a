// Broadcasts: one message to every device of every shard, or to those of a selection; and counts and closes, which go the same way. Each shard
// visits its own devices, a bounded number per turn: the members of a group by its index, else all slots.
//
// Invariant: the broadcasts of one producer reach each device in the order of their requests. A shard works on one broadcast at a
// time, lanes keep their order, and a request that waits for a full lane holds back later ones.
#include <algorithm>
#include <array>
#include <memory>

#include "base/limits.h"
#include "dispatch/outcome_counters.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

namespace {
constexpr std::uint32_t broadcast_slots_per_turn = 4096;
constexpr std::uint32_t slots_per_close = 8;  // closing a device takes as long as looking at so many slots, or less
}  // namespace

void PushService::refuse_broadcast(BroadcastOutcome outcome, BroadcastCallback on_result) {
  counters_.broadcast_asked.add(1);
  refuse_asked(outcome, std::move(on_result));
}

void PushService::refuse_asked(BroadcastOutcome outcome, BroadcastCallback on_result) {
  count(counters_, outcome);
  if (on_result) on_result({.outcome = outcome});
}

void PushService::broadcast(ws::MessageRef message, Selection selection, BroadcastCallback on_result) {
  counters_.broadcast_asked.add(1);
  broadcast_asked(std::move(message), std::move(selection), std::move(on_result));
}

void PushService::broadcast_asked(ws::MessageRef message, Selection selection, BroadcastCallback on_result) {
  if (!message) return refuse_asked(BroadcastOutcome::backpressure, std::move(on_result));
  sweep({.act = Sweep::Act::deliver, .selection = std::move(selection), .message = std::move(message), .reason = {}},
        std::move(on_result));
}

void PushService::sweep(Sweep sweep, BroadcastCallback on_result) {
  const bool is_message = sweep.act == Sweep::Act::deliver;
  if (broadcasts_open_ == limits::broadcasts_open_max) {
    if (is_message) return refuse_asked(BroadcastOutcome::backpressure, std::move(on_result));
    return on_result({.outcome = BroadcastOutcome::backpressure});
  }
  ++broadcasts_open_;
  const SweepRef shared = std::make_shared<const Sweep>(std::move(sweep));
  auto sum = std::make_shared<BroadcastSum>(
      BroadcastSum{.total = {}, .shards_open = gate_.shards_count, .is_message = is_message, .on_result = std::move(on_result)});
  for (std::uint32_t shard = 0; shard < gate_.shards_count; ++shard) {
    if (shard == shard_index_) continue;
    const TicketName ticket =
        tickets_.open({sum, {.shard = static_cast<std::uint8_t>(shard)}}, Tickets::Patience::broadcast, clock());
    ask_in_order(
        shard,
        {.kind = RequestKind::broadcast, .ticket = ticket, .owned = reinterpret_cast<std::uintptr_t>(new SweepRef(shared))});
  }
  start_sweep(shared, [this, sum](const BroadcastResult& part) { add(*sum, part); });
}

/// Adds the result of one shard, known or given up.
void PushService::add(BroadcastSum& sum, const BroadcastResult& part) {
  sum.total.matched += part.matched;
  sum.total.delivered += part.delivered;
  sum.total.refused += part.refused;
  sum.total.outcome = std::max(sum.total.outcome, part.outcome);  // the least certain outcome is the largest
  if (--sum.shards_open > 0) return;
  --broadcasts_open_;
  if (sum.is_message) count(counters_, sum.total.outcome);
  if (sum.on_result) sum.on_result(sum.total);
}
static_assert(BroadcastOutcome::completed < BroadcastOutcome::closing &&
              BroadcastOutcome::closing < BroadcastOutcome::unknown_outcome);

void PushService::start_sweep(SweepRef sweep, BroadcastDone on_done) {
  const std::uint32_t slots = sweep->selection.is_nobody() ? 0 : transport_.table().high_water();
  broadcasts_.push_back(
      {.sweep = std::move(sweep), .next_slot = 0, .slots_end = slots, .result = {}, .on_done = std::move(on_done)});
}

/// Visits a bounded number of slots per turn, so that a broadcast to many devices does not delay the shard. Each device gets
/// broadcasts in the order in which this shard took them.
bool PushService::continue_broadcasts() {
  std::uint32_t budget = broadcast_slots_per_turn;
  while (!broadcasts_.empty() && budget > 0) {
    BroadcastJob& job = broadcasts_.front();
    if (job.sweep->selection.groups().empty()) visit_slots(job, budget);
    else visit_members(job, budget);
    if (job.next_slot < job.slots_end) break;
    BroadcastJob done = std::move(job);
    if (done.sweep->act == Sweep::Act::deliver) {
      counters_.broadcast_delivered.add(done.result.delivered);
      counters_.broadcast_refused.add(done.result.refused);
    }
    broadcasts_.pop_front();
    budget -= budget > 0 ? 1 : 0;  // so that callbacks that start the next broadcast cannot keep the turn running
    if (done.sweep->act == Sweep::Act::rank && done.sweep->rank_by == RankBy::retransmits) rank_by_links(std::move(done));
    else done.on_done(done.result);
  }
  return !broadcasts_.empty();
}

void PushService::visit_slots(BroadcastJob& job, std::uint32_t& budget) {
  if (job.sweep->act == Sweep::Act::deliver && job.sweep->selection.is_everybody()) return deliver_to_all(job, budget);
  for (; job.next_slot < job.slots_end && budget > 0; ++job.next_slot, --budget) visit(job, job.next_slot, budget);
}

/// What `visit` does for a message to everybody, without its choices for each device.
void PushService::deliver_to_all(BroadcastJob& job, std::uint32_t& budget) {
  const ws::MessageRef& message = job.sweep->message;
  for (; job.next_slot < job.slots_end && budget > 0; ++job.next_slot, --budget) {
    if (!devices_.is_open_device(job.next_slot)) continue;
    ++job.result.matched;
    const DeliveryResult result = devices_.deliver(transport_.table().at(job.next_slot), message, Audience::many);
    ++(result.outcome == PushOutcome::delivered ? job.result.delivered : job.result.refused);
  }
}

/// Of the first group of the selection; `visit` looks at the others.
void PushService::visit_members(BroadcastJob& job, std::uint32_t& budget) {
  const std::string_view group = job.sweep->selection.groups().front();
  std::array<std::uint32_t, 64> members;
  while (job.next_slot < job.slots_end && budget > 0) {
    const std::size_t count = devices_.groups().members_from(group, job.next_slot, members);
    if (count == 0) job.next_slot = job.slots_end;
    for (std::size_t i = 0; i < count && job.next_slot < job.slots_end && budget > 0; ++i, --budget) {
      job.next_slot = members[i] + 1;
      if (members[i] < job.slots_end) visit(job, members[i], budget);
    }
  }
}

void PushService::visit(BroadcastJob& job, std::uint32_t slot, std::uint32_t& budget) {
  if (!devices_.is_open_device(slot)) return;
  const Sweep& sweep = *job.sweep;
  conn::Connection& connection = transport_.table().at(slot);
  if (!sweep.selection.is_everybody() && !devices_.is_selected(connection, sweep.selection)) return;
  ++job.result.matched;
  bool is_done = true;
  switch (sweep.act) {
    case Sweep::Act::deliver:
      is_done = devices_.deliver(connection, sweep.message, Audience::many).outcome == PushOutcome::delivered;
      break;
    case Sweep::Act::count: break;
    case Sweep::Act::rank:
      if (sweep.rank_by == RankBy::retransmits) {
        if (ranked_links_left(job) > 0) job.links.push_back(devices_.ref_of(connection));
        break;
      }
      if (const std::uint64_t value = devices_.value_of(connection, sweep.rank_by); sweep.worst->may_be_among(value))
        sweep.worst->offer(value, devices_.describe(connection));
      break;
    case Sweep::Act::close:
      is_done = devices_.close(connection, sweep.code, sweep.reason, EndedBy::backend);
      budget -= std::min(budget - 1, slots_per_close - 1);
      break;
  }
  ++(is_done ? job.result.delivered : job.result.refused);
}

}  // namespace ringgate::dispatch
