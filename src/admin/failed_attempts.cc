#include "admin/failed_attempts.h"

#include <algorithm>
#include <functional>
#include <span>

#include "base/limits.h"

namespace ringgate::admin {
namespace {

// Each failure costs its time; a source may owe that of so many.
constexpr DurationNs cost = limits::admin_failure_seconds * nanoseconds_per_second;
constexpr DurationNs credit = limits::admin_failures_max * cost;

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

FailedAttempts::Key FailedAttempts::key_of(const ring::PeerAddress& peer) {
  Key key = peer.address;
  if (!std::ranges::equal(mapped_prefix, std::span(key).first<12>())) std::ranges::fill(std::span(key).last<8>(), 0);
  return key;
}

FailedAttempts::Source& FailedAttempts::source_of(const ring::PeerAddress& peer, TimeNs now) {
  const Key key = key_of(peer);
  if (sources_.size() >= limits::admin_sources_max && !sources_.contains(key))
    sources_.erase(std::ranges::min_element(sources_, {}, [](const auto& entry) { return entry.second.seen; }));
  Source& source = sources_[key];
  source.seen = now;
  return source;
}

void FailedAttempts::note_failure(const ring::PeerAddress& peer, TimeNs now) {
  Source& source = source_of(peer, now);
  source.forgiven_at = std::min(std::max(source.forgiven_at, now) + cost, now + credit);
}

void FailedAttempts::note_success(const ring::PeerAddress& peer, std::string_view name, TimeNs now) {
  Source& source = source_of(peer, now);
  if (source.name != name) source.name = name;
}

bool FailedAttempts::must_wait(const ring::PeerAddress& peer, TimeNs now) const {
  const auto source = sources_.find(key_of(peer));
  return source != sources_.end() && source->second.forgiven_at > now + credit - cost;
}

bool FailedAttempts::was_let_in(const ring::PeerAddress& peer, std::string_view name) const {
  const auto source = sources_.find(key_of(peer));
  return source != sources_.end() && source->second.name == name;
}

}  // namespace ringgate::admin
