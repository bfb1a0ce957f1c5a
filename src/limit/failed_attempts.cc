#include "limit/failed_attempts.h"

#include <algorithm>

#include "base/limits.h"
#include "limit/source_prefix.h"

namespace ringgate::limit {
namespace {

constexpr PaceRule rule{.count = limits::admin_failures_max,
                        .period = limits::admin_failures_max * limits::admin_failure_seconds * nanoseconds_per_second};

/// A source that must wait stays in the table.
std::uint64_t binding_worth() { return rule.lead_max() + 2; }

void raise(std::atomic<TimeNs>& most, TimeNs value) {
  TimeNs seen = most.load(std::memory_order_relaxed);
  while (seen < value && !most.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

FailedAttempts::FailedAttempts(const device::KeyedHash& hash) : hash_(hash), sources_(limits::sources_remembered_max) {}

std::uint64_t FailedAttempts::source_of(const ring::PeerAddress& peer) const {
  const auto prefix = SourcePrefix::of(peer);
  return hash_(prefix ? prefix->bytes() : std::string_view("no address")).index;
}

bool FailedAttempts::fail(std::uint64_t source, TimeNs now) {
  bool is_counted = true;
  (void)sources_.visit(source, now, binding_worth(), [&](Source& found) {
    is_counted = found.failures.wait(rule, now) == 0;
    if (is_counted) found.failures.take(rule, now);
    raise(waiting_until_, now + found.failures.wait(rule, now));
  });
  return is_counted;
}

bool FailedAttempts::may_enter(std::uint64_t source, std::uint64_t name, TimeNs now) {
  if (waiting_until_.load(std::memory_order_relaxed) <= now) return true;
  bool may = true;
  sources_.look_up(source, [&](const Source& found) { may = found.failures.wait(rule, now) == 0 || found.knows(name); });
  return may;
}

void FailedAttempts::remember(std::uint64_t source, std::uint64_t name, TimeNs now) {
  (void)sources_.visit(source, now, binding_worth(), [&](Source& found) {
    const auto last = std::ranges::find(found.names, name);  // its place, or that of the oldest, becomes free
    const auto end = last == found.names.end() ? found.names.end() - 1 : last;
    std::move_backward(found.names.begin(), end, end + 1);
    found.names[0] = name;
  });
}

}  // namespace ringgate::limit
