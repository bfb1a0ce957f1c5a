#include "admin/off_shard.h"

#include <pthread.h>

#include <utility>

#include "base/limits.h"

namespace ringgate::admin {

OffShard::OffShard(std::size_t shards, std::function<void(std::uint8_t)> wake) : wake_(std::move(wake)), outboxes_(shards) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

OffShard::~OffShard() = default;

bool OffShard::post(std::uint8_t shard, const Responder& responder, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= limits::off_shard_work_max) return false;
    jobs_.push_back({shard, responder, std::move(work)});
  }
  arrived_.notify_one();
  return true;
}

void OffShard::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "off-shard");
  std::unique_lock lock(mutex_);
  while (arrived_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Answer answer = job.work();
    lock.lock();
    Outbox& outbox = outboxes_[job.shard];
    outbox.answers.push_back({job.responder, std::move(answer)});
    outbox.has_answers.store(true, std::memory_order_release);
    lock.unlock();
    wake_(job.shard);
    lock.lock();
  }
}

void OffShard::give_answers(std::uint8_t shard) {
  Outbox& outbox = outboxes_[shard];
  if (!outbox.has_answers.load(std::memory_order_acquire)) return;
  std::vector<Done> answers;
  {
    const std::lock_guard lock(mutex_);
    outbox.has_answers.store(false, std::memory_order_relaxed);
    answers.swap(outbox.answers);
  }
  for (Done& done : answers) done.responder.answer(std::move(done.answer));
}

}  // namespace ringgate::admin
