// Which shards have ended, and a wait for all of them with a deadline. It does not end them. Owned by the server.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace ringgate::server {

/// Any thread. Each shard's thread notes its own end, once; the thread that ends the gate waits.
class EndBoard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Notes that no shard has ended. Before the threads start.
  void reset(std::size_t shards_count) {
    const std::lock_guard lock(mutex_);
    has_ended_.assign(shards_count, false);
    running_count_ = shards_count;
  }

  void note_end(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    has_ended_[shard] = true;
    if (--running_count_ == 0) all_ended_.notify_all();
  }

  /// The shards that still run at `deadline`. Returns earlier, with an empty list, once none runs.
  std::vector<std::uint32_t> wait(Time deadline) {
    std::unique_lock lock(mutex_);
    all_ended_.wait_until(lock, deadline, [this] { return running_count_ == 0; });
    std::vector<std::uint32_t> running;
    for (std::size_t shard = 0; shard < has_ended_.size(); ++shard)
      if (!has_ended_[shard]) running.push_back(static_cast<std::uint32_t>(shard));
    return running;
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_ended_;
  std::vector<bool> has_ended_;
  std::size_t running_count_ = 0;
};

}  // namespace ringgate::server
