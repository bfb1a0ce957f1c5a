// Work from threads without a shard, and the answers to all that still waits when no shard runs any more. Part of PushService.
#include <utility>

#include "dispatch/outcome_counters.h"
#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

void PushService::on_outside(const Request& request) {
  const auto task = take<OutsideTask>(request.owned);
  switch (task->kind) {
    case OutsideTask::Kind::push: {
      if (task->order != nullptr && !closed_) {
        order_to_device(request.target, request.key, std::move(*task->order), task->only_to, std::move(task->on_pushed));
        break;
      }
      ws::MessageRef message = task->order != nullptr ? std::move(task->order->message) : take_message(task->message);
      if (PushWaiter waiter{std::move(task->on_pushed)}; closed_) finish_push(waiter, PushOutcome::closing, request.target, 0);
      else push_to_device(request.target, request.key, std::move(message), std::move(waiter.on_result));
      break;
    }
    case OutsideTask::Kind::push_elsewhere: {
      ws::MessageRef message = take_message(task->message);
      if (closed_) refuse_push(PushOutcome::closing, std::move(task->on_pushed));
      else push(task->device_id, std::move(message), task->options, std::move(task->on_pushed));
      break;
    }
    case OutsideTask::Kind::broadcast: {
      ws::MessageRef message = take_message(task->message);
      gate_.broadcasts_posted.fetch_sub(1, std::memory_order_relaxed);
      if (closed_) refuse_asked(BroadcastOutcome::closing, std::move(task->on_broadcast));
      else broadcast_asked(std::move(message), std::move(task->selection), std::move(task->on_broadcast));
      break;
    }
    case OutsideTask::Kind::decide: {
      conn::Connection* const connection = closed_ ? nullptr : devices_.find(request.target);
      const DecideOutcome outcome = connection == nullptr ? DecideOutcome::gone : devices_.decide(*connection, *task->decision);
      if (task->on_decided) task->on_decided(outcome);
      break;
    }
    case OutsideTask::Kind::yield:
      (void)close_here({.kind = RequestKind::close_replaced, .target = request.target, .key = request.key}, "replaced");
      break;
    case OutsideTask::Kind::run: task->run(); break;
    case OutsideTask::Kind::close:
      if (closed_) task->question->on_closed(CloseOutcome::stopping);
      else if (!task->question->device_id.empty())
        close_device(task->question->device_id, task->question->code, std::move(task->question->reason),
                     std::move(task->question->on_closed));
      else
        close_device(request.key, task->question->code, std::move(task->question->reason), std::move(task->question->on_closed));
      break;
    case OutsideTask::Kind::describe:
      if (closed_) task->question->on_described({DescribeOutcome::unavailable, nullptr});
      else if (!task->question->device_id.empty()) describe(task->question->device_id, std::move(task->question->on_described));
      else describe(request.key, std::move(task->question->on_described));
      break;
    case OutsideTask::Kind::list:
      list(task->question->cursor, task->question->limit, std::move(task->question->on_listed));
      break;
    case OutsideTask::Kind::with_connection:
      if (conn::Connection* connection = closed_ ? nullptr : devices_.find(request.target))
        devices_.with_connection(*connection, task->with_connection);
      break;
  }
}

bool PushService::close_down() {
  closed_ = true;
  std::size_t handled = mailbox_.drain(SIZE_MAX, *this) + broadcasts_.size() + devices_.end_all_pushes() + links_.close_down();
  for (BroadcastJob& job : std::exchange(broadcasts_, {})) {
    job.result.outcome = BroadcastOutcome::closing;
    job.on_done(job.result);
  }
  handled += pages_.size();
  for (ListedPage& page : std::exchange(pages_, {}))
    page.on_result({.outcome = ListOutcome::unavailable, .devices = {}, .next = {}});
  for (const auto& [shard, waiting] : std::exchange(deferred_, {})) {
    handled += waiting.size();
    for (const Request& request : waiting) {
      if (request.kind != RequestKind::broadcast) continue;  // a notice has no waiter
      (void)take<SweepRef>(request.owned);
      on_reply(shard, {.ticket = request.ticket, .of = BroadcastResult{.outcome = BroadcastOutcome::closing}});
    }
  }
  mailbox_.publish_all([](std::uint32_t) {});  // no shard runs, so none must be woken
  return handled > 0;
}

/// Devices are no longer served: frees what the request owns and answers accordingly.
void PushService::decline(std::uint32_t from, const Request& request) {
  switch (request.kind) {
    case RequestKind::push:
      (void)take_message(request.owned);
      return answer(from, request.ticket, PushReply{PushOutcome::closing, 0});
    case RequestKind::order:
      (void)take<PushOrder>(request.owned);
      return answer(from, request.ticket, PushReport{.outcome = PushOutcome::closing, .receipt = {}});
    case RequestKind::broadcast:
      (void)take<SweepRef>(request.owned);
      return answer(from, request.ticket, BroadcastResult{.outcome = BroadcastOutcome::closing});
    case RequestKind::close_by_backend:
      (void)take<std::string>(request.owned);
      return answer(from, request.ticket, CloseReply{CloseOutcome::stopping});
    case RequestKind::extend_credential:
      (void)take<std::int64_t>(request.owned);
      return answer(from, request.ticket, CloseReply{CloseOutcome::stopping});
    case RequestKind::change_group:
      (void)take<GroupChange>(request.owned);
      return answer(from, request.ticket, CloseReply{CloseOutcome::stopping});
    case RequestKind::describe: return answer(from, request.ticket, DescribeReply{DescribeOutcome::unavailable, 0});
    case RequestKind::request_reply:
      (void)take<DeviceRequest>(request.owned);
      return answer(from, request.ticket, RequestReply{RequestOutcome::closing, 0});
    case RequestKind::close_replaced: return answer(from, request.ticket, NoticeReply{});
    case RequestKind::outside: break;  // arrives only through the inlet
  }
}

}  // namespace ringgate::dispatch
