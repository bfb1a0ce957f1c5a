// Pushes and tasks from any thread: on a shard they go straight to its push service, from elsewhere through the owner's inlet.
#include <future>

#include "base/assert.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"
#include "server/server_parts.h"
#include "ws/prepared_message.h"

namespace ringgate {

PushOutcome Server::Parts::post(std::uint32_t shard, dispatch::Request request,
                                std::unique_ptr<dispatch::OutsideTask>& task) {
  request.kind = dispatch::RequestKind::outside;
  request.owned = reinterpret_cast<std::uintptr_t>(task.get());
  gate->posters.fetch_add(1);
  PushOutcome outcome = PushOutcome::closing;
  if (!gate->closed.load()) {
    const bool posted = gate->mailboxes.post_from_outside(shard, request);
    outcome = posted ? PushOutcome::delivered : PushOutcome::backpressure;
    if (posted) (void)task.release();
    if (posted && gate->mailboxes.must_ring(shard)) ring::Ring::wake_from_any_thread(gate->doorbells[shard]);
  }
  gate->posters.fetch_sub(1);
  return outcome;
}

void Server::push(std::string_view device_id, MessageView message, PushCallback on_result) {
  if (!on_result) on_result = [](const PushResult&) {};
  if (!parts_->started.load(std::memory_order_acquire)) {  // nobody is online
    on_result({PushOutcome::unknown_device, {}, 0});
    return;
  }
  if (message.payload.size() > parts_->config.limits.push_bytes_max) {
    on_result({PushOutcome::too_large, {}, 0});
    return;
  }
  auto prepared = ws::MessageRef::encode(message.type, message.payload);
  if (!prepared) {
    on_result({PushOutcome::backpressure, {}, 0});
    return;
  }
  if (dispatch::PushService* here = dispatch::PushService::of_this_thread(*parts_->gate)) {
    here->push(device_id, std::move(prepared), std::move(on_result));
    return;
  }
  dispatch::GateState& gate = *parts_->gate;
  const device::IdKey key = gate.hash(device_id);
  const auto owner = gate.map.find_from_outside(key);
  if (!owner) {
    on_result({PushOutcome::unknown_device, {}, 0});
    return;
  }
  auto task = std::make_unique<dispatch::OutsideTask>();
  task->on_pushed = std::move(on_result);
  task->message = dispatch::lend(std::move(prepared));
  const PushOutcome posted = parts_->post(owner->shard, {.target = *owner, .key = key}, task);
  if (posted == PushOutcome::delivered) return;
  (void)dispatch::take_message(task->message);
  task->on_pushed({posted, dispatch::to_public(*owner), 0});
}

PushResult Server::push_and_wait(std::string_view device_id, MessageView message) {
  RINGGATE_ASSERT(!dispatch::PushService::is_on_shard());
  std::promise<PushResult> promise;
  auto result = promise.get_future();
  push(device_id, message, [&promise](const PushResult& outcome) { promise.set_value(outcome); });
  return result.get();
}

void Server::broadcast(MessageView message, BroadcastCallback on_result) {
  if (!on_result) on_result = [](const BroadcastResult&) {};
  if (!parts_->started.load(std::memory_order_acquire)) {  // to nobody
    on_result({});
    return;
  }
  auto prepared = ws::MessageRef::encode(message.type, message.payload);
  if (dispatch::PushService* here = dispatch::PushService::of_this_thread(*parts_->gate); here != nullptr && prepared) {
    here->broadcast(std::move(prepared), std::move(on_result));
    return;
  }
  if (!prepared) {
    on_result({});
    return;
  }
  auto task = std::make_unique<dispatch::OutsideTask>();
  task->kind = dispatch::OutsideTask::Kind::broadcast;
  task->on_broadcast = std::move(on_result);
  task->message = dispatch::lend(std::move(prepared));
  // Any shard can start it; the first with room does.
  for (std::uint32_t shard = 0; shard < parts_->gate->shards_count; ++shard)
    if (parts_->post(shard, {}, task) == PushOutcome::delivered) return;
  (void)dispatch::take_message(task->message);
  task->on_broadcast({});
}

bool Server::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  if (!task || !parts_->started.load(std::memory_order_acquire)) return false;
  const auto target = device::ConnectionRef::unpack(connection.word);
  if (connection.word == 0 || target.shard >= parts_->gate->shards_count) return false;
  auto outside = std::make_unique<dispatch::OutsideTask>();
  outside->kind = dispatch::OutsideTask::Kind::with_connection;
  outside->with_connection = std::move(task);
  return parts_->post(target.shard, {.target = target}, outside) == PushOutcome::delivered;
}

}  // namespace ringgate
