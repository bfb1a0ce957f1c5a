// Messages that a device answers, on any shard. Part of PushService; the session of the device keeps the waits.
#include <utility>

#include "base/limits.h"
#include "dispatch/outcome_counters.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {
namespace {

/// The owner shard keeps the deadline of the request; this is for one that is stuck.
constexpr DurationNs patience_beyond = limits::answer_seconds * nanoseconds_per_second;

/// As what it counts in the books of pushes; nullopt: nothing was to be sent.
std::optional<PushOutcome> push_of(RequestOutcome outcome) {
  switch (outcome) {
    case RequestOutcome::answered:
    case RequestOutcome::timed_out:
    case RequestOutcome::ended: return PushOutcome::delivered;
    case RequestOutcome::unknown_device: return PushOutcome::unknown_device;
    case RequestOutcome::backpressure: return PushOutcome::backpressure;
    case RequestOutcome::too_large: return PushOutcome::too_large;
    case RequestOutcome::closing: return PushOutcome::closing;
    case RequestOutcome::unknown_outcome: return PushOutcome::unknown_outcome;
    case RequestOutcome::no_pointer:
    case RequestOutcome::no_id:
    case RequestOutcome::id_in_use:
    case RequestOutcome::no_room: break;
  }
  return std::nullopt;
}

}  // namespace

void PushService::finish_request(RequestWaiter& waiter, RequestResult result) {
  if (const auto push = push_of(result.outcome)) {
    counters_.push_asked.add(1);
    count(counters_, *push);
  }
  waiter.on_result(std::move(result));
}

void PushService::request(std::string_view device_id, ws::MessageRef message, DurationNs timeout, RequestCallback on_result) {
  RequestWaiter waiter{std::move(on_result)};
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = map_.find(key);
  if (!owner) return finish_request(waiter, {RequestOutcome::unknown_device, nullptr});
  if (!message) return finish_request(waiter, {RequestOutcome::backpressure, nullptr});
  DeviceRequest request{.message = std::move(message), .timeout = timeout};
  if (owner->shard == shard_index_) {
    request_here(*owner, key, request,
                 [this, waiter = std::move(waiter)](RequestResult result) mutable { finish_request(waiter, std::move(result)); });
    return;
  }
  if (requests_crossing_ == limits::requests_crossing_max) return finish_request(waiter, {RequestOutcome::no_room, nullptr});
  const TicketName ticket = tickets_.open({std::move(waiter), *owner}, clock() + timeout + patience_beyond);
  const Request parcel{.kind = RequestKind::request_reply,
                       .ticket = ticket,
                       .target = *owner,
                       .key = key,
                       .owned = reinterpret_cast<std::uintptr_t>(new DeviceRequest(std::move(request)))};
  if (ask(owner->shard, parcel)) {
    ++requests_crossing_;
    return;
  }
  (void)take<DeviceRequest>(parcel.owned);
  Ticket unasked = *tickets_.take(ticket);
  finish_request(std::get<RequestWaiter>(unasked.waiter), {RequestOutcome::backpressure, nullptr});
}

void PushService::request_here(device::ConnectionRef target, device::IdKey key, const DeviceRequest& request,
                               RequestCallback on_result) {
  if (conn::Connection* connection = devices_.find(target, key))
    return devices_.request(*connection, request, std::move(on_result));
  on_result({map_.find(key) ? RequestOutcome::closing : RequestOutcome::unknown_device, nullptr});
}

void PushService::serve_request(std::uint32_t from, const Request& request) {
  const auto asked = take<DeviceRequest>(request.owned);
  request_here(request.target, request.key, *asked, [this, from, ticket = request.ticket](RequestResult result) {
    answer(from, ticket, RequestReply{result.outcome, reinterpret_cast<std::uintptr_t>(result.reply.release())});
  });
}

}  // namespace ringgate::dispatch
