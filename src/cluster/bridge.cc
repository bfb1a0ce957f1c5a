#include "cluster/bridge.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/monotonic_clock.h"

namespace ringgate::cluster {

/// The Elsewhere of one shard. What it hands over are copies; what comes back runs on the shard.
class Bridge::Port final : public dispatch::Elsewhere {
 public:
  Port(Bridge& bridge, std::uint32_t shard) : bridge_(bridge), shard_(shard) {}

  void claimed(const dispatch::Claim& claim) override {
    bridge_.post([this, id = std::string(claim.device_id), connection = claim.connection, epoch = claim.epoch,
                  shares = claim.shares](TimeNs now) { bridge_.node_.claimed(id, connection, epoch, shares, now); });
  }

  /// Without memory the subject stays listened to: letters to it are answered truly, that nobody is here.
  void released(std::string_view device_id, ConnectionRef connection) noexcept override {
    try {
      bridge_.post([this, id = std::string(device_id), connection](TimeNs) { bridge_.node_.released(id, connection); });
    } catch (const std::bad_alloc&) {
    }
  }

  void push(std::string_view device_id, ws::MessageRef message, const PushOptions& options, const dispatch::Selection* reach,
            PushCallback on_result) override {
    const std::size_t bytes = message->payload().size();
    if (!bridge_.reserve(bytes)) {
      if (on_result) on_result({.outcome = PushOutcome::backpressure});
      return;
    }
    bridge_.post([this, bytes, id = std::string(device_id), message = std::move(message), options,
                  reach = reach == nullptr ? std::nullopt : std::optional(*reach),
                  on_result = std::move(on_result)](TimeNs now) mutable {
      bridge_.node_.push(id, {message->type(), message->payload()}, options, reach ? &*reach : nullptr, now,
                         [this, bytes, on_result = std::move(on_result)](const PushResult& result) mutable {
                           bring_back(bytes, std::move(on_result), result);
                         });
    });
  }

  void close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result) override {
    if (!bridge_.reserve(0)) {
      if (on_result) on_result(CloseOutcome::backpressure);
      return;
    }
    bridge_.post([this, id = std::string(device_id), terms = CloseTerms{code, std::string(reason)},
                  on_result = std::move(on_result)](TimeNs now) mutable {
      bridge_.node_.close(id, terms, now, [this, on_result = std::move(on_result)](const CloseResult& result) mutable {
        bring_back(0, std::move(on_result), result);
      });
    });
  }

  void describe(std::string_view device_id, DescribeCallback on_result) override {
    if (!bridge_.reserve(0)) {
      if (on_result) on_result({DescribeOutcome::unavailable, nullptr});
      return;
    }
    bridge_.post([this, id = std::string(device_id), on_result = std::move(on_result)](TimeNs now) mutable {
      bridge_.node_.describe(id, now, [this, on_result = std::move(on_result)](DescribeResult result) mutable {
        bring_back(0, std::move(on_result), std::move(result));
      });
    });
  }

 private:
  /// Runs the callback on this shard, and gives back what was reserved.
  template <typename Callback, typename Result>
  void bring_back(std::size_t bytes, Callback on_result, Result result) {
    bridge_.reply(shard_, [this, bytes, on_result = std::move(on_result), result = std::move(result)]() mutable {
      bridge_.give_back(bytes);
      if (on_result) on_result(std::move(result));
    });
  }

  Bridge& bridge_;
  const std::uint32_t shard_;
};

Bridge::Bridge(Names names, DurationNs patience, std::unique_ptr<Engine> engine, LocalGate& local, std::uint32_t shards_count,
               RunOnShard run_on_shard, ClusterCounters& counters)
    : engine_(std::move(engine)),
      run_on_shard_(std::move(run_on_shard)),
      node_(std::move(names), patience, *engine_, local, [this](Work work) { post(std::move(work)); }),
      counters_(counters),
      replies_(shards_count) {
  for (std::uint32_t shard = 0; shard < shards_count; ++shard) ports_.emplace_back(*this, shard);
}

Bridge::~Bridge() { stop(); }

dispatch::Elsewhere& Bridge::of(std::uint32_t shard) { return ports_[shard]; }

void Bridge::start() {
  thread_ = std::jthread([this] { run(); });
}

void Bridge::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  has_work_.notify_one();
  if (thread_.joinable()) thread_.join();
  // What came behind the thread's end: it is taken, and given up at once.
  std::vector<Work> rest;
  {
    const std::lock_guard lock(mutex_);
    rest.swap(work_);
  }
  if (engine_ == nullptr) return;
  const TimeNs now = clock_now();
  node_.on_state(false, now);
  for (Work& work : rest) work(now);
  node_.give_up_all();
  bring_replies();
  engine_.reset();  // nobody calls from here on
}

/// Room for one more question. Also where the bridge has ended: then it is given up at once.
bool Bridge::reserve(std::size_t bytes) {
  const std::size_t open = open_.fetch_add(1, std::memory_order_relaxed);
  const std::size_t open_bytes = open_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (open < open_max && open_bytes + bytes <= open_bytes_max) return true;
  give_back(bytes);
  return false;
}

void Bridge::give_back(std::size_t bytes) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  open_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Bridge::post(Work work) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = work_.empty();
    work_.push_back(std::move(work));
  }
  if (was_empty) has_work_.notify_one();
}

void Bridge::on_letter(Letter letter) {
  const std::size_t bytes = letter.body.size() + letter.terms.size();
  {
    const std::lock_guard lock(mutex_);
    if (work_.size() >= work_max || letter_bytes_ + bytes > letter_bytes_max) {
      counters_.letters_dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    letter_bytes_ += bytes;
  }
  post([this, letter = std::move(letter)](TimeNs now) { node_.on_letter(letter, now); });
}

void Bridge::on_state() {
  post([](TimeNs) {});  // it wakes, and looks
}

void Bridge::look_after(TimeNs now) {
  node_.on_state(engine_->tend(now), now);
  node_.run(now);
  bring_replies();
}

void Bridge::run() {
  pthread_setname_np(pthread_self(), "cluster");
  engine_->start(*this);
  std::vector<Work> work;
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    const TimeNs due = std::min(node_.due_at(), engine_->due_at());
    const TimeNs before = clock_now();
    const bool has_replies = std::ranges::any_of(replies_, [](const auto& waiting) { return !waiting.empty(); });
    const DurationNs sleep =
        std::min<DurationNs>(due <= before ? 0 : due - before, has_replies ? reply_pause : nanoseconds_per_second);
    if (work_.empty() && sleep > 0)
      has_work_.wait_for(lock, std::chrono::nanoseconds(sleep), [this] { return !work_.empty() || is_ending_; });
    work.swap(work_);
    letter_bytes_ = 0;
    lock.unlock();
    look_after(clock_now());
    for (std::size_t i = 0; i < work.size(); ++i) {
      const TimeNs now = clock_now();
      work[i](now);
      if (i % slice == slice - 1) look_after(now);
    }
    work.clear();
    look_after(clock_now());
    publish_counters();
    lock.lock();
  }
}

void Bridge::reply(std::uint32_t shard, Task task) {
  std::deque<Task>& waiting = replies_[shard];
  if (waiting.empty() && run_on_shard_(shard, task)) return;
  waiting.push_back(std::move(task));
}

void Bridge::bring_replies() {
  for (std::uint32_t shard = 0; shard < replies_.size(); ++shard)
    while (!replies_[shard].empty() && run_on_shard_(shard, replies_[shard].front())) replies_[shard].pop_front();
}

void Bridge::publish_counters() {
  const auto set = [](auto& counter, auto value) { counter.store(value, std::memory_order_relaxed); };
  const NodeCounters& node = node_.counters();
  set(counters_.is_up, node_.is_up());
  set(counters_.devices, node_.devices());
  set(counters_.peers, node_.peers_count());
  set(counters_.questions_open, node_.questions().open_count());
  set(counters_.pushes_sent, node.pushes_sent);
  set(counters_.pushes_served, node.pushes_served);
  set(counters_.yielded, node.yielded);
  set(counters_.letters_refused, node.letters_refused);
  set(counters_.clocks_refused, node.clocks_refused);
  set(counters_.asked_again, node_.questions().asked_again());
  set(counters_.late_answers, node_.questions().late_answers());
}

}  // namespace ringgate::cluster
