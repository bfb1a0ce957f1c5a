#include "dispatch/known_ids.h"

#include <algorithm>
#include <new>
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
  const std::vector<FollowerName> followers = std::move(entry->followers);
  device->second.erase(entry);
  --count_;
  if (device->second.empty()) devices_.erase(device);
  tell_followers(followers, {.outcome = PushOutcome::unknown_outcome, .receipt = {}});
}

KnownIds::Claim KnownIds::claim(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report) {
  try {
    return claim_with_memory(push, window, now, on_report);
  } catch (const std::bad_alloc&) {
    if (const auto known = devices_.find(push.device); known != devices_.end() && known->second.empty()) devices_.erase(known);
    return Claim::full;
  }
}

KnownIds::Claim KnownIds::claim_with_memory(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report) {
  while (!ages_.empty() && (ages_.front().expires_at <= now || ages_.size() >= limits::ids_per_shard_max)) forget_first();
  Device& known = devices_[push.device];
  const auto found = std::ranges::find(known, push.id, &Entry::id);
  if (found != known.end()) {
    if (found->body != push.body) return Claim::conflict;
    if (!found->is_settled && push.patience != 0) {
      if (found->followers.size() >= limits::id_followers_max) return Claim::full;
      const FollowerName name{now + push.patience, ++followed_};
      found->followers.reserve(limits::id_followers_max);
      followers_.try_emplace(name, push.device, found->number, std::move(on_report));
      found->followers.push_back(name);
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
  ages_.push_back({now + window, push.device, ++numbers_});  // one without an entry does no harm
  known.push_back({.id = push.id, .body = push.body, .number = numbers_, .report = {}, .followers = {}});
  ++count_;
  return Claim::fresh;
}

KnownIds::Entry* KnownIds::find(device::IdKey device, std::uint64_t number) {
  const auto known = devices_.find(device);
  if (known == devices_.end()) return nullptr;
  const auto entry = std::ranges::find(known->second, number, &Entry::number);
  return entry == known->second.end() ? nullptr : &*entry;
}

void KnownIds::note_taken(device::IdKey device, std::uint64_t number, const PushReport& so_far) {
  if (Entry* const entry = find(device, number)) entry->report = so_far;
}

void KnownIds::tell_followers(const std::vector<FollowerName>& names, const PushReport& report) {
  PushReport repeated = report;
  repeated.receipt.is_repeat = true;
  for (const FollowerName& name : names)
    if (auto follower = followers_.extract(name)) follower.mapped().on_report(repeated);
}

bool KnownIds::give_up_follower(TimeNs now) {
  if (next_follower() > now) return false;
  auto follower = followers_.extract(followers_.begin());
  Entry& entry = *find(follower.mapped().device, follower.mapped().claim);  // one that is settled or forgotten has none
  std::erase(entry.followers, follower.key());
  PushReport report = entry.report;
  report.outcome = PushOutcome::timed_out;
  report.receipt.is_repeat = true;
  follower.mapped().on_report(report);
  return true;
}

void KnownIds::settle(device::IdKey device, std::uint64_t number, const PushReport& report) {
  const auto known = devices_.find(device);
  if (known == devices_.end()) return;
  const auto entry = std::ranges::find(known->second, number, &Entry::number);
  if (entry == known->second.end()) return;
  const std::vector<FollowerName> followers = std::exchange(entry->followers, {});
  entry->is_settled = true;
  entry->report = report;
  if (!is_final(report.outcome)) {
    known->second.erase(entry);
    --count_;
    if (known->second.empty()) devices_.erase(known);
  }
  tell_followers(followers, report);
}

}  // namespace ringgate::dispatch
