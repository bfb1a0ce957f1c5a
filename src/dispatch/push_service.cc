// Parcels and pushes. Broadcasts are in broadcast.cc, questions about one device in presence.cc.
#include "dispatch/push_service.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "dispatch/outcome_counters.h"
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
      map_(gate.map.of(shard_index)),
      turned_at_(ring.now()),
      overdue_(gate.shards_count, 0),
      links_(transport, counters) {
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

// -- Parcels

bool PushService::ask(std::uint32_t shard, const Request& request) { return mailbox_.ask(shard, request); }

/// Requests that must arrive. If their lane is full they wait here, and later ones to the same shard wait behind them.
void PushService::ask_in_order(std::uint32_t shard, const Request& request) {
  if (!deferred_.contains(shard) && ask(shard, request)) return;
  deferred_[shard].push_back(request);
}

/// The first that finds no room ends it for its shard: what is behind it would overtake it, and a turn looks at no more than it posts.
void PushService::retry_deferred() {
  const bool sweeps = std::exchange(deferred_given_up_, false);
  for (auto at = deferred_.begin(); at != deferred_.end();) {
    const std::uint32_t shard = at->first;
    std::deque<Request>& waiting = at->second;
    if (sweeps) std::erase_if(waiting, [&](const Request& request) { return drop_if_given_up(shard, request); });
    while (!waiting.empty() && ask(shard, waiting.front())) waiting.pop_front();
    at = waiting.empty() ? deferred_.erase(at) : std::next(at);
  }
}

/// Of a broadcast whose result was told already nothing is asked any more.
bool PushService::drop_if_given_up(std::uint32_t shard, const Request& request) {
  if (request.kind != RequestKind::broadcast || tickets_.is_open(request.ticket)) return false;
  (void)take<SweepRef>(request.owned);
  --overdue_[shard];
  return true;
}

void PushService::answer(std::uint32_t shard, TicketName ticket, const decltype(Reply::of)& reply) {
  mailbox_.answer(shard, {.ticket = ticket, .of = reply});
}

void PushService::on_reply(std::uint32_t from, const Reply& reply) {
  if (reply.ticket.index == TicketName::none) return;  // a notice has no waiter
  auto ticket = tickets_.take(reply.ticket);
  if (!ticket) return on_late_reply(from, reply);
  if (const auto* push = std::get_if<PushReply>(&reply.of)) {
    counters_.push_crossed_duration.record(clock() - std::min(ticket->opened_at, clock_));
    finish_push(std::get<PushWaiter>(ticket->waiter), push->outcome, ticket->target, push->queued_bytes);
  } else if (const auto* report = std::get_if<PushReport>(&reply.of)) {
    if (ticket->awaits_receipt) --waits_crossing_;
    else counters_.push_crossed_duration.record(clock() - std::min(ticket->opened_at, clock_));
    finish_push(std::get<PushWaiter>(ticket->waiter), *report, ticket->target);
  } else if (const auto* close = std::get_if<CloseReply>(&reply.of)) {
    on_close_reply(std::move(std::get<std::unique_ptr<CloseQuestion>>(ticket->waiter)), close->outcome);
  } else if (const auto* described = std::get_if<DescribeReply>(&reply.of)) {
    on_describe_reply(std::move(std::get<std::unique_ptr<DescribeQuestion>>(ticket->waiter)),
                      {described->outcome, take<DeviceInfo>(described->owned)});
  } else if (const auto* answered = std::get_if<RequestReply>(&reply.of)) {
    --requests_crossing_;
    finish_request(std::get<RequestWaiter>(ticket->waiter), {answered->outcome, take<DeviceReply>(answered->owned)});
  } else if (const auto* part = std::get_if<BroadcastResult>(&reply.of)) {
    add(*std::get<std::shared_ptr<BroadcastSum>>(ticket->waiter), *part);
  }
}

/// The question of this reply was already answered with an unknown outcome.
void PushService::on_late_reply(std::uint32_t from, const Reply& reply) {
  counters_.answers_late.add(1);
  --overdue_[from];
  if (const auto* described = std::get_if<DescribeReply>(&reply.of)) (void)take<DeviceInfo>(described->owned);
  if (const auto* answered = std::get_if<RequestReply>(&reply.of)) (void)take<DeviceReply>(answered->owned);
}

/// Moved to this turn before anything is asked, so that a ticket opened after a long sleep has its whole time.
TimeNs PushService::clock() {
  const TimeNs now = transport_.now();
  clock_ += std::min(now - std::min(turned_at_, now), sleep_slice);
  turned_at_ = now;
  return clock_;
}

/// Runs after the mailbox was drained, so that an answer that has arrived counts.
void PushService::give_up_overdue() {
  const TimeNs now = clock();
  while (auto ticket = tickets_.take_expired(now)) {
    ++overdue_[ticket->target.shard];
    if (auto* on_pushed = std::get_if<PushWaiter>(&ticket->waiter)) {
      if (ticket->awaits_receipt) --waits_crossing_;
      finish_push(*on_pushed, PushOutcome::unknown_outcome, ticket->target, 0);
    } else if (auto* close = std::get_if<std::unique_ptr<CloseQuestion>>(&ticket->waiter)) {
      finish_close(**close, CloseOutcome::unknown_outcome);
    } else if (auto* described = std::get_if<std::unique_ptr<DescribeQuestion>>(&ticket->waiter)) {
      (*described)->on_result({DescribeOutcome::unavailable, nullptr});
    } else if (auto* request = std::get_if<RequestWaiter>(&ticket->waiter)) {
      --requests_crossing_;
      finish_request(*request, {RequestOutcome::unknown_outcome, nullptr});
    } else if (auto* sum = std::get_if<std::shared_ptr<BroadcastSum>>(&ticket->waiter)) {
      deferred_given_up_ = true;
      add(**sum, {.outcome = BroadcastOutcome::unknown_outcome});
    }
  }
}

std::optional<DurationNs> PushService::sleep_max() const {
  const DurationNs slice = deferred_.empty() ? sleep_slice : deferred_pause;
  if (const auto reply = devices_.next_reply_deadline())
    return std::clamp<DurationNs>(*reply - std::min(transport_.now(), *reply), 1, slice);
  const auto deadline = tickets_.open_count() != 0 ? tickets_.next_deadline() : std::nullopt;
  if (deadline) return std::clamp<DurationNs>(*deadline - std::min(clock_, *deadline), 1, slice);
  return deferred_.empty() ? std::nullopt : std::optional(slice);
}

bool PushService::drain_mailbox(std::size_t budget) {
  if (!deferred_.empty()) retry_deferred();
  const bool more = !mailbox_.empty() && mailbox_.drain(budget, *this) == budget;
  if (tickets_.open_count() != 0) give_up_overdue();
  devices_.give_up_replies();
  return more;
}

void PushService::ring_doorbells() {
  mailbox_.publish_all([this](std::uint32_t shard) {
    ring_.ring(gate_.doorbells[shard]);
    counters_.doorbells_rung.add(1);
  });
}

/// What a push to a device of this shard took: from reaping the request to the end of the turn, when the bytes are the ring's.
void PushService::note_turn(DurationNs lasted) {
  if (pushes_of_turn_ != 0) counters_.push_local.record(lasted, std::exchange(pushes_of_turn_, 0));
  counters_.questions_open.set(tickets_.open_count());
  counters_.questions_deferred.set(deferred_.size());
}

// -- Push

void PushService::finish_push(PushWaiter& waiter, const PushReport& report, device::ConnectionRef target) {
  if (!waiter.is_part) count(counters_, report.outcome);
  const bool is_known = report.outcome != PushOutcome::unknown_device;
  if (waiter.on_result)
    waiter.on_result({.outcome = report.outcome,
                      .connection = is_known ? to_public(target) : ConnectionRef{},
                      .queued_bytes = report.queued_bytes,
                      .receipt = report.receipt});
}

void PushService::finish_push(PushWaiter& waiter, PushOutcome outcome, device::ConnectionRef target, std::uint64_t queued_bytes) {
  if (!waiter.is_part) [[likely]]
    count(counters_, outcome);
  const bool is_known = outcome != PushOutcome::unknown_device;
  if (waiter.on_result) waiter.on_result({outcome, is_known ? to_public(target) : ConnectionRef{}, queued_bytes});
}

void PushService::refuse_push(PushOutcome outcome, PushCallback on_result) {
  counters_.push_asked.add(1);
  refuse_asked(outcome, std::move(on_result));
}

void PushService::refuse_asked(PushOutcome outcome, PushCallback on_result) {
  PushWaiter waiter{std::move(on_result)};
  finish_push(waiter, outcome, {}, 0);
}

void PushService::push(std::string_view device_id, ws::MessageRef message, PushCallback on_result) {
  counters_.push_asked.add(1);
  if (!message) return refuse_asked(PushOutcome::backpressure, std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  if (gate_.companions.is_used() && push_to_several(key, message, on_result)) return;
  const auto owner = map_.find(key);
  if (!owner) return push_elsewhere(device_id, std::move(message), {}, nullptr, std::move(on_result));
  PushWaiter waiter{std::move(on_result)};
  if (owner->shard == shard_index_) return push_here(devices_.find(*owner, device_id), *owner, key, message, waiter);
  push_to(*owner, key, std::move(message), std::move(waiter));
}

/// What a look-up of another thread named is not looked up again: a push does not follow a device that moved.
void PushService::push_to_device(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result) {
  if (gate_.companions.is_used() && push_to_several(key, message, on_result)) return;
  push_to(owner, key, std::move(message), {std::move(on_result)});
}

/// False, and nothing is done, if the id has fewer than two connections.
bool PushService::push_to_several(device::IdKey key, const ws::MessageRef& message, PushCallback& on_result) {
  std::vector<device::ConnectionRef> several;
  std::shared_ptr<PushSum> sum;
  try {
    several = all_of(key);
    if (several.empty()) return false;
    sum = new_sum(several.size(), on_result);
  } catch (const std::bad_alloc&) {
    refuse_asked(PushOutcome::backpressure, std::move(on_result));
    return true;
  }
  for (const device::ConnectionRef connection : several) push_to(connection, key, message, part_of(sum));
  return true;
}

/// All connections of an id that has more than one, as of one moment; else empty.
std::vector<device::ConnectionRef> PushService::all_of(device::IdKey key) {
  const auto companions = gate_.companions.lock(key);
  std::vector<device::ConnectionRef> all = companions.list();
  if (const auto owner = map_.find(key); owner && !all.empty()) all.push_back(*owner);
  return all;
}

/// A push to several connections of one device.
struct PushService::PushSum {
  PushResult result;
  std::size_t parts_open = 0;
  PushCallback on_result;
};

namespace {

/// Of two outcomes the better one for the caller: it may have arrived, it may be tried again, it will not arrive.
int rank(PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::delivered: return 0;
    case PushOutcome::timed_out: return 1;
    case PushOutcome::unknown_outcome: return 2;
    case PushOutcome::connection_ended: return 3;
    case PushOutcome::backpressure: return 4;
    case PushOutcome::expired: return 5;
    case PushOutcome::coalesced: return 6;
    case PushOutcome::dropped: return 7;
    case PushOutcome::level_unsupported: return 8;
    case PushOutcome::id_conflict: return 9;
    case PushOutcome::too_large: return 10;
    case PushOutcome::invalid_utf8: return 11;
    case PushOutcome::closing: return 12;
    case PushOutcome::other_connection: return 13;
    case PushOutcome::not_covered: return 14;
    case PushOutcome::engine_unavailable: return 15;
    case PushOutcome::unknown_device: return 16;
  }
  return 17;
}

}  // namespace

/// With room for all parts, so that none needs memory when it is known. Throws std::bad_alloc; then `on_result` is as it was.
std::shared_ptr<PushService::PushSum> PushService::new_sum(std::size_t parts, PushCallback& on_result) {
  auto sum = std::make_shared<PushSum>();
  sum->result.parts.reserve(parts);
  sum->parts_open = parts;
  sum->on_result = std::move(on_result);
  return sum;
}

/// One of the waiters of a push to several connections.
PushWaiter PushService::part_of(const std::shared_ptr<PushSum>& sum) {
  const auto on_part = [this, sum](const PushResult& part) {
    PushResult& whole = sum->result;
    if (whole.parts.empty() || rank(part.outcome) < rank(whole.outcome)) {
      whole.outcome = part.outcome;
      whole.connection = part.connection;
      whole.queued_bytes = part.queued_bytes;
      whole.receipt = part.receipt;
    }
    whole.parts.push_back({part.outcome, part.connection, part.queued_bytes, part.receipt});
    if (--sum->parts_open > 0) return;
    count(counters_, whole.outcome);
    if (sum->on_result) sum->on_result(whole);
  };
  return {on_part, true};
}

/// nullopt: there is no memory, and `ticket` is as it was.
template <typename... When>
std::optional<TicketName> PushService::try_open(Ticket& ticket, When... when) {
  try {
    return tickets_.open(std::move(ticket), when...);
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}
template std::optional<TicketName> PushService::try_open(Ticket& ticket, TimeNs deadline);

void PushService::push_to(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushWaiter waiter) {
  if (owner.shard == shard_index_) return push_here(devices_.find(owner, key), owner, key, message, waiter);
  Ticket asked{std::move(waiter), owner};
  const auto ticket = try_open(asked, Tickets::Patience::question, clock());
  if (!ticket) return finish_push(std::get<PushWaiter>(asked.waiter), PushOutcome::backpressure, owner, 0);
  const Request request{.kind = RequestKind::push, .ticket = *ticket, .target = owner, .key = key, .owned = lend(message)};
  if (ask(owner.shard, request)) {
    counters_.push_crossed.add(1);
    return;
  }
  counters_.push_lane_full.add(1);
  (void)take_message(request.owned);
  Ticket unasked = *tickets_.take(*ticket);
  finish_push(std::get<PushWaiter>(unasked.waiter), PushOutcome::backpressure, owner, 0);
}

/// `connection`: the owner, null if it is gone.
void PushService::push_here(conn::Connection* connection, device::ConnectionRef owner, device::IdKey key,
                            const ws::MessageRef& message, PushWaiter& waiter) {
  const DeliveryResult result = deliver(connection, key, message);
  ++pushes_of_turn_;
  finish_push(waiter, result.outcome, owner, result.queued_bytes);
}

void PushService::on_request(std::uint32_t from, const Request& request) {
  if (closed_) return decline(from, request);
  switch (request.kind) {
    case RequestKind::push: serve_push(from, request); break;
    case RequestKind::order: serve_order(from, request); break;
    case RequestKind::close_by_backend: serve_close(from, request); break;
    case RequestKind::close_replaced:
      (void)close_here(request, "replaced");
      answer(from, request.ticket, NoticeReply{});
      break;
    case RequestKind::extend_credential: serve_extension(from, request); break;
    case RequestKind::change_group: serve_group_change(from, request); break;
    case RequestKind::describe: serve_describe(from, request); break;
    case RequestKind::request_reply: serve_request(from, request); break;
    case RequestKind::broadcast:
      start_sweep(std::move(*take<SweepRef>(request.owned)),
                  [this, from, ticket = request.ticket](const BroadcastResult& result) { answer(from, ticket, result); });
      break;
    case RequestKind::outside: RINGGATE_ASSERT(false);  // arrives only through the inlet
  }
}

void PushService::serve_push(std::uint32_t from, const Request& request) {
  const ws::MessageRef message = take_message(request.owned);
  const DeliveryResult result = deliver(devices_.find(request.target, request.key), request.key, message);
  answer(from, request.ticket, PushReply{result.outcome, result.queued_bytes});
}

/// Delivers only to the connection that the look-up named, null if it is gone. Sent on to a newer connection, a push could arrive after
/// later pushes of the same producer.
DeliveryResult PushService::deliver(conn::Connection* connection, device::IdKey key, const ws::MessageRef& message) {
  if (connection == nullptr) return {map_.find(key) ? PushOutcome::closing : PushOutcome::unknown_device, 0};
  const DeliveryResult result = devices_.deliver(*connection, message, Audience::one);
  counters_.queue_at_push.record(result.queued_bytes);
  return result;
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
    case PushOutcome::invalid_utf8: return "invalid_utf8";
    case PushOutcome::unknown_outcome: return "unknown_outcome";
    case PushOutcome::other_connection: return "other_connection";
    case PushOutcome::level_unsupported: return "receipt_unsupported";
    case PushOutcome::id_conflict: return "id_conflict";
    case PushOutcome::expired: return "expired";
    case PushOutcome::coalesced: return "coalesced";
    case PushOutcome::dropped: return "dropped";
    case PushOutcome::timed_out: return "wait_timeout";
    case PushOutcome::connection_ended: return "connection_ended";
    case PushOutcome::not_covered: return "not_covered";
    case PushOutcome::engine_unavailable: return "engine_unavailable";
  }
  return "unknown_outcome";
}

const char* name_of(PushLevel level) {
  switch (level) {
    case PushLevel::none: return "none";
    case PushLevel::queued: return "queued";
    case PushLevel::sent: return "sent";
    case PushLevel::acked: return "acked";
    case PushLevel::ponged: return "ponged";
  }
  return "none";
}

const char* name_of(BroadcastOutcome outcome) {
  switch (outcome) {
    case BroadcastOutcome::completed: return "completed";
    case BroadcastOutcome::backpressure: return "backpressure";
    case BroadcastOutcome::too_large: return "too_large";
    case BroadcastOutcome::closing: return "closing";
    case BroadcastOutcome::invalid_utf8: return "invalid_utf8";
    case BroadcastOutcome::unknown_outcome: return "unknown_outcome";
  }
  return "unknown_outcome";
}

}  // namespace ringgate
