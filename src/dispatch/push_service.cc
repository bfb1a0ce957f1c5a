#include "dispatch/push_service.h"

#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace ringgate::dispatch {

namespace {

thread_local PushService* service_of_this_thread = nullptr;

constexpr std::uint32_t broadcast_slots_per_turn = 4096;

std::uintptr_t lend(ws::MessageRef message) { return reinterpret_cast<std::uintptr_t>(message.detach()); }
ws::MessageRef take_message(std::uintptr_t word) {
  return ws::MessageRef::attach(reinterpret_cast<const ws::PreparedMessage*>(word));
}
template <typename T>
std::unique_ptr<T> take(std::uintptr_t word) {
  return std::unique_ptr<T>(reinterpret_cast<T*>(word));
}

}  // namespace

PushService::PushService(std::uint8_t shard_index, GateState& gate, ring::Ring& ring, DeviceSession& devices,
                         conn::Transport& transport, ShardCounters& counters)
    : shard_index_(shard_index),
      gate_(gate),
      ring_(ring),
      devices_(devices),
      transport_(transport),
      counters_(counters),
      mailbox_(gate.mailboxes.of(shard_index)),
      written_to_(gate.shards_count, false) {
  devices.set_takeover_notice(*this);
}

PushService::~PushService() {
  if (service_of_this_thread == this) service_of_this_thread = nullptr;
}

PushService* PushService::of_this_thread() { return service_of_this_thread; }
void PushService::bind_to_this_thread() { service_of_this_thread = this; }

// -- Tickets and parcels

std::uint32_t PushService::open_ticket(PushCallback on_pushed, Continuation on_reply) {
  if (free_ticket_ == no_ticket) {
    tickets_.push_back({.next_free = no_ticket});
    free_ticket_ = static_cast<std::uint32_t>(tickets_.size() - 1);
  }
  const std::uint32_t index = free_ticket_;
  Ticket& ticket = tickets_[index];
  free_ticket_ = ticket.next_free;
  ticket.on_pushed = std::move(on_pushed);
  ticket.on_reply = std::move(on_reply);
  ++tickets_open_;
  return index;
}

bool PushService::ask(std::uint32_t shard, const Request& request) {
  if (!mailbox_.ask(shard, request)) return false;
  written_to_[shard] = true;
  return true;
}

void PushService::answer(std::uint32_t shard, Reply reply, std::uint32_t ticket) {
  reply.ticket = ticket;
  mailbox_.answer(shard, reply);
  written_to_[shard] = true;
}

void PushService::on_reply(std::uint32_t, const Reply& reply) {
  if (reply.ticket == no_ticket) return;  // a notice: nobody waits
  Ticket& ticket = tickets_[reply.ticket];
  // Freed before the call, which may open new tickets.
  PushCallback on_pushed = std::move(ticket.on_pushed);
  Continuation on_reply_to_it = std::move(ticket.on_reply);
  ticket.on_pushed = nullptr;
  ticket.on_reply = nullptr;
  ticket.next_free = free_ticket_;
  free_ticket_ = reply.ticket;
  --tickets_open_;
  if (on_pushed)
    finish_push(on_pushed, reply.outcome, reply.target, reply.queued_bytes);
  else
    on_reply_to_it(reply);
}

bool PushService::drain_mailbox(std::size_t budget) {
  retry_deferred();
  return mailbox_.drain(budget, *this) == budget;
}

void PushService::ring_doorbells() {
  for (std::uint32_t shard = 0; shard < gate_.shards_count; ++shard) {
    if (!written_to_[shard]) continue;
    written_to_[shard] = false;
    if (mailbox_.publish(shard)) {
      ring_.ring(gate_.doorbells[shard]);
      counters_.doorbells_rung.add(1);
    }
  }
}

// -- Push

void PushService::finish_push(PushCallback& on_result, PushOutcome outcome, device::ConnectionRef target,
                              std::uint64_t queued_bytes) {
  switch (outcome) {
    case PushOutcome::delivered: counters_.push_delivered.add(1); break;
    case PushOutcome::unknown_device: counters_.push_unknown_device.add(1); break;
    case PushOutcome::backpressure: counters_.push_backpressure.add(1); break;
    case PushOutcome::too_large: counters_.push_too_large.add(1); break;
    case PushOutcome::closing: counters_.push_closing.add(1); break;
  }
  const bool is_known = outcome != PushOutcome::unknown_device;
  if (on_result) on_result({outcome, is_known ? to_public(target) : ConnectionRef{}, queued_bytes});
}

void PushService::push(std::string_view device_id, ws::MessageRef message, PushCallback on_result) {
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find(key);
  if (!owner) {
    finish_push(on_result, PushOutcome::unknown_device, {}, 0);
    return;
  }
  push_to(*owner, key, std::move(message), std::move(on_result));
}

void PushService::push_to(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result) {
  if (owner.shard == shard_index_) {
    const DeliveryResult result = deliver(owner, key, message);
    finish_push(on_result, result.outcome, owner, result.queued_bytes);
    return;
  }
  const std::uint32_t ticket = open_ticket(std::move(on_result), nullptr);
  const Request request{.kind = RequestKind::push, .ticket = ticket, .target = owner, .key = key, .owned = lend(message)};
  if (ask(owner.shard, request)) {
    counters_.push_crossed.add(1);
    return;
  }
  (void)take_message(request.owned);
  on_reply(owner.shard, {.ticket = ticket, .outcome = PushOutcome::backpressure, .target = owner});
}

void PushService::on_request(std::uint32_t from, const Request& request) {
  if (closed_) return decline(from, request);
  switch (request.kind) {
    case RequestKind::push: serve_push(from, request); break;
    case RequestKind::close_by_backend: serve_close(from, request); break;
    case RequestKind::close_replaced:
      if (conn::Connection* connection = devices_.find(request.target, request.key))
        devices_.close(*connection, CloseCode::replaced, "replaced");
      answer(from, {}, no_ticket);
      break;
    case RequestKind::describe: {
      Reply reply{.target = request.target};
      if (conn::Connection* connection = devices_.find(request.target);
          connection != nullptr && devices_.is_open_device(request.target.slot))
        reply.owned = reinterpret_cast<std::uintptr_t>(new DeviceInfo(devices_.describe(*connection)));
      answer(from, reply, request.ticket);
      break;
    }
    case RequestKind::broadcast:
      start_broadcast(take_message(request.owned), [this, from, ticket = request.ticket](const BroadcastResult& result) {
        answer(from, {.broadcast = result}, ticket);
      });
      break;
    case RequestKind::outside: RINGGATE_ASSERT(false);  // comes through the inlet only
  }
}

void PushService::serve_push(std::uint32_t from, const Request& request) {
  const ws::MessageRef message = take_message(request.owned);
  const DeliveryResult result = deliver(request.target, request.key, message);
  answer(from, {.outcome = result.outcome, .target = request.target, .queued_bytes = result.queued_bytes}, request.ticket);
}

/// To the connection that the look-up named, or to nobody: sent on to a newer one, a push could come after those that the same
/// producer has sent there directly since.
DeliveryResult PushService::deliver(device::ConnectionRef target, device::IdKey key, const ws::MessageRef& message) {
  if (conn::Connection* connection = devices_.find(target, key)) return devices_.deliver(*connection, message);
  return {gate_.map.find(key) ? PushOutcome::closing : PushOutcome::unknown_device, 0};
}

// -- Closing by id, and takeover

void PushService::close_device(std::string_view device_id, CloseCode code, std::string reason, PushCallback on_result) {
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find(key);
  if (!owner) {
    on_result({PushOutcome::unknown_device, {}, 0});
    return;
  }
  if (owner->shard == shard_index_) {
    conn::Connection* connection = devices_.find(*owner, key);
    if (connection != nullptr) devices_.close(*connection, code, reason);
    on_result({connection != nullptr ? PushOutcome::delivered : PushOutcome::unknown_device, to_public(*owner), 0});
    return;
  }
  const std::uint32_t ticket =
      open_ticket(nullptr, [callback = std::move(on_result)](const Reply& reply) mutable {
        callback({reply.outcome, to_public(reply.target), 0});
      });
  const Request request{.kind = RequestKind::close_by_backend,
                        .code = static_cast<std::uint16_t>(code),
                        .ticket = ticket,
                        .target = *owner,
                        .key = key,
                        .owned = reinterpret_cast<std::uintptr_t>(new std::string(std::move(reason)))};
  if (ask(owner->shard, request)) return;
  (void)take<std::string>(request.owned);
  on_reply(owner->shard, {.ticket = ticket, .outcome = PushOutcome::backpressure, .target = *owner});
}

void PushService::serve_close(std::uint32_t from, const Request& request) {
  const auto reason = take<std::string>(request.owned);
  conn::Connection* connection = devices_.find(request.target, request.key);
  if (connection != nullptr) devices_.close(*connection, static_cast<CloseCode>(request.code), *reason);
  answer(from,
         {.outcome = connection != nullptr ? PushOutcome::delivered : PushOutcome::unknown_device, .target = request.target},
         request.ticket);
}

void PushService::notify_replaced(device::ConnectionRef replaced, device::IdKey key) {
  if (replaced.shard == shard_index_) {
    if (conn::Connection* connection = devices_.find(replaced, key)) devices_.close(*connection, CloseCode::replaced, "replaced");
    return;
  }
  const Request request{.kind = RequestKind::close_replaced, .ticket = no_ticket, .target = replaced, .key = key};
  if (!ask(replaced.shard, request)) deferred_.push_back({replaced.shard, request});
}

/// A notice must arrive: it waits here for room in its lane.
void PushService::retry_deferred() {
  std::erase_if(deferred_, [this](const Deferred& deferred) { return ask(deferred.shard, deferred.request); });
}

// -- Presence

void PushService::describe(std::string_view device_id, DescribeCallback on_result) {
  const auto owner = gate_.map.find(gate_.hash(device_id));
  if (!owner) {
    on_result(nullptr);
    return;
  }
  describe(*owner, std::move(on_result));
}

void PushService::describe(device::ConnectionRef ref, DescribeCallback on_result) {
  if (ref.shard == shard_index_) {
    conn::Connection* connection = devices_.find(ref);
    const bool is_open = connection != nullptr && devices_.is_open_device(ref.slot);
    on_result(is_open ? std::make_unique<DeviceInfo>(devices_.describe(*connection)) : nullptr);
    return;
  }
  const std::uint32_t ticket = open_ticket(nullptr, [callback = std::move(on_result)](const Reply& reply) mutable {
    callback(take<DeviceInfo>(reply.owned));
  });
  if (!ask(ref.shard, {.kind = RequestKind::describe, .ticket = ticket, .target = ref}))
    on_reply(ref.shard, {.ticket = ticket, .target = ref});
}

// -- Broadcast

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
      const DeliveryResult result = devices_.deliver(transport_.table().at(job.next_slot), job.message);
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

// -- Threads that are no shard

void PushService::on_outside(const Request& request) {
  const auto task = take<OutsideTask>(request.owned);
  switch (task->kind) {
    case OutsideTask::Kind::push: {
      ws::MessageRef message = take_message(task->message);
      if (closed_)
        finish_push(task->on_pushed, PushOutcome::closing, request.target, 0);
      else
        push_to(request.target, request.key, std::move(message), std::move(task->on_pushed));
      break;
    }
    case OutsideTask::Kind::broadcast: {
      ws::MessageRef message = take_message(task->message);
      if (closed_)
        task->on_broadcast({});
      else
        broadcast(std::move(message), std::move(task->on_broadcast));
      break;
    }
    case OutsideTask::Kind::with_connection:
      if (conn::Connection* connection = closed_ ? nullptr : devices_.find(request.target))
        devices_.with_connection(*connection, task->with_connection);
      break;
  }
}

// -- The end

bool PushService::close_down() {
  closed_ = true;
  const std::size_t handled = mailbox_.drain(SIZE_MAX, *this) + broadcasts_.size() + deferred_.size();
  for (BroadcastJob& job : std::exchange(broadcasts_, {})) job.on_done(job.result);
  for (const Deferred& deferred : std::exchange(deferred_, {})) {
    if (deferred.request.kind == RequestKind::broadcast) (void)take_message(deferred.request.owned);
    on_reply(deferred.shard, {.ticket = deferred.request.ticket, .outcome = PushOutcome::closing});
  }
  for (std::uint32_t shard = 0; shard < gate_.shards_count; ++shard) {
    if (written_to_[shard]) (void)mailbox_.publish(shard);
    written_to_[shard] = false;
  }
  return handled > 0;
}

/// Nobody serves devices any more: takes back what the request owns and says so.
void PushService::decline(std::uint32_t from, const Request& request) {
  switch (request.kind) {
    case RequestKind::push:
    case RequestKind::broadcast: (void)take_message(request.owned); break;
    case RequestKind::close_by_backend: (void)take<std::string>(request.owned); break;
    case RequestKind::close_replaced:
    case RequestKind::describe:
    case RequestKind::outside: break;
  }
  answer(from, {.outcome = PushOutcome::closing, .target = request.target}, request.ticket);
}

}  // namespace ringgate::dispatch

namespace ringgate {

const char* name_of(PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::delivered: return "delivered";
    case PushOutcome::unknown_device: return "unknown_device";
    case PushOutcome::backpressure: return "backpressure";
    case PushOutcome::too_large: return "too_large";
    case PushOutcome::closing: return "closing";
  }
  return "unknown_device";
}

}  // namespace ringgate
