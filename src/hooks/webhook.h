// One webhook: takes deliveries, sends them by its lanes, tries again what failed, and counts what became of each.
//
// Each lane has one request in flight, so events of one device arrive in order and none overtakes one that is tried again. What a lane
// had to drop it announces with an event `gap` at the place where the dropped ones would have been. An announcement is given up as an event is; its
// number stays owed, and is announced once an event of the lane has arrived, at most once in retry_max. Hook thread.
// Invariant: taken = delivered + dropped + queued (with those in flight). Announcements of a lane are not among them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/log_limiter.h"
#include "base/webhook_counters.h"
#include "hooks/delivery_queue.h"
#include "hooks/http_caller.h"
#include "hooks/signature.h"
#include "ringgate/config.h"
#include "ringgate/message.h"

namespace ringgate::hooks {

/// The settings of a webhook with what they name.
struct WebhookSettings {
  WebhookConfig config;
  SigningKeys keys;
  std::string origin;  // config.origin, or this machine's name

  Receiver receiver() const { return {config.url, config.authority_file, config.local_allowed, config.timeout_ns}; }
  /// Fields that each request to the receiver has; `body` is what is signed.
  std::vector<std::string> request_fields(std::int64_t unix_seconds, std::string_view body) const;
};

/// The answer to a message, for the connection that the message came from. Borrowed for the call.
struct Reply {
  std::string_view device_id;
  ConnectionRef connection;
  MessageType type;
  std::string_view payload;
  WebhookCounters& counters;  // outlive the gate's pushes: what comes of the reply is counted there
};
using SendReply = std::function<void(const Reply&)>;

class Webhook {
 public:
  Webhook(std::shared_ptr<const WebhookSettings> settings, HttpCaller& caller, WebhookCounters& counters, SendReply send_reply);

  const WebhookConfig& config() const { return settings_->config; }
  void offer(Delivery&& delivery, TimeNs now);
  /// An event of that subject for which there was no memory: it counts as dropped.
  void lose(std::string_view subject);
  /// So many events were overwritten before the webhook came to them; `notice` says so at their place. nullopt: there was no memory for it,
  /// and a later announcement says so.
  void miss(std::uint64_t count, std::optional<Delivery>&& notice, TimeNs now);
  /// An event of the log that the webhook is not sent.
  void pass_over() { counters_.unwanted.add(1); }
  /// Takes new settings, and begins with them as at the start: waits, rates and failures of before count no longer, also in answers that are still
  /// to come. A webhook that was stopped starts again.
  void renew(std::shared_ptr<const WebhookSettings> settings, TimeNs now);
  /// Starts what is due.
  void run(TimeNs now);
  /// When `run` has something to do; UINT64_MAX: nothing before an answer or a delivery.
  TimeNs due_at(TimeNs now) const;
  /// How much of the queue's bounds is used, in whole quarters.
  std::uint64_t quarters_full() const {
    return std::max(4 * queue_.messages() / config().queue_messages_max, 4 * queue_.bytes() / config().queue_bytes_max);
  }
  /// Whether a sink that must not lose anything may offer more now: nothing is dropped for it.
  bool has_room() const { return state_ == State::stopped || quarters_full() < 3; }
  /// Nothing is queued, nothing is in flight, and no gap is to be announced before an event arrives.
  bool is_idle() const;
  /// The end: what is left is dropped.
  void end();

 private:
  struct Lane {
    std::unique_ptr<HttpCaller::Call> call;
    std::vector<Delivery> sending;  // in flight, or waits to be tried again
    bool is_batch = false;          // how they are encoded: decided with them, so that a reload does not part them
    std::uint64_t failures = 0;     // of them, in a row
    TimeNs not_before = 0;
    std::uint64_t dropped = 0;          // not announced yet
    std::uint64_t announcing = 0;       // of the announcement in `sending`
    std::uint64_t settings_number = 0;  // of the request in flight
    bool is_failing = false;            // since its last answer that took or refused an event; for the log
    bool awaits_success = false;        // the last announcement was given up; the next comes after an event has arrived
    TimeNs announce_at = 0;             // and not before; 0: none was given up since one arrived
  };
  enum class State : std::uint8_t { unasked, asking, open, stopped };

  void run_lane(std::size_t index, TimeNs now);
  void put_off_without_memory(Lane& lane, TimeNs now);
  bool fill(std::size_t index, TimeNs now);
  void send(std::size_t index, TimeNs now);
  void take_answer(std::size_t index, const Answer& answer);
  void fail(Lane& lane, const Answer& answer, TimeNs now);
  bool wait_as_told(const Answer& answer, TimeNs now);
  void drop_sending(Lane& lane, WebhookDrop why);
  void done(Lane& lane);
  void stop();
  void reply(const Delivery& delivery, const Answer& answer);
  void ask(TimeNs now);
  void start_question();
  void put_off_question();
  void take_agreement(const Answer& answer);
  void give_up_announcement(Lane& lane, TimeNs now);
  void tell_success();
  void count_drop(std::size_t lane, WebhookDrop why, std::uint64_t count);
  void tell_drops(TimeNs now);
  bool has_work(std::size_t index) const;
  bool may_announce(const Lane& lane) const { return lane.dropped != 0 && !lane.awaits_success; }
  void publish();
  Delivery announcement(std::uint64_t missed);

  std::shared_ptr<const WebhookSettings> settings_;
  std::uint64_t settings_number_ = 0;
  HttpCaller& caller_;
  WebhookCounters& counters_;
  const SendReply send_reply_;
  DeliveryQueue queue_;
  std::vector<Lane> lanes_;
  WebhookDrop drop_reason_ = WebhookDrop::queue;  // of what the queue drops now
  State state_ = State::unasked;
  std::unique_ptr<HttpCaller::Call> question_;  // OPTIONS
  std::uint64_t questions_failed_ = 0;
  TimeNs not_before_ = 0;    // of all lanes: Retry-After, the next question
  DurationNs interval_ = 0;  // between the beginnings of requests: WebHook-Allowed-Rate
  TimeNs next_start_ = 0;
  std::uint64_t announcements_ = 0;
  // For the log.
  bool is_failing_ = false;
  std::array<std::uint64_t, webhook_drop_words.size()> drops_untold_{};
  bool has_drops_untold_ = false;
  TimeNs drops_told_at_ = 0;  // when the next lines may be written
  std::mt19937_64 random_{std::random_device{}()};
  LogLimiter log_limiter_, failure_limiter_;
};

/// Monotonic, in nanoseconds; the clock of the hook thread.
TimeNs monotonic_now();
std::int64_t unix_ms_now();

}  // namespace ringgate::hooks
