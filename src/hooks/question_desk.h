// The questions of the connect hooks of one webhook: asks them, several at a time, and gives each exactly one result before its
// deadline. Hook thread, but for `room`.
//
// A question is asked once: a device that waits gains nothing from a second attempt behind the first one's timeout.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/webhook_counters.h"
#include "hooks/http_caller.h"
#include "hooks/webhook.h"

namespace ringgate::hooks {

struct Question {
  std::string id;  // of the event
  std::string subject;
  std::string body;          // JSON
  std::string trace_parent;  // of the opening handshake; empty: none
  TimeNs asked_at = 0;
  TimeNs deadline = 0;
  /// Gets the answer, or one with status 0. Runs once, on the hook thread.
  std::move_only_function<void(const Answer&)> on_answer;
};

class QuestionDesk {
 public:
  QuestionDesk(std::shared_ptr<const WebhookSettings> settings, HttpCaller& caller, WebhookCounters& counters);

  /// Counts a question in, if there is room for it; it must then be `put`. Any thread.
  bool reserve() {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) < questions_max_) return true;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    counters_.questions_without_room.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  /// The question was counted in, and will not be put. Any thread.
  void give_back() { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  /// Without memory it is answered at once, with status 0.
  void put(Question&& question);
  void renew(std::shared_ptr<const WebhookSettings> settings) { settings_ = std::move(settings); }
  /// Asks what is next while calls are free, and gives up what waited too long.
  void run(TimeNs now);
  TimeNs due_at() const { return waiting_list_.empty() ? UINT64_MAX : waiting_list_.front().deadline; }
  /// Gives up all questions.
  void end();

 private:
  struct Seat {
    std::unique_ptr<HttpCaller::Call> call;
    Question question;
    std::shared_ptr<const WebhookSettings> settings;
  };
  void ask(Seat& seat, TimeNs now);
  void start_call(Seat& seat, TimeNs now);
  void answer(Question& question, const Answer& answer);

  std::shared_ptr<const WebhookSettings> settings_;
  HttpCaller& caller_;
  WebhookCounters& counters_;
  const std::uint64_t questions_max_;
  std::deque<Question> waiting_list_;
  std::vector<Seat> seats_;
  std::atomic<std::uint64_t> waiting_{0};  // asked and waiting: relaxed, a count that publishes nothing
};

}  // namespace ringgate::hooks
