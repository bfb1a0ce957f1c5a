#include "hooks/webhook.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <new>
#include <utility>

#include "base/log.h"
#include "hooks/cloud_event.h"
#include "hooks/retry.h"
#include "http/byte_class.h"

namespace ringgate::hooks {
namespace {

constexpr TimeNs never = UINT64_MAX;
constexpr std::string_view gap_type = "gap";
/// Between the lines that tell of dropped events, which may be many.
constexpr DurationNs drops_pause = 10 * nanoseconds_per_second;

/// How a reply is sent to the device; nothing for a type that is neither. Case does not matter (RFC 9110, section 8.3.1).
std::optional<MessageType> message_type_of(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  const auto is = [](std::string_view text, std::string_view name) { return http::equals_ignoring_case(text, name); };
  if (is(type.substr(0, 5), "text/") || is(type, "application/json")) return MessageType::text;
  if (is(type, "application/octet-stream")) return MessageType::binary;
  return std::nullopt;
}

/// Why an event was not taken, for the log. Valid until the thread asks again; needs no memory.
std::string_view cause_of(const Answer& answer) {
  if (answer.status == 0) return answer.fault;
  thread_local std::array<char, 24> text;
  const auto end = fmt::format_to_n(text.data(), text.size(), "status {}", answer.status).out;
  return {text.data(), end};
}

}  // namespace

TimeNs monotonic_now() { return static_cast<TimeNs>(std::chrono::steady_clock::now().time_since_epoch().count()); }

std::int64_t unix_ms_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::vector<std::string> WebhookSettings::request_fields(std::int64_t unix_seconds, std::string_view body) const {
  std::vector<std::string> fields{"WebHook-Request-Origin: " + origin};
  if (std::string signature = keys.sign(unix_seconds, body); !signature.empty())
    fields.push_back("Ringgate-Signature: " + signature);
  return fields;
}

Webhook::Webhook(std::shared_ptr<const WebhookSettings> settings, HttpCaller& caller, WebhookCounters& counters,
                 SendReply send_reply)
    : settings_(std::move(settings)),
      caller_(caller),
      counters_(counters),
      send_reply_(std::move(send_reply)),
      queue_(settings_->config.lanes_count, [this](std::size_t lane) { count_drop(lane, drop_reason_, 1); }),
      lanes_(settings_->config.lanes_count) {}

void Webhook::offer(Delivery&& delivery, TimeNs now) {
  counters_.taken.add(1);
  const std::size_t lane = queue_.lane_of(delivery.subject);
  if (state_ == State::stopped) return count_drop(lane, WebhookDrop::stopped, 1);
  try {
    queue_.put(std::move(delivery), now, {settings_->config.queue_messages_max, settings_->config.queue_bytes_max});
  } catch (const std::bad_alloc&) {
    count_drop(lane, WebhookDrop::memory, 1);
  }
  publish();
}

void Webhook::lose(std::string_view subject) {
  counters_.taken.add(1);
  count_drop(queue_.lane_of(subject), WebhookDrop::memory, 1);
}

void Webhook::miss(std::uint64_t count, std::optional<Delivery>&& notice, TimeNs now) {
  counters_.taken.add(count);
  if (!notice) return count_drop(0, WebhookDrop::overwritten, count);
  counters_.dropped[static_cast<std::size_t>(WebhookDrop::overwritten)].add(count);
  drops_untold_[static_cast<std::size_t>(WebhookDrop::overwritten)] += count;
  has_drops_untold_ = true;
  counters_.notices.add(1);
  offer(std::move(*notice), now);
}

void Webhook::renew(std::shared_ptr<const WebhookSettings> settings, TimeNs now) {
  settings_ = std::move(settings);
  ++settings_number_;
  if (state_ == State::stopped) log::info("webhook starts again", {{"webhook", settings_->config.name}});
  question_.reset();  // it asks what the settings no longer name
  state_ = State::unasked;
  counters_.stopped.set(0);
  questions_failed_ = 0;
  not_before_ = now;
  interval_ = 0;
  next_start_ = 0;
  for (Lane& lane : lanes_) {
    lane.failures = 0;
    lane.not_before = 0;
    lane.awaits_success = false;
    lane.announce_at = 0;
  }
}

/// Whether the lane has something to send, now or later.
bool Webhook::has_work(std::size_t index) const {
  return !lanes_[index].sending.empty() || !queue_.is_empty(index) || may_announce(lanes_[index]);
}

bool Webhook::is_idle() const {
  const auto announces = [this](const Lane& lane) { return lane.announcing != 0 || may_announce(lane); };
  return queue_.messages() == 0 && (state_ == State::stopped || std::ranges::none_of(lanes_, announces));
}

TimeNs Webhook::due_at(TimeNs now) const {
  TimeNs due = has_drops_untold_ ? std::max(drops_told_at_, now) : never;
  if (state_ == State::stopped || state_ == State::asking) return due;
  const TimeNs earliest = std::max({not_before_, next_start_, now});
  if (state_ == State::unasked)
    return std::min(due, settings_->config.validation == WebhookValidation::off ? now : std::max(not_before_, now));
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (lane.call != nullptr && lane.call->is_busy()) continue;
    if (!has_work(i)) continue;
    const bool only_announces = lane.sending.empty() && queue_.is_empty(i);
    due = std::min(due, std::max({lane.not_before, only_announces ? lane.announce_at : 0, earliest}));
  }
  return due;
}

void Webhook::run(TimeNs now) {
  if (has_drops_untold_ && now >= drops_told_at_) tell_drops(now);
  if (state_ == State::unasked) ask(now);
  if (state_ != State::open || now < not_before_) return;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (now < next_start_) break;
    try {
      run_lane(i, now);
    } catch (const std::bad_alloc&) {
      put_off_without_memory(lanes_[i], now);
    }
    if (state_ != State::open) return;
  }
}

/// As an attempt that failed.
void Webhook::put_off_without_memory(Lane& lane, TimeNs now) {
  if (lane.sending.empty()) lane.not_before = now + settings_->config.retry_min_ns;
  else fail(lane, {.fault = without_memory}, now);
}

void Webhook::run_lane(std::size_t index, TimeNs now) {
  Lane& lane = lanes_[index];
  if (now < lane.not_before || (lane.call != nullptr && lane.call->is_busy())) return;
  if (!lane.sending.empty() && now - lane.sending.front().queued_at > settings_->config.age_max_ns) {
    if (lane.announcing != 0) give_up_announcement(lane, now);
    else drop_sending(lane, WebhookDrop::age);
  }
  if (lane.sending.empty() && !fill(index, now)) return;
  send(index, now);
}

/// Takes what is next into `sending`; false if there is nothing.
bool Webhook::fill(std::size_t index, TimeNs now) {
  Lane& lane = lanes_[index];
  lane.is_batch = settings_->config.batch_count_max != 1;
  while (!queue_.is_empty(index) && now - queue_.front(index).queued_at > settings_->config.age_max_ns) {
    queue_.give_back(queue_.take(index).memory_bytes());
    count_drop(index, WebhookDrop::age, 1);
  }
  if (may_announce(lane) && now >= lane.announce_at) {
    lane.sending.push_back(announcement(lane.dropped));
    lane.announcing = std::exchange(lane.dropped, 0);
    lane.sending.back().queued_at = now;
    return true;
  }
  while (!queue_.is_empty(index) && lane.sending.size() < settings_->config.batch_count_max) {
    lane.sending.emplace_back();  // if there is memory, before it leaves the queue
    lane.sending.back() = queue_.take(index);
  }
  return !lane.sending.empty();
}

/// An event that says how many were dropped in a lane.
Delivery Webhook::announcement(std::uint64_t missed) {
  return {.type = std::string(gap_type),
          .id = fmt::format("gap-{}-{}", unix_ms_now(), ++announcements_),
          .unix_ms = unix_ms_now(),
          .content_type = "application/json",
          .body = fmt::format(R"({{"type":"gap","reason":"dropped","missed":{}}})", missed)};
}

void Webhook::send(std::size_t index, TimeNs now) {
  Lane& lane = lanes_[index];
  const std::string source = "//" + settings_->origin;
  std::vector<std::string> fields;
  std::string body;
  if (!lane.is_batch) {
    fields = event_fields(lane.sending.front(), source);
    body = lane.sending.front().body;
  } else {
    fields.emplace_back("Content-Type: application/cloudevents-batch+json; charset=utf-8");
    for (const Delivery& delivery : lane.sending) {
      body += body.empty() ? '[' : ',';
      append_event(body, delivery, source);
    }
    body += ']';
  }
  for (std::string& field : settings_->request_fields(unix_ms_now() / 1000, body)) fields.push_back(std::move(field));
  if (lane.call == nullptr || lane.settings_number != settings_number_) lane.call = std::make_unique<HttpCaller::Call>(caller_);
  lane.settings_number = settings_number_;
  next_start_ = std::max(next_start_, now) + interval_;
  lane.call->start(settings_->receiver(), "POST", fields, std::move(body),
                   [this, index](Answer answer) { take_answer(index, answer); });
}

void Webhook::take_answer(std::size_t index, const Answer& answer) {
  Lane& lane = lanes_[index];
  const TimeNs now = monotonic_now();
  counters_.count_request(answer.status);
  counters_.delivery_duration.record(answer.took);
  switch (verdict_of(answer.status)) {
    case Verdict::delivered:
      lane.is_failing = false;
      if (lane.announcing != 0) {
        lane.announce_at = 0;
      } else {
        lane.awaits_success = false;
        counters_.delivered.add(lane.sending.size());
        if (answer.status == 200 && !lane.is_batch) reply(lane.sending.front(), answer);
      }
      done(lane);
      if (is_failing_) tell_success();
      break;
    case Verdict::refused:
      lane.is_failing = false;
      if (log_limiter_.admit(now))
        log::warning("webhook refused an event", {{"webhook", settings_->config.name}, {"status", answer.status}});
      if (lane.announcing != 0) {  // it has seen it
        lane.announce_at = 0;
        done(lane);
      } else {
        drop_sending(lane, WebhookDrop::refused);
      }
      break;
    case Verdict::stop:
    case Verdict::retry:
      if (state_ == State::stopped) drop_sending(lane, WebhookDrop::stopped);
      else if (lane.settings_number != settings_number_) break;  // of a receiver before a reload: sent anew to the one of now
      else if (verdict_of(answer.status) == Verdict::stop) stop();
      else fail(lane, answer, now);
      break;
  }
  publish();
}

void Webhook::fail(Lane& lane, const Answer& answer, TimeNs now) {
  const bool is_repeated = lane.announcing != 0 && lane.announce_at != 0;  // an announcement after one that was given up
  if (!is_repeated) {
    lane.is_failing = true;
    if (!is_failing_ && failure_limiter_.admit(now)) {
      is_failing_ = true;
      log::warning("webhook fails", {{"webhook", settings_->config.name},
                                     {"event", lane.sending.front().type},
                                     {"status", answer.status},
                                     {"cause", cause_of(answer)}});
    }
  }
  ++lane.failures;
  const Backoff backoff{settings_->config.retry_min_ns, settings_->config.retry_max_ns};
  lane.not_before = now + backoff.wait(lane.failures, random_);
  wait_as_told(answer, now);
  if (!is_repeated && lane.failures < settings_->config.attempts_max) return;
  const TimeNs not_before = lane.not_before;
  if (lane.announcing != 0) give_up_announcement(lane, now);
  else drop_sending(lane, WebhookDrop::attempts);
  lane.not_before = not_before;
}

/// Its number is announced once an event of the lane has arrived, by one attempt in retry_max: the lane goes on.
void Webhook::give_up_announcement(Lane& lane, TimeNs now) {
  if (lane.announce_at == 0 && log_limiter_.admit(now))
    log::warning("webhook does not take the announcement of a gap: it is announced again once an event arrives",
                 {{"webhook", settings_->config.name}, {"missed", lane.announcing}});
  lane.announce_at = now + settings_->config.retry_max_ns;
  lane.awaits_success = true;
  drop_sending(lane, WebhookDrop::attempts);
}

/// Says that it delivers again, once no lane is failing.
void Webhook::tell_success() {
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (lanes_[i].is_failing && has_work(i)) return;
  is_failing_ = false;
  log::info("webhook delivers again", {{"webhook", settings_->config.name}});
}

/// Retry-After of a 429 or 503 holds for the whole webhook; false if there is none.
bool Webhook::wait_as_told(const Answer& answer, TimeNs now) {
  if ((answer.status != 429 && answer.status != 503) || !answer.retry_after_seconds) return false;
  not_before_ = std::max(not_before_, now + *answer.retry_after_seconds * nanoseconds_per_second);
  return true;
}

/// Gives up what the lane is sending. A lost announcement is not a loss: its number is announced later.
void Webhook::drop_sending(Lane& lane, WebhookDrop why) {
  if (lane.announcing != 0) lane.dropped += lane.announcing;
  else count_drop(static_cast<std::size_t>(&lane - lanes_.data()), why, lane.sending.size());
  done(lane);
}

/// The lane is free for what is next.
void Webhook::done(Lane& lane) {
  if (std::exchange(lane.announcing, 0) == 0)
    for (const Delivery& delivery : lane.sending) queue_.give_back(delivery.memory_bytes());
  lane.sending.clear();
  lane.failures = 0;
  lane.not_before = 0;
}

/// 410: nothing is sent any more until the settings are read again.
void Webhook::stop() {
  if (state_ != State::stopped)
    log::error("webhook is gone (410): nothing is sent to it until a reload", {{"webhook", settings_->config.name}});
  state_ = State::stopped;
  counters_.stopped.set(1);
  for (Lane& lane : lanes_)
    if (lane.call == nullptr || !lane.call->is_busy()) drop_sending(lane, WebhookDrop::stopped);
  drop_reason_ = WebhookDrop::stopped;
  queue_.drop_all();
  drop_reason_ = WebhookDrop::queue;
}

void Webhook::end() {
  question_.reset();
  for (Lane& lane : lanes_) {
    lane.call.reset();
    drop_sending(lane, WebhookDrop::ended);
  }
  drop_reason_ = WebhookDrop::ended;
  queue_.drop_all();
  if (has_drops_untold_) tell_drops(monotonic_now());
  publish();
}

void Webhook::reply(const Delivery& delivery, const Answer& answer) {
  if ((answer.body.empty() && !answer.body_too_long) || delivery.reply_to == ConnectionRef{}) return;
  const auto type = message_type_of(answer.content_type);
  if (!type || answer.body_too_long) {
    counters_.replies_refused.add(1);
    if (log_limiter_.admit(monotonic_now()))
      log::warning(answer.body_too_long ? "a webhook's reply is too long" : "a webhook's reply is neither text nor bytes",
                   {{"webhook", settings_->config.name}, {"content_type", answer.content_type}});
    return;
  }
  send_reply_({delivery.subject, delivery.reply_to, *type, answer.body, counters_});
}

/// CloudEvents HTTP 1.1 Web Hooks, section 4.1.
void Webhook::ask(TimeNs now) {
  if (settings_->config.validation == WebhookValidation::off) {
    state_ = State::open;
    return;
  }
  if (now < not_before_) return;
  try {
    start_question();
    state_ = State::asking;
  } catch (const std::bad_alloc&) {
    question_.reset();
    put_off_question();
  }
}

void Webhook::start_question() {
  question_ = std::make_unique<HttpCaller::Call>(caller_);
  question_->start(settings_->receiver(), "OPTIONS", {"WebHook-Request-Origin: " + settings_->origin}, {},
                   [this](Answer answer) { take_agreement(answer); });
}

void Webhook::take_agreement(const Answer& answer) {
  const bool agrees =
      answer.status >= 200 && answer.status < 300 && (answer.allowed_origin == "*" || answer.allowed_origin == settings_->origin);
  interval_ = 0;
  if (agrees) {
    std::uint64_t per_minute = 0;
    const std::string& rate = answer.allowed_rate;
    std::from_chars(rate.data(), rate.data() + rate.size(), per_minute);
    if (per_minute != 0) interval_ = 60 * nanoseconds_per_second / per_minute;
    log::info("webhook agrees to be sent to",
              {{"webhook", settings_->config.name}, {"requests_per_minute", rate.empty() ? std::string_view("*") : rate}});
  } else if (answer.status == 0) {
    log::warning("webhook was not reached to be asked whether it may be sent to",
                 {{"webhook", settings_->config.name}, {"cause", answer.fault}});
  } else {
    const bool is_success = answer.status >= 200 && answer.status < 300;
    log::warning("webhook does not agree to be sent to",
                 {{"webhook", settings_->config.name},
                  {"status", answer.status},
                  {"cause", is_success ? std::string_view("no WebHook-Allowed-Origin that names this gate") : cause_of(answer)}});
  }
  state_ = State::open;
  if (answer.status == 410) return stop();
  const bool must_wait = wait_as_told(answer, monotonic_now());
  if (agrees || (settings_->config.validation == WebhookValidation::warn && !must_wait)) return;
  state_ = State::unasked;
  if (!must_wait) put_off_question();
}

void Webhook::put_off_question() {
  const Backoff backoff{settings_->config.retry_min_ns, settings_->config.retry_max_ns};
  not_before_ = monotonic_now() + backoff.wait(++questions_failed_, random_);
}

void Webhook::count_drop(std::size_t lane, WebhookDrop why, std::uint64_t count) {
  if (count == 0) return;
  counters_.dropped[static_cast<std::size_t>(why)].add(count);
  lanes_[lane].dropped += count;
  if (why == WebhookDrop::refused) return;  // has its own line
  drops_untold_[static_cast<std::size_t>(why)] += count;
  has_drops_untold_ = true;
}

/// One line for each reason, with how many since the last one.
void Webhook::tell_drops(TimeNs now) {
  has_drops_untold_ = false;
  drops_told_at_ = now + drops_pause;
  for (std::size_t i = 0; i < drops_untold_.size(); ++i)
    if (const std::uint64_t count = std::exchange(drops_untold_[i], 0); count != 0)
      log::warning("webhook gave up events",
                   {{"webhook", settings_->config.name}, {"reason", webhook_drop_words[i]}, {"dropped", count}});
}

void Webhook::publish() {
  counters_.queued_messages.set(queue_.messages());
  counters_.queued_bytes.set(queue_.bytes());
}

}  // namespace ringgate::hooks
