// The thread that calls backends: all webhooks and connect hooks of a gate, on one HttpCaller.
//
// Owned by the server, which outlives it. Public members any thread, unless they say otherwise.
#pragma once

#include <atomic>
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
  ~HookThread();  // as `end` without a flush
  HookThread(const HookThread&) = delete;
  HookThread& operator=(const HookThread&) = delete;

  void start();
  /// Settings of the same webhooks; each one that was stopped starts again.
  void renew(AllSettings settings);
  /// False: there is no room, or the thread has ended; `question` is then untouched.
  bool ask(std::size_t webhook, Question&& question);

  /// Brings the verdict of a question to its connection. Hook thread.
  void bring(ConnectionRef connection, UpgradeDecision decision) {
    courier_.bring(connection, std::move(decision), monotonic_now());
  }

  /// Work of a sink on the hook thread: offers deliveries. `read` is called at each pass; true: it has more to read at once.
  void set_reader(std::function<bool(std::deque<Webhook>&, TimeNs)> read) { read_ = std::move(read); }  // before start
  /// The reader has something to read.
  void wake() { caller_.wake(); }

  /// Sends what is queued for webhook.flush at most, then ends. Once; waits.
  void end(bool flushes);

 private:
  using Task = std::move_only_function<void()>;
  void post(Task task);
  void run();
  void pass();
  void run_tasks();
  bool is_flushed(TimeNs now) const;

  HttpCaller caller_;
  std::deque<Webhook> webhooks_;
  std::deque<QuestionDesk> desks_;
  DecisionCourier courier_;
  std::function<bool(std::deque<Webhook>&, TimeNs)> read_;
  AllSettings settings_;
  std::mutex mutex_;
  std::vector<Task> tasks_;                            // under `mutex_`
  bool takes_tasks_ = true;                            // under `mutex_`
  std::atomic<bool> ending_{false}, flushing_{false};  // release, acquire: nothing but themselves
  TimeNs flush_until_ = 0;
  bool has_more_ = false;  // to read
  std::jthread thread_;
};

}  // namespace ringgate::hooks
