// The push service's calls about one device that carry no message: closing it, telling about it, and what a takeover says to the
// shard of the connection that was replaced.
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

// -- Closing by id, and takeover

void PushService::close_device(std::string_view device_id, CloseCode code, std::string reason, PushCallback on_result) {
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = map_.find(key);
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
  const auto owner = map_.find(gate_.hash(device_id));
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

}  // namespace ringgate::dispatch
