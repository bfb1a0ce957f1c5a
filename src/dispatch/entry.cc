#include "dispatch/entry.h"

#include <new>
#include <utility>

#include "base/limits.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"
#include "ws/utf8.h"

namespace ringgate::dispatch {

namespace {

/// All broadcasts of threads without a shard start on this shard: two shards would not keep their order.
constexpr std::uint32_t shard_of_broadcasts = 0;
/// The same for pushes to devices of other gates.
constexpr std::uint32_t shard_of_elsewhere = 0;

bool is_invalid_text(MessageView message) { return message.type == MessageType::text && !ws::valid_utf8(message.payload); }

}  // namespace

PostOutcome Entry::post(std::uint32_t shard, Request request, std::unique_ptr<OutsideTask>& task) {
  request.kind = RequestKind::outside;
  request.owned = reinterpret_cast<std::uintptr_t>(task.get());
  gate_.posters.fetch_add(1);
  PostOutcome outcome = PostOutcome::ended;
  if (!gate_.closed.load()) {
    const bool posted = gate_.mailboxes.post_from_outside(shard, request);
    outcome = posted ? PostOutcome::posted : PostOutcome::full;
    if (posted) (void)task.release();
    if (posted && gate_.mailboxes.must_ring(shard)) ring::Ring::wake_from_any_thread(gate_.doorbells[shard]);
  }
  gate_.posters.fetch_sub(1);
  return outcome;
}

void Entry::refuse(PushOutcome outcome, PushCallback on_result) {
  if (PushService* const here = PushService::of_this_thread(gate_)) return here->refuse_push(outcome, std::move(on_result));
  gate_.outside.pushes_asked.fetch_add(1, std::memory_order_relaxed);
  gate_.outside.count(outcome);
  if (on_result) on_result({outcome, {}, 0});
}

void Entry::push(std::string_view device_id, MessageView message, PushCallback on_result) {
  if (message.payload.size() > message_bytes_max_) return refuse(PushOutcome::too_large, std::move(on_result));
  if (is_invalid_text(message)) return refuse(PushOutcome::invalid_utf8, std::move(on_result));
  push_encoded(device_id, ws::MessageRef::encode(message.type, message.payload), std::move(on_result));
}

void Entry::push(std::string_view device_id, const PreparedMessage& message, PushCallback on_result) {
  ws::MessageRef encoded = ws::MessageRef::share(message.encoded());
  if (encoded->payload().size() > message_bytes_max_) return refuse(PushOutcome::too_large, std::move(on_result));
  push_encoded(device_id, std::move(encoded), std::move(on_result));
}

/// A null message: there was no memory for it.
void Entry::push_encoded(std::string_view device_id, ws::MessageRef message, PushCallback on_result) {
  if (!message) return refuse(PushOutcome::backpressure, std::move(on_result));
  if (PushService* const here = PushService::of_this_thread(gate_))
    return here->push(device_id, std::move(message), std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find_from_outside(key);
  if (!owner) return push_elsewhere(device_id, std::move(message), {}, std::move(on_result));
  post_push(*owner, key, std::move(message), std::move(on_result));
}

void Entry::push(std::string_view device_id, MessageView message, const PushOptions& options, PushCallback on_result) {
  push(device_id, message, options, nullptr, std::move(on_result));
}

void Entry::push(std::string_view device_id, MessageView message, const PushOptions& options,
                 std::shared_ptr<const Selection> reach, PushCallback on_result) {
  if (message.payload.size() > message_bytes_max_) return refuse(PushOutcome::too_large, std::move(on_result));
  if (is_invalid_text(message)) return refuse(PushOutcome::invalid_utf8, std::move(on_result));
  push_encoded(device_id, ws::MessageRef::encode(message.type, message.payload), options, std::move(reach), std::move(on_result));
}

void Entry::push(std::string_view device_id, const PreparedMessage& message, const PushOptions& options, PushCallback on_result) {
  ws::MessageRef encoded = ws::MessageRef::share(message.encoded());
  if (encoded->payload().size() > message_bytes_max_) return refuse(PushOutcome::too_large, std::move(on_result));
  push_encoded(device_id, std::move(encoded), options, nullptr, std::move(on_result));
}

/// A null message: there was no memory for it.
void Entry::push_encoded(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
                         std::shared_ptr<const Selection> reach, PushCallback on_result) {
  if (!message) return refuse(PushOutcome::backpressure, std::move(on_result));
  if (PushService* const here = PushService::of_this_thread(gate_))
    return here->push(device_id, std::move(message), options, std::move(reach), std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find_from_outside(key);
  if (!owner) return push_elsewhere(device_id, std::move(message), options, std::move(on_result));
  std::unique_ptr<OutsideTask> task;
  try {
    task = std::make_unique<OutsideTask>();
    task->order = std::make_unique<PushOrder>(order_of(gate_.hash, std::move(message), options));
    task->order->reach = std::move(reach);
    task->only_to = options.only_to;
  } catch (const std::bad_alloc&) {
    return refuse(PushOutcome::backpressure, std::move(on_result));
  }
  task->on_pushed = std::move(on_result);
  post_push(*owner, key, std::move(task));
}

/// One shard asks for all of them, so that the order of a thread's pushes is kept.
void Entry::push_elsewhere(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
                           PushCallback on_result) {
  if (!goes_elsewhere_) return refuse(PushOutcome::unknown_device, std::move(on_result));
  auto task = std::make_unique<OutsideTask>();
  task->kind = OutsideTask::Kind::push_elsewhere;
  task->on_pushed = std::move(on_result);
  task->message = lend(std::move(message));
  task->device_id = device_id;
  task->options = options;
  const PostOutcome posted = post(shard_of_elsewhere, {}, task);
  if (posted == PostOutcome::posted) return;
  (void)take_message(task->message);
  refuse(posted == PostOutcome::full ? PushOutcome::backpressure : PushOutcome::closing, std::move(task->on_pushed));
}

bool Entry::yield(std::string_view device_id, ConnectionRef connection) {
  const auto target = device::ConnectionRef::unpack(connection.word);
  auto task = std::make_unique<OutsideTask>();
  task->kind = OutsideTask::Kind::yield;
  return post(target.shard, {.kind = {}, .target = target, .key = gate_.hash(device_id)}, task) != PostOutcome::full;
}

bool Entry::run_on(std::uint32_t shard, std::move_only_function<void()>& task) {
  auto outside = std::make_unique<OutsideTask>();
  outside->kind = OutsideTask::Kind::run;
  outside->run = std::move(task);
  const PostOutcome posted = post(shard, {}, outside);
  if (posted == PostOutcome::full) task = std::move(outside->run);
  else if (posted == PostOutcome::ended) outside->run();
  return posted != PostOutcome::full;
}

void Entry::post_push(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result) {
  std::unique_ptr<OutsideTask> task(new (std::nothrow) OutsideTask);
  if (task == nullptr) return refuse(PushOutcome::backpressure, std::move(on_result));
  task->on_pushed = std::move(on_result);
  task->message = lend(std::move(message));
  post_push(owner, key, std::move(task));
}

void Entry::post_push(device::ConnectionRef owner, device::IdKey key, std::unique_ptr<OutsideTask> task) {
  gate_.outside.pushes_asked.fetch_add(1, std::memory_order_relaxed);
  const PostOutcome posted = post(owner.shard, {.target = owner, .key = key}, task);
  if (posted == PostOutcome::posted) return;
  if (task->order == nullptr) (void)take_message(task->message);
  const PushOutcome outcome = posted == PostOutcome::full ? PushOutcome::backpressure : PushOutcome::closing;
  gate_.outside.count(outcome);
  if (task->on_pushed) task->on_pushed({outcome, to_public(owner), 0});
}

void Entry::refuse(BroadcastOutcome outcome, BroadcastCallback on_result) {
  if (PushService* const here = PushService::of_this_thread(gate_)) return here->refuse_broadcast(outcome, std::move(on_result));
  gate_.outside.broadcasts_asked.fetch_add(1, std::memory_order_relaxed);
  gate_.outside.count(outcome);
  if (on_result) on_result({.outcome = outcome});
}

void Entry::broadcast(MessageView message, BroadcastCallback on_result) { broadcast({}, message, std::move(on_result)); }

void Entry::broadcast(const PreparedMessage& message, BroadcastCallback on_result) {
  broadcast({}, message, std::move(on_result));
}

void Entry::broadcast(const DeviceFilter& filter, MessageView message, BroadcastCallback on_result) {
  if (message.payload.size() > message_bytes_max_) return refuse(BroadcastOutcome::too_large, std::move(on_result));
  if (is_invalid_text(message)) return refuse(BroadcastOutcome::invalid_utf8, std::move(on_result));
  broadcast_encoded(ws::MessageRef::encode(message.type, message.payload), filter, std::move(on_result));
}

void Entry::broadcast(const DeviceFilter& filter, const PreparedMessage& message, BroadcastCallback on_result) {
  ws::MessageRef encoded = ws::MessageRef::share(message.encoded());
  if (encoded->payload().size() > message_bytes_max_) return refuse(BroadcastOutcome::too_large, std::move(on_result));
  broadcast_encoded(std::move(encoded), filter, std::move(on_result));
}

/// A null message: there was no memory for it.
void Entry::broadcast_encoded(ws::MessageRef message, const DeviceFilter& filter, BroadcastCallback on_result) {
  if (!message) return refuse(BroadcastOutcome::backpressure, std::move(on_result));
  if (PushService* const here = PushService::of_this_thread(gate_))
    return here->broadcast(std::move(message), Selection(filter), std::move(on_result));
  const bool is_over = gate_.broadcasts_posted.fetch_add(1, std::memory_order_relaxed) >= limits::broadcasts_open_max;
  const auto give_back = [&] { gate_.broadcasts_posted.fetch_sub(1, std::memory_order_relaxed); };
  if (is_over) {
    give_back();
    return refuse(BroadcastOutcome::backpressure, std::move(on_result));
  }
  auto task = std::make_unique<OutsideTask>();
  task->kind = OutsideTask::Kind::broadcast;
  task->on_broadcast = std::move(on_result);
  task->message = lend(std::move(message));
  task->selection = Selection(filter);
  gate_.outside.broadcasts_asked.fetch_add(1, std::memory_order_relaxed);
  const PostOutcome posted = post(shard_of_broadcasts, {}, task);
  if (posted == PostOutcome::posted) return;
  give_back();
  (void)take_message(task->message);
  const BroadcastOutcome outcome = posted == PostOutcome::full ? BroadcastOutcome::backpressure : BroadcastOutcome::closing;
  gate_.outside.count(outcome);
  if (task->on_broadcast) task->on_broadcast({.outcome = outcome});
}

bool Entry::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  const auto target = device::ConnectionRef::unpack(connection.word);
  if (connection.word == 0 || target.shard >= gate_.shards_count) return false;
  auto outside = std::make_unique<OutsideTask>();
  outside->kind = OutsideTask::Kind::with_connection;
  outside->with_connection = std::move(task);
  return post(target.shard, {.target = target}, outside) == PostOutcome::posted;
}

}  // namespace ringgate::dispatch
