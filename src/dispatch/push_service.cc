// Tickets, parcels and pushes; what goes to all devices is in broadcast.cc, what is asked about one in presence.cc.
#include "dispatch/push_service.h"

#include "base/assert.h"
#include "base/limits.h"
#include "dispatch/owned_word.h"

namespace ringgate::dispatch {

namespace {

thread_local PushService* service_of_this_thread = nullptr;

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
      map_(gate.map.of(shard_index)) {
  devices.set_takeover_notice(*this);
}

PushService::~PushService() {
  if (service_of_this_thread == this) service_of_this_thread = nullptr;
}

PushService* PushService::of_this_thread(const GateState& gate) {
  PushService* const here = service_of_this_thread;
  return here != nullptr && &here->gate_ == &gate ? here : nullptr;
}
bool PushService::is_on_shard() { return service_of_this_thread != nullptr; }
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
  return mailbox_.ask(shard, request);
}

void PushService::answer(std::uint32_t shard, Reply reply, std::uint32_t ticket) {
  reply.ticket = ticket;
  mailbox_.answer(shard, reply);
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
  if (mailbox_.empty()) return false;
  return mailbox_.drain(budget, *this) == budget;
}

void PushService::ring_doorbells() {
  mailbox_.publish_all([this](std::uint32_t shard) {
    ring_.ring(gate_.doorbells[shard]);
    counters_.doorbells_rung.add(1);
  });
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
  const auto owner = map_.find(key);
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
  if (conn::Connection* connection = devices_.find(target, key)) return devices_.deliver(*connection, message, Audience::one);
  return {map_.find(key) ? PushOutcome::closing : PushOutcome::unknown_device, 0};
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
