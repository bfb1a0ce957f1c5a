#include "hooks/hook_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace ringgate::hooks {

HookThread::HookThread(const AllSettings& settings, std::deque<WebhookCounters>& counters, const SendReply& send_reply,
                       DecisionCourier courier)
    : courier_(std::move(courier)), settings_(settings) {
  for (std::size_t i = 0; i < settings.size(); ++i) {
    webhooks_.emplace_back(settings[i], caller_, counters[i], send_reply);
    desks_.emplace_back(settings[i], caller_, counters[i]);
  }
}

HookThread::~HookThread() { end(false); }

void HookThread::start() {
  thread_ = std::jthread([this] {
    pthread_setname_np(pthread_self(), "webhooks");
    run();
  });
}

void HookThread::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  caller_.wake();
}

void HookThread::renew(AllSettings settings) {
  post([this, settings = std::move(settings)]() mutable {
    const TimeNs now = monotonic_now();
    for (std::size_t i = 0; i < settings.size(); ++i) {
      webhooks_[i].renew(settings[i], now);
      desks_[i].renew(settings[i]);
    }
    settings_ = std::move(settings);
  });
}

bool HookThread::ask(std::size_t webhook, Question&& question) {
  if (!desks_[webhook].reserve()) return false;
  {
    const std::lock_guard lock(mutex_);
    if (!takes_tasks_) return false;
    tasks_.emplace_back([this, webhook, asked = std::move(question)]() mutable { desks_[webhook].put(std::move(asked)); });
  }
  caller_.wake();
  return true;
}

void HookThread::run() {
  while (!ending_.load(std::memory_order_acquire)) {
    pass();
    if (!flushing_.load(std::memory_order_acquire)) continue;
    const TimeNs now = monotonic_now();
    if (flush_until_ == 0)
      for (const auto& settings : settings_) flush_until_ = std::max(flush_until_, now + settings->config.flush_ns);
    if (is_flushed(now)) break;
  }
  {
    const std::lock_guard lock(mutex_);
    takes_tasks_ = false;
  }
  run_tasks();
  for (QuestionDesk& desk : desks_) desk.end();
  for (Webhook& webhook : webhooks_) webhook.end();
}

void HookThread::pass() {
  run_tasks();
  TimeNs now = monotonic_now();
  has_more_ = read_ != nullptr && read_(webhooks_, now);
  TimeNs due = has_more_ || flushing_.load(std::memory_order_acquire) ? now + 10 * nanoseconds_per_millisecond
                                                                      : now + 60 * nanoseconds_per_second;
  for (QuestionDesk& desk : desks_) {
    desk.run(now);
    due = std::min(due, desk.due_at());
  }
  for (Webhook& webhook : webhooks_) {
    webhook.run(now);
    due = std::min(due, webhook.due_at(now));
  }
  now = monotonic_now();
  courier_.run(now);
  due = std::min(due, courier_.due_at(now));
  caller_.run(has_more_ || due <= now ? 0 : due - now);
}

void HookThread::run_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

bool HookThread::is_flushed(TimeNs now) const {
  return now >= flush_until_ ||
         (!has_more_ && std::ranges::all_of(webhooks_, [](const Webhook& webhook) { return webhook.is_idle(); }));
}

void HookThread::end(bool flushes) {
  if (!thread_.joinable()) return;
  (flushes ? flushing_ : ending_).store(true, std::memory_order_release);
  caller_.wake();
  thread_.join();
}

}  // namespace ringgate::hooks
