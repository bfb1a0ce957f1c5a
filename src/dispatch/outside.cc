// What comes from threads that are no shard, and how everything that still waits is answered when no shard runs any more.
#include <utility>

#include "dispatch/owned_word.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

void PushService::on_outside(const Request& request) {
  const auto task = take<OutsideTask>(request.owned);
  switch (task->kind) {
    case OutsideTask::Kind::push: {
      ws::MessageRef message = take_message(task->message);
      if (closed_)
        finish_push(task->on_pushed, PushOutcome::closing, request.target, 0);
      else
        push_to(request.target, request.key, std::move(message), std::move(task->on_pushed));
      break;
    }
    case OutsideTask::Kind::broadcast: {
      ws::MessageRef message = take_message(task->message);
      if (closed_)
        task->on_broadcast({});
      else
        broadcast(std::move(message), std::move(task->on_broadcast));
      break;
    }
    case OutsideTask::Kind::with_connection:
      if (conn::Connection* connection = closed_ ? nullptr : devices_.find(request.target))
        devices_.with_connection(*connection, task->with_connection);
      break;
  }
}

bool PushService::close_down() {
  closed_ = true;
  const std::size_t handled = mailbox_.drain(SIZE_MAX, *this) + broadcasts_.size() + deferred_.size();
  for (BroadcastJob& job : std::exchange(broadcasts_, {})) job.on_done(job.result);
  for (const Deferred& deferred : std::exchange(deferred_, {})) {
    if (deferred.request.kind == RequestKind::broadcast) (void)take_message(deferred.request.owned);
    on_reply(deferred.shard, {.ticket = deferred.request.ticket, .outcome = PushOutcome::closing});
  }
  mailbox_.publish_all([](std::uint32_t) {});  // no shard runs: nobody sleeps
  return handled > 0;
}

/// Nobody serves devices any more: takes back what the request owns and says so.
void PushService::decline(std::uint32_t from, const Request& request) {
  switch (request.kind) {
    case RequestKind::push:
    case RequestKind::broadcast: (void)take_message(request.owned); break;
    case RequestKind::close_by_backend: (void)take<std::string>(request.owned); break;
    case RequestKind::close_replaced:
    case RequestKind::describe:
    case RequestKind::outside: break;
  }
  answer(from, {.outcome = PushOutcome::closing, .target = request.target}, request.ticket);
}

}  // namespace ringgate::dispatch
