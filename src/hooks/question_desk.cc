#include "hooks/question_desk.h"

#include <algorithm>
#include <new>
#include <utility>

#include "hooks/cloud_event.h"

namespace ringgate::hooks {

QuestionDesk::QuestionDesk(std::shared_ptr<const WebhookSettings> settings, HttpCaller& caller, WebhookCounters& counters)
    : settings_(std::move(settings)),
      caller_(caller),
      counters_(counters),
      questions_max_(settings_->config.lanes_count + settings_->config.queue_messages_max),
      seats_(settings_->config.lanes_count) {}

void QuestionDesk::put(Question&& question) {
  counters_.questions_waiting.add(1);
  try {
    waiting_list_.push_back(std::move(question));
  } catch (const std::bad_alloc&) {  // it was not moved
    answer(question, {.fault = without_memory});
  }
}

void QuestionDesk::run(TimeNs now) {
  while (!waiting_list_.empty() && waiting_list_.front().deadline <= now) {
    Question late = std::move(waiting_list_.front());
    waiting_list_.pop_front();
    answer(late, {.fault = "no answer in time"});
  }
  for (Seat& seat : seats_) {
    if (waiting_list_.empty()) return;
    if (seat.call == nullptr || !seat.call->is_busy()) ask(seat, now);
  }
}

void QuestionDesk::ask(Seat& seat, TimeNs now) {
  seat.question = std::move(waiting_list_.front());
  waiting_list_.pop_front();
  try {
    start_call(seat, now);
  } catch (const std::bad_alloc&) {
    Question question = std::move(seat.question);
    answer(question, {.fault = without_memory});
  }
}

void QuestionDesk::start_call(Seat& seat, TimeNs now) {
  if (seat.call == nullptr || seat.settings != settings_) seat.call = std::make_unique<HttpCaller::Call>(caller_);
  seat.settings = settings_;
  const Delivery event{.type = "device.connecting",
                       .subject = seat.question.subject,
                       .id = seat.question.id,
                       .unix_ms = unix_ms_now(),
                       .content_type = "application/json",
                       .attributes = {{"traceparent", seat.question.trace_parent}}};
  std::vector<std::string> fields = event_fields(event, "//" + settings_->origin);
  for (std::string& field : settings_->request_fields(event.unix_ms / 1000, seat.question.body))
    fields.push_back(std::move(field));
  Receiver receiver = settings_->receiver();
  receiver.timeout = seat.question.deadline - now;
  seat.call->start(receiver, "POST", fields, std::move(seat.question.body), [this, &seat](Answer answer_) {
    counters_.count_request(answer_.status);
    Question question = std::move(seat.question);
    answer(question, answer_);
  });
}

void QuestionDesk::answer(Question& question, const Answer& answer) {
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  counters_.questions_waiting.subtract(1);
  const TimeNs now = monotonic_now();
  counters_.question_duration.record(now - std::min(question.asked_at, now));
  question.on_answer(answer);
}

void QuestionDesk::end() {
  for (Seat& seat : seats_) {
    const bool was_busy = seat.call != nullptr && seat.call->is_busy();
    seat.call.reset();
    if (was_busy) answer(seat.question, {.fault = "the gate ends"});
  }
  for (; !waiting_list_.empty(); waiting_list_.pop_front()) answer(waiting_list_.front(), {.fault = "the gate ends"});
}

}  // namespace ringgate::hooks
