// The thread between the shards of a gate and the engine of its cluster: it alone calls the engine and the node.
//
// Shards hand it work and go on; answers come back through their inlets. Owned by the server, which outlives it. Public members: any
// thread, unless they say otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/cluster_counters.h"
#include "cluster/engine.h"
#include "cluster/local_gate.h"
#include "cluster/node.h"
#include "dispatch/elsewhere.h"

namespace ringgate::cluster {

class Bridge final : public EngineListener {
 public:
  using Task = std::move_only_function<void()>;
  /// Runs `task` on the thread of a shard. False, with `task` as it was: its inlet is full, so try again. Where the shards have ended it
  /// runs at once.
  using RunOnShard = std::function<bool(std::uint32_t shard, Task& task)>;

  /// `counters` and `local` outlive it.
  Bridge(Names names, DurationNs patience, std::unique_ptr<Engine> engine, LocalGate& local, std::uint32_t shards_count,
         RunOnShard run_on_shard, ClusterCounters& counters);
  ~Bridge() override;  // as `stop`
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  /// What a shard asks and tells.
  dispatch::Elsewhere& of(std::uint32_t shard);

  void start();
  /// Ends the thread; all that is open is answered. After the shards' threads have ended, on one thread.
  void stop();

  void on_letter(Letter letter) override;
  void on_state() override;

 private:
  class Port;
  using Work = std::move_only_function<void(TimeNs now)>;

  bool reserve(std::size_t bytes);
  void give_back(std::size_t bytes);
  void post(Work work);
  void reply(std::uint32_t shard, Task task);
  void run();
  void look_after(TimeNs now);
  void bring_replies();
  void publish_counters();

  static constexpr std::size_t work_max = 65'536;
  static constexpr std::size_t open_max = 65'536;
  static constexpr std::size_t open_bytes_max = 64 * 1024 * 1024;
  static constexpr std::size_t slice = 64;  // of work, between two looks at the clock
  static constexpr std::size_t letter_bytes_max = 64 * 1024 * 1024;
  static constexpr DurationNs reply_pause = nanoseconds_per_millisecond;

  std::unique_ptr<Engine> engine_;
  const RunOnShard run_on_shard_;
  Node node_;
  std::deque<Port> ports_;
  ClusterCounters& counters_;
  // By shard: answers that found a full inlet, bounded by `open_`. A stuck shard holds back no other's.
  std::vector<std::deque<Task>> replies_;
  std::atomic<std::size_t> open_{0}, open_bytes_{0};  // of shards' questions that are not answered yet
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::vector<Work> work_;        // under `mutex_`
  std::size_t letter_bytes_ = 0;  // under `mutex_`: of letters in `work_`
  bool is_ending_ = false;        // under `mutex_`
  std::jthread thread_;
};

}  // namespace ringgate::cluster
