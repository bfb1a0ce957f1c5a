// Pushes, broadcasts and tasks from any thread, passed to dispatch/entry.h.
#include <chrono>
#include <future>
#include <memory>

#include "base/assert.h"
#include "base/limits.h"
#include "dispatch/push_service.h"
#include "server/server_parts.h"

namespace ringgate {

void Server::push(std::string_view device_id, MessageView message, PushCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().push(device_id, message, std::move(on_result));
  if (on_result) on_result({PushOutcome::unknown_device, {}, 0});  // nobody is online
}

PushResult Server::push_and_wait(std::string_view device_id, MessageView message) {
  RINGGATE_ASSERT(!dispatch::PushService::is_on_shard());
  // Shared, because a stuck shard may answer after this wait is over.
  const auto promise = std::make_shared<std::promise<PushResult>>();
  auto result = promise->get_future();
  push(device_id, message, [promise](const PushResult& outcome) { promise->set_value(outcome); });
  if (result.wait_for(std::chrono::seconds(limits::answer_seconds)) == std::future_status::ready) return result.get();
  return {.outcome = PushOutcome::unknown_outcome, .connection = {}};
}

void Server::broadcast(MessageView message, BroadcastCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().broadcast(message, std::move(on_result));
  if (on_result) on_result({});  // completed: to nobody
}

bool Server::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  if (!task || !parts_->started.load(std::memory_order_acquire)) return false;
  return parts_->entry().with_connection(connection, std::move(task));
}

}  // namespace ringgate
