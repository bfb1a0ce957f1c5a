// Pushes with options: to one connection of a device, to a named one, or to several, here and on other shards. Part of PushService.
#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "base/limits.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_order.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

PushOrder order_of(const device::KeyedHash& hash, ws::MessageRef message, const PushOptions& options) {
  PushOrder order{
      .message = std::move(message),
      .ttl = options.ttl_ns,
      .timeout = std::min<std::uint64_t>(options.timeout_ns, limits::push_timeout_seconds_max * nanoseconds_per_second),
      .wait = options.wait,
      .names_connection = !options.only_to.empty()};
  if (!options.coalesce_key.empty()) order.coalesce_key = hash(options.coalesce_key);
  if (options.id.empty()) return order;
  order.id = hash(options.id);
  const ByteView payload = order.message->payload();
  order.body = hash({reinterpret_cast<const char*>(payload.data()), payload.size()});
  order.body.check ^= static_cast<std::uint64_t>(order.message->type());
  return order;
}

void PushService::push(std::string_view device_id, ws::MessageRef message, const PushOptions& options, PushCallback on_result) {
  push(device_id, std::move(message), options, nullptr, std::move(on_result));
}

void PushService::push(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
                       std::shared_ptr<const Selection> reach, PushCallback on_result) {
  if (reach == nullptr && options.is_plain()) return push(device_id, std::move(message), std::move(on_result));
  counters_.push_asked.add(1);
  if (!message) return refuse_asked(PushOutcome::backpressure, std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = map_.find(key);
  if (!owner) return push_elsewhere(device_id, std::move(message), options, reach.get(), std::move(on_result));
  PushOrder order = order_of(gate_.hash, std::move(message), options);
  order.reach = std::move(reach);
  order_to_device(*owner, key, std::move(order), options.only_to, std::move(on_result));
}

/// `owner` is what a look-up named: a push does not follow a device that moved.
void PushService::order_to_device(device::ConnectionRef owner, device::IdKey key, PushOrder order,
                                  std::span<const ConnectionRef> only_to, PushCallback on_result) {
  std::vector<device::ConnectionRef> several;
  std::shared_ptr<PushSum> sum;
  try {
    if (gate_.companions.is_used()) several = all_of(key);
    if (order.names_connection) {
      if (several.empty()) several.push_back(owner);
      const auto is_other = [&](device::ConnectionRef each) {
        return std::ranges::find(only_to, to_public(each)) == only_to.end();
      };
      std::erase_if(several, is_other);
    }
    const bool is_one = several.empty() || (order.names_connection && several.size() == 1);
    if (!is_one) sum = new_sum(several.size(), on_result);
  } catch (const std::bad_alloc&) {
    return refuse_asked(PushOutcome::backpressure, std::move(on_result));
  }
  if (order.names_connection) {
    if (several.empty()) return refuse_asked(PushOutcome::other_connection, std::move(on_result));
    owner = several.front();
  }
  if (sum == nullptr) return order_to(owner, key, std::move(order), {std::move(on_result)});
  for (const device::ConnectionRef connection : several) {
    PushOrder part = order;
    part.is_part = true;
    order_to(connection, key, std::move(part), part_of(sum));
  }
}

/// Who waits for one to a connection of this shard. It is made first: a callback that takes memory of its own would be lost with what it
/// holds where there is none.
struct PushService::LocalOrder {
  PushWaiter waiter;
  device::ConnectionRef owner;
};

void PushService::order_to(device::ConnectionRef owner, device::IdKey key, PushOrder order, PushWaiter waiter) {
  if (owner.shard == shard_index_) {
    std::unique_ptr<LocalOrder> asked(new (std::nothrow) LocalOrder{std::move(waiter), owner});
    if (asked == nullptr) return finish_push(waiter, PushOutcome::backpressure, owner, 0);  // untouched
    if (!order.waits()) ++pushes_of_turn_;
    return deliver(owner, key, std::move(order), [this, asked = std::move(asked)](const PushReport& report) {
      finish_push(asked->waiter, report, asked->owner);
    });
  }
  const bool waits = order.waits();
  if (waits && waits_crossing_ >= limits::receipts_crossing_max) return finish_push(waiter, PushOutcome::backpressure, owner, 0);
  const TimeNs now = clock();
  const DurationNs patience = limits::answer_seconds * nanoseconds_per_second + (waits ? order.timeout : 0);
  std::unique_ptr<PushOrder> owned(new (std::nothrow) PushOrder(std::move(order)));
  if (owned == nullptr) return finish_push(waiter, PushOutcome::backpressure, owner, 0);
  Ticket asked{std::move(waiter), owner, waits, now};
  const auto ticket = try_open(asked, now + patience);
  if (!ticket) return finish_push(std::get<PushWaiter>(asked.waiter), PushOutcome::backpressure, owner, 0);
  const Request request{.kind = RequestKind::order,
                        .ticket = *ticket,
                        .target = owner,
                        .key = key,
                        .owned = reinterpret_cast<std::uintptr_t>(owned.get())};
  if (ask(owner.shard, request)) {
    (void)owned.release();
    if (waits) ++waits_crossing_;
    counters_.push_crossed.add(1);
    return;
  }
  counters_.push_lane_full.add(1);
  Ticket unasked = *tickets_.take(*ticket);
  finish_push(std::get<PushWaiter>(unasked.waiter), PushOutcome::backpressure, owner, 0);
}

void PushService::serve_order(std::uint32_t from, const Request& request) {
  const auto order = take<PushOrder>(request.owned);
  deliver(request.target, request.key, std::move(*order),
          [this, from, ticket = request.ticket](const PushReport& report) { answer(from, ticket, report); });
}

/// As of a plain push: only to the connection that the look-up named.
void PushService::deliver(device::ConnectionRef target, device::IdKey key, PushOrder order, ReportCallback on_report) {
  if (conn::Connection* const connection = devices_.find(target, key)) {
    if (order.reach != nullptr && !devices_.is_selected(*connection, *order.reach))
      return on_report({.outcome = PushOutcome::not_covered, .receipt = {}});
    return devices_.deliver(*connection, std::move(order), std::move(on_report));
  }
  const bool is_online = map_.find(key).has_value();
  const PushOutcome moved = order.names_connection ? PushOutcome::other_connection : PushOutcome::closing;
  on_report({.outcome = is_online ? moved : PushOutcome::unknown_device, .receipt = {}});
}

}  // namespace ringgate::dispatch
