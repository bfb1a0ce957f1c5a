// Pushes, broadcasts, questions, decisions and tasks from any thread, passed to dispatch/entry.h.
#include <algorithm>
#include <chrono>
#include <future>
#include <memory>

#include "base/assert.h"
#include "base/limits.h"
#include "base/time.h"
#include "dispatch/push_service.h"
#include "server/server_parts.h"

namespace ringgate {

namespace {

/// The result that `ask` passes to its callback; `otherwise` if that takes longer than an answer may, and `beyond`.
template <typename Result, typename Ask>
Result wait_for(Result otherwise, Ask&& ask, std::chrono::nanoseconds beyond = {}) {
  RINGGATE_ASSERT(!dispatch::PushService::is_on_shard());
  // Shared, because a stuck shard may answer after this wait is over.
  const auto promise = std::make_shared<std::promise<Result>>();
  auto result = promise->get_future();
  ask([promise](Result told) { promise->set_value(std::move(told)); });
  if (result.wait_for(std::chrono::seconds(limits::answer_seconds) + beyond) == std::future_status::ready) return result.get();
  return otherwise;
}

}  // namespace

void Server::push(std::string_view device_id, MessageView message, PushCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().push(device_id, message, std::move(on_result));
  if (on_result) on_result({PushOutcome::unknown_device, {}, 0});  // nobody is online
}

void Server::push(std::string_view device_id, const PreparedMessage& message, PushCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().push(device_id, message, std::move(on_result));
  if (on_result) on_result({PushOutcome::unknown_device, {}, 0});
}

void Server::push(std::string_view device_id, MessageView message, const PushOptions& options, PushCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire))
    return parts_->entry().push(device_id, message, options, std::move(on_result));
  if (on_result) on_result({PushOutcome::unknown_device, {}, 0});
}

void Server::push(std::string_view device_id, const PreparedMessage& message, const PushOptions& options,
                  PushCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire))
    return parts_->entry().push(device_id, message, options, std::move(on_result));
  if (on_result) on_result({PushOutcome::unknown_device, {}, 0});
}

PushResult Server::push_and_wait(std::string_view device_id, MessageView message, const PushOptions& options) {
  const std::uint64_t beyond = options.wait > PushLevel::queued
                                   ? std::min(options.timeout_ns, limits::push_timeout_seconds_max * nanoseconds_per_second)
                                   : 0;
  return wait_for<PushResult>(
      {.outcome = PushOutcome::unknown_outcome, .connection = {}},
      [&](auto on_result) { push(device_id, message, options, std::move(on_result)); }, std::chrono::nanoseconds(beyond));
}

PushResult Server::push_and_wait(std::string_view device_id, MessageView message) {
  return wait_for<PushResult>({.outcome = PushOutcome::unknown_outcome, .connection = {}},
                              [&](auto on_result) { push(device_id, message, std::move(on_result)); });
}

void Server::broadcast(MessageView message, BroadcastCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().broadcast(message, std::move(on_result));
  if (on_result) on_result({});  // completed: to nobody
}

void Server::broadcast(const PreparedMessage& message, BroadcastCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().broadcast(message, std::move(on_result));
  if (on_result) on_result({});
}

void Server::broadcast(const DeviceFilter& filter, MessageView message, BroadcastCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().broadcast(filter, message, std::move(on_result));
  if (on_result) on_result({});
}

void Server::broadcast(const DeviceFilter& filter, const PreparedMessage& message, BroadcastCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().broadcast(filter, message, std::move(on_result));
  if (on_result) on_result({});
}

void Server::close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire))
    return parts_->entry().close(device_id, code, reason, std::move(on_result));
  if (on_result) on_result(CloseOutcome::unknown_device);
}

void Server::find(std::string_view device_id, DescribeCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().describe(device_id, std::move(on_result));
  if (on_result) on_result({DescribeOutcome::unknown_device, nullptr});
}

void Server::list(DeviceCursor cursor, std::size_t limit, ListCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire)) return parts_->entry().list(cursor, limit, std::move(on_result));
  if (on_result) on_result({});  // completed: nobody is online
}

CloseOutcome Server::close_and_wait(std::string_view device_id, CloseCode code, std::string_view reason) {
  return wait_for<CloseOutcome>(CloseOutcome::unknown_outcome,
                                [&](auto on_result) { close(device_id, code, reason, std::move(on_result)); });
}

DescribeResult Server::find_and_wait(std::string_view device_id) {
  return wait_for<DescribeResult>({DescribeOutcome::unavailable, nullptr},
                                  [&](auto on_result) { find(device_id, std::move(on_result)); });
}

ListResult Server::list_and_wait(DeviceCursor cursor, std::size_t limit) {
  return wait_for<ListResult>({.outcome = ListOutcome::unavailable, .devices = {}, .next = {}},
                              [&](auto on_result) { list(cursor, limit, std::move(on_result)); });
}

bool Server::with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task) {
  if (!task || !parts_->started.load(std::memory_order_acquire)) return false;
  return parts_->entry().with_connection(connection, std::move(task));
}

void Server::decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result) {
  if (parts_->started.load(std::memory_order_acquire))
    return parts_->entry().decide(connection, std::move(decision), std::move(on_result));
  if (on_result) on_result(DecideOutcome::unavailable);
}

}  // namespace ringgate
