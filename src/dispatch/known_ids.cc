#include "dispatch/known_ids.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace ringgate::dispatch {

namespace {

/// Whether the message of such a push may have gone, or may not be sent any more: then it must not be sent again.
bool is_final(PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::delivered:
    case PushOutcome::expired:
    case PushOutcome::coalesced:
    case PushOutcome::dropped:
    case PushOutcome::timed_out:
    case PushOutcome::connection_ended: return true;
    default: return false;
  }
}

}  // namespace

/// An entry whose result is still awaited is forgotten too: those who repeated it are told that nothing is known.
void KnownIds::forget_first() {
  const Age age = ages_.front();
  ages_.pop_front();
  const auto device = devices_.find(age.device);
  if (device == devices_.end()) return;
  const auto entry = std::ranges::find(device->second, age.number, &Entry::number);
  if (entry == device->second.end()) return;
  std::vector<ReportCallback> followers = std::move(entry->followers);
  device->second.erase(entry);
  --count_;
  if (device->second.empty()) devices_.erase(device);
  for (ReportCallback& follower : followers) follower({.outcome = PushOutcome::unknown_outcome, .receipt = {}});
}

KnownIds::Claim KnownIds::claim(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report) {
  while (!ages_.empty() && (ages_.front().expires_at <= now || ages_.size() >= limits::ids_per_shard_max)) forget_first();
  Device& known = devices_[push.device];
  const auto found = std::ranges::find(known, push.id, &Entry::id);
  if (found != known.end()) {
    if (found->body != push.body) return Claim::conflict;
    if (!found->is_settled) {
      if (found->followers.size() >= limits::id_followers_max) return Claim::full;
      found->followers.push_back(std::move(on_report));
      return Claim::repeat;
    }
    PushReport report = found->report;
    report.receipt.is_repeat = true;
    on_report(report);
    return Claim::repeat;
  }
  if (known.size() >= limits::ids_per_device_max) {
    if (!known.front().is_settled) return Claim::full;
    known.pop_front();
    --count_;
  }
  known.push_back({.id = push.id, .body = push.body, .number = ++numbers_, .report = {}, .followers = {}});
  ages_.push_back({now + window, push.device, numbers_});
  ++count_;
  return Claim::fresh;
}

void KnownIds::settle(device::IdKey device, std::uint64_t number, const PushReport& report) {
  const auto known = devices_.find(device);
  if (known == devices_.end()) return;
  const auto entry = std::ranges::find(known->second, number, &Entry::number);
  if (entry == known->second.end()) return;
  std::vector<ReportCallback> followers = std::move(entry->followers);
  entry->is_settled = true;
  entry->report = report;
  if (!is_final(report.outcome)) {
    known->second.erase(entry);
    --count_;
    if (known->second.empty()) devices_.erase(known);
  }
  PushReport repeated = report;
  repeated.receipt.is_repeat = true;
  for (ReportCallback& follower : followers) follower(repeated);
}

}  // namespace ringgate::dispatch
