// The counters of one webhook. Only the hook thread writes them but for `questions_refused`; any thread reads them, for the metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/counters.h"
#include "base/time.h"

namespace ringgate {

/// Why an event was given up.
enum class WebhookDrop : std::uint8_t {
  queue,     // the queue was full, and it was the oldest
  attempts,  // as many attempts as webhook.max_attempts failed
  age,       // it was older than webhook.max_age
  refused,   // the receiver will not take it: 400, 413, 415 or 422
  stopped,   // the receiver has said 410
  ended,     // the gate ended before it could be sent
};
inline constexpr std::array<std::string_view, 6> webhook_drop_words{"queue", "attempts", "age", "refused", "stopped", "ended"};

/// How a request ended.
inline constexpr std::array<std::string_view, 5> webhook_status_words{"2xx", "3xx", "4xx", "5xx", "none"};
inline constexpr std::array<DurationNs, 10> webhook_duration_bounds{1'000'000,     2'500'000,     5'000'000,   10'000'000,
                                                                    25'000'000,    100'000'000,   250'000'000, 1'000'000'000,
                                                                    2'500'000'000, 10'000'000'000};

struct WebhookCounters {
  std::string name;
  Counter taken;      // events that it was given: delivered + dropped + queued, at rest
  Counter delivered;  // answered 2xx
  std::array<Counter, webhook_drop_words.size()> dropped;
  std::array<Counter, webhook_status_words.size()> requests;
  std::array<Counter, webhook_duration_bounds.size() + 1> durations;  // requests that took at most so long; the last: longer
  Counter duration_ns_sum;
  Counter queued_messages, queued_bytes;  // those in flight too
  Counter replies, replies_refused;       // answers that were sent to devices, and that could not be
  Counter stopped;                        // 1: it has said 410
  // Of the connect hook: verdicts, failures, and questions for which there was no room.
  Counter questions_accepted, questions_refused_by_hook, questions_failed, questions_waiting;
  std::atomic<std::uint64_t> questions_without_room{0};

  void count_request(int status, DurationNs took) {
    const std::size_t status_class = static_cast<std::size_t>(status / 100);
    requests[status_class >= 2 && status_class <= 5 ? status_class - 2 : 4].add(1);
    std::size_t bound = 0;
    while (bound < webhook_duration_bounds.size() && took > webhook_duration_bounds[bound]) ++bound;
    durations[bound].add(1);
    duration_ns_sum.add(took);
  }
};

}  // namespace ringgate
