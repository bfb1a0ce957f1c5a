// Questions about devices, and decisions about handshakes, from any thread. Part of Entry.
#include <utility>

#include "dispatch/entry.h"
#include "dispatch/push_service.h"

namespace ringgate::dispatch {

namespace {

/// Pages that threads without a shard ask for are made on this shard.
constexpr std::uint32_t shard_of_pages = 0;
/// The same for questions about devices of other gates.
constexpr std::uint32_t shard_of_elsewhere = 0;

std::unique_ptr<OutsideTask> task_of(OutsideTask::Kind kind, OutsideQuestion question) {
  auto task = std::make_unique<OutsideTask>();
  task->kind = kind;
  task->question = std::make_unique<OutsideQuestion>(std::move(question));
  return task;
}

}  // namespace

void Entry::close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result) {
  if (!on_result) on_result = [](CloseOutcome) {};
  if (PushService* const here = PushService::of_this_thread(gate_))
    return here->close_device(device_id, code, std::string(reason), std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find_from_outside(key);
  if (!owner && !goes_elsewhere_) return on_result(CloseOutcome::unknown_device);
  OutsideQuestion question;
  if (!owner) question.device_id = device_id;
  question.code = code;
  question.reason = reason;
  question.on_closed = std::move(on_result);
  auto task = task_of(OutsideTask::Kind::close, std::move(question));
  const PostOutcome posted = post(owner ? owner->shard : shard_of_elsewhere, {.key = key}, task);
  if (posted == PostOutcome::posted) return;
  task->question->on_closed(posted == PostOutcome::full ? CloseOutcome::backpressure : CloseOutcome::stopping);
}

void Entry::describe(std::string_view device_id, DescribeCallback on_result) {
  if (!on_result) return;  // nothing else comes of it
  if (PushService* const here = PushService::of_this_thread(gate_)) return here->describe(device_id, std::move(on_result));
  const device::IdKey key = gate_.hash(device_id);
  const auto owner = gate_.map.find_from_outside(key);
  if (!owner && !goes_elsewhere_) return on_result({DescribeOutcome::unknown_device, nullptr});
  OutsideQuestion question;
  if (!owner) question.device_id = device_id;
  question.on_described = std::move(on_result);
  auto task = task_of(OutsideTask::Kind::describe, std::move(question));
  if (post(owner ? owner->shard : shard_of_elsewhere, {.key = key}, task) == PostOutcome::posted) return;
  task->question->on_described({DescribeOutcome::unavailable, nullptr});
}

void Entry::list(DeviceCursor cursor, std::size_t limit, ListCallback on_result) {
  if (!on_result) return;
  if (PushService* const here = PushService::of_this_thread(gate_)) return here->list(cursor, limit, std::move(on_result));
  OutsideQuestion question;
  question.cursor = cursor;
  question.limit = limit;
  question.on_listed = std::move(on_result);
  auto task = task_of(OutsideTask::Kind::list, std::move(question));
  if (post(shard_of_pages, {}, task) == PostOutcome::posted) return;
  task->question->on_listed({.outcome = ListOutcome::unavailable, .devices = {}, .next = {}});
}

void Entry::decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result) {
  const auto target = device::ConnectionRef::unpack(connection.word);
  const bool is_nobody = connection.word == 0 || target.shard >= gate_.shards_count;
  auto outside = std::make_unique<OutsideTask>();
  outside->kind = OutsideTask::Kind::decide;
  outside->decision = std::make_unique<UpgradeDecision>(std::move(decision));
  outside->on_decided = std::move(on_result);
  const PostOutcome posted = is_nobody ? PostOutcome::ended : post(target.shard, {.target = target}, outside);
  if (posted == PostOutcome::posted || !outside->on_decided) return;
  outside->on_decided(is_nobody ? DecideOutcome::gone : DecideOutcome::unavailable);
}

bool Entry::try_decide(ConnectionRef connection, UpgradeDecision& decision) {
  const auto target = device::ConnectionRef::unpack(connection.word);
  if (connection.word == 0 || target.shard >= gate_.shards_count) return true;
  auto outside = std::make_unique<OutsideTask>();
  outside->kind = OutsideTask::Kind::decide;
  outside->decision = std::make_unique<UpgradeDecision>(std::move(decision));
  if (post(target.shard, {.target = target}, outside) != PostOutcome::full) return true;
  decision = std::move(*outside->decision);
  return false;
}

}  // namespace ringgate::dispatch
