// Work of the admin API that would hold up a shard, such as reading files: one thread that is no shard does it, one piece after the
// other, and the shard that asked gives the answer with a later turn.
//
// Shards call `post` and `take`; the server stops it once the shards have ended. Invariant: every piece of work that was accepted is
// done, and its answer is there to be taken.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "admin/responder.h"

namespace ringgate::admin {

class OffShard {
 public:
  using Work = std::move_only_function<Answer()>;
  /// `wake`: makes a shard take a turn; called on the thread of this object.
  OffShard(std::size_t shards, std::function<void(std::uint8_t shard)> wake);
  ~OffShard();
  OffShard(const OffShard&) = delete;
  OffShard& operator=(const OffShard&) = delete;

  /// Does `work` later, for the shard that calls. False if limits::off_shard_work_max wait already; then `work` never runs.
  bool post(std::uint8_t shard, const Responder& responder, Work work);

  /// Gives the answers that are ready, on the shard that asked. Each turn.
  void give_answers(std::uint8_t shard);

 private:
  struct Job {
    std::uint8_t shard;
    Responder responder;
    Work work;
  };
  struct Done {
    Responder responder;
    Answer answer;
  };
  struct Outbox {
    std::atomic<bool> has_answers{false};  // set behind the answers (release), read by the shard each turn (acquire)
    std::vector<Done> answers;             // under mutex_
  };

  void run(const std::stop_token& stop);

  std::function<void(std::uint8_t)> wake_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Job> jobs_;
  std::deque<Outbox> outboxes_;  // by shard
  std::jthread thread_;
};

}  // namespace ringgate::admin
