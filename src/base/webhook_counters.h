// The counters of one webhook. Only the hook thread writes them but for those that are plain atomics; any thread reads them, for the metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/counters.h"
#include "base/histogram.h"

namespace ringgate {

/// Why an event was given up.
enum class WebhookDrop : std::uint8_t {
  queue,     // the queue was full, and it was the oldest
  attempts,  // as many attempts as webhook.max_attempts failed
  age,       // it was older than webhook.max_age
  refused,   // the receiver will not take it: 400, 413, 415 or 422
  stopped,   // the receiver has said 410
  ended,     // the gate ended before it could be sent
  // The log of events overwrote it before the webhook came to it. Of any type: whether the webhook wanted it, nobody knows.
  overwritten,
  memory,  // there was none to keep it
};
inline constexpr std::array<std::string_view, 8> webhook_drop_words{"queue",   "attempts", "age",         "refused",
                                                                    "stopped", "ended",    "overwritten", "memory"};

/// How a request ended.
inline constexpr std::array<std::string_view, 5> webhook_status_words{"2xx", "3xx", "4xx", "5xx", "none"};

struct WebhookCounters {
  std::string name;
  Counter taken;      // events that it was given, or that were overwritten before: delivered + dropped + queued, at rest
  Counter delivered;  // answered 2xx
  std::array<Counter, webhook_drop_words.size()> dropped;
  Counter notices;   // of those that were overwritten: each was taken, and is an event of its own
  Counter unwanted;  // events of the log that it is not sent: with `taken` all of the log
  std::array<Counter, webhook_status_words.size()> requests;
  RequestHistogram delivery_duration;     // of each request that delivers events, whatever came of it
  RequestHistogram question_duration;     // of the connect hook: from the question to its verdict, or to the end without one
  Counter queued_messages, queued_bytes;  // those in flight too
  Counter replies_refused;                // answers that are nothing to send to a device
  Counter stopped;                        // 1: it has said 410
  // Of the connect hook: verdicts, failures, and questions for which there was no room.
  Counter questions_accepted, questions_refused_by_hook, questions_failed, questions_waiting;
  std::atomic<std::uint64_t> questions_without_room{0};
  // Pushes of answers to devices, by outcome: delivered, and all others.
  std::atomic<std::uint64_t> replies_sent{0}, replies_lost{0};

  void count_request(int status) {
    const std::size_t status_class = static_cast<std::size_t>(status / 100);
    requests[status_class >= 2 && status_class <= 5 ? status_class - 2 : 4].add(1);
  }
};

}  // namespace ringgate
