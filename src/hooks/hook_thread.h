// The thread that calls backends: all webhooks and connect hooks of a gate, on one HttpCaller.
//
// Owned by the server, which outlives it. Public members any thread, unless they say otherwise.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/webhook_counters.h"
#include "hooks/decision_courier.h"
#include "hooks/http_caller.h"
#include "hooks/question_desk.h"
#include "hooks/webhook.h"

namespace ringgate::hooks {

using AllSettings = std::vector<std::shared_ptr<const WebhookSettings>>;

class HookThread {
 public:
  /// `counters`: one for each webhook. They and what `send_reply` and `courier` refer to outlive the thread.
  HookThread(const AllSettings& settings, std::deque<WebhookCounters>& counters, const SendReply& send_reply,
             DecisionCourier courier);
  ~HookThread();  // as `stop`; waits
  HookThread(const HookThread&) = delete;
  HookThread& operator=(const HookThread&) = delete;

  void start();
  /// Settings of the same webhooks; each one that was stopped starts again.
  void renew(AllSettings settings);
  /// False: there is no room or no memory, or the thread has ended; nothing comes of `question` then.
  bool ask(std::size_t webhook, Question&& question);

  /// Brings the verdict of a question to its connection. Hook thread.
  void bring(ConnectionRef connection, UpgradeDecision decision) {
    courier_.bring(connection, std::move(decision), monotonic_now());
  }

  /// Where deliveries come from. All of it runs on the hook thread.
  struct Feed {
    std::function<bool(std::deque<Webhook>&, TimeNs)> read;  // offers deliveries, at each pass; true: it has more to read at once
    // Of a flush. True: what `read` finds from now on is all that will ever come.
    std::function<bool()> is_complete = [] { return true; };
    // The time of a flush is over: what waits for room in a webhook waits no longer.
    std::function<void()> give_up = [] {};
  };
  void set_feed(Feed feed) { feed_ = std::move(feed); }  // before start
  /// There is something to read.
  void wake() { caller_.wake(); }

  /// Ends the thread once all that comes has been sent, or webhook.flush has passed; the rest is dropped, and counted.
  void flush();
  /// Ends the thread as soon as possible, also during a flush.
  void stop();
  /// Whether the thread has ended by `deadline`, or never began.
  bool wait(std::chrono::steady_clock::time_point deadline);
  bool is_running() const { return is_running_.load(std::memory_order_acquire); }

 private:
  using Task = std::move_only_function<void()>;
  void post(Task task);
  void run();
  void serve_until_end();
  TimeNs serve(bool flushes);
  void read_rest();
  void run_tasks();
  bool is_idle() const;

  HttpCaller caller_;
  std::deque<Webhook> webhooks_;
  std::deque<QuestionDesk> desks_;
  DecisionCourier courier_;
  Feed feed_;
  AllSettings settings_;
  std::mutex mutex_;
  std::vector<Task> tasks_;              // under `mutex_`
  bool takes_tasks_ = true;              // under `mutex_`
  std::condition_variable has_ended_;    // with `mutex_`
  std::atomic<bool> ending_{false};      // release, acquire: nothing but itself
  std::atomic<bool> flushing_{false};    // release, acquire: what the shards have done before their end
  std::atomic<bool> is_running_{false};  // from `start` to the end; false again under `mutex_`
  bool has_more_ = false;                // to read
  std::jthread thread_;
};

}  // namespace ringgate::hooks
