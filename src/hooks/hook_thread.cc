#include "hooks/hook_thread.h"

#include <pthread.h>

#include <algorithm>
#include <new>
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

HookThread::~HookThread() { stop(); }

void HookThread::start() {
  const std::lock_guard lock(mutex_);  // the thread's end comes after
  thread_ = std::jthread([this] { run(); });
  is_running_.store(true, std::memory_order_release);
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
  QuestionDesk& desk = desks_[webhook];
  if (!desk.reserve()) return false;
  bool is_posted = false;
  try {
    Task task = [&desk, asked = std::move(question)]() mutable { desk.put(std::move(asked)); };
    const std::lock_guard lock(mutex_);
    if (takes_tasks_) tasks_.push_back(std::move(task));
    is_posted = takes_tasks_;
  } catch (const std::bad_alloc&) {  // as if there were no room
  }
  if (is_posted) caller_.wake();
  else desk.give_back();
  return is_posted;
}

void HookThread::run() {
  pthread_setname_np(pthread_self(), "webhooks");
  serve_until_end();
  {
    const std::lock_guard lock(mutex_);
    takes_tasks_ = false;
  }
  run_tasks();
  for (QuestionDesk& desk : desks_) desk.end();
  for (Webhook& webhook : webhooks_) webhook.end();
  const std::lock_guard lock(mutex_);
  is_running_.store(false, std::memory_order_release);
  has_ended_.notify_all();
}

void HookThread::serve_until_end() {
  TimeNs flush_until = 0;
  while (!ending_.load(std::memory_order_acquire)) {
    const bool flushes = flushing_.load(std::memory_order_acquire);
    const bool is_complete = flushes && feed_.is_complete();  // before `serve` reads
    const TimeNs due = serve(flushes);
    const TimeNs now = monotonic_now();
    if (flushes) {
      if (flush_until == 0)
        for (const auto& settings : settings_) flush_until = std::max(flush_until, now + settings->config.flush_ns);
      // Before answers come: a webhook that they make idle may have had no room for what is to be read.
      if (is_complete && is_idle()) return;
      if (now >= flush_until) return read_rest();
    }
    caller_.run(due <= now ? 0 : due - now);
  }
}

/// One pass but for the requests. When the next one is due.
TimeNs HookThread::serve(bool flushes) {
  run_tasks();
  TimeNs now = monotonic_now();
  has_more_ = feed_.read && feed_.read(webhooks_, now);
  TimeNs due = now + (flushes ? 10 * nanoseconds_per_millisecond : 60 * nanoseconds_per_second);
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
  return has_more_ ? now : due;
}

/// The time of the flush is over: what is still to come is read and counted, for a second at most.
void HookThread::read_rest() {
  feed_.give_up();
  const TimeNs until = monotonic_now() + nanoseconds_per_second;
  for (;;) {
    const bool is_complete = feed_.is_complete();
    TimeNs now = monotonic_now();
    while (feed_.read && feed_.read(webhooks_, now) && now < until) now = monotonic_now();
    if (is_complete || now >= until || ending_.load(std::memory_order_acquire)) return;
    caller_.run(nanoseconds_per_millisecond);
  }
}

void HookThread::run_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

bool HookThread::is_idle() const {
  return !has_more_ && std::ranges::all_of(webhooks_, [](const Webhook& webhook) { return webhook.is_idle(); });
}

void HookThread::flush() {
  flushing_.store(true, std::memory_order_release);
  caller_.wake();
}

void HookThread::stop() {
  ending_.store(true, std::memory_order_release);
  caller_.wake();
}

bool HookThread::wait(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return has_ended_.wait_until(lock, deadline, [this] { return !is_running(); });
}

}  // namespace ringgate::hooks
