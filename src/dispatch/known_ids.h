// The ids of pushes that a shard remembers, with their results: a push that repeats one is not sent again.
//
// Owned by the device session; owner shard. It remembers for the devices of its shard only: a device that comes back on another shard
// has no window there. Bounded per device, per shard and in time; the oldest goes first. Invariant: each claimed id is settled once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "device/id_key.h"
#include "dispatch/push_order.h"

namespace ringgate::dispatch {

class KnownIds {
 public:
  enum class Claim : std::uint8_t {
    fresh,     // not known: the push goes on, and `settle` follows
    repeat,    // known: `on_report` has been called with the first one's report, or will be
    conflict,  // known, of another message
    full,      // too many repeats await the first one's result, or there is no memory
  };

  /// What a push with an id is known by.
  struct Push {
    device::IdKey device;  // of the device, or of one of its connections if it has several
    device::IdKey id;
    device::IdKey body;       // PushOrder::body
    DurationNs patience = 0;  // how long a repeat waits for the first one's result; 0: that the first was taken is enough for it
  };

  /// `window`: how long an id is remembered. `on_report` is taken, or called, only for a repeat.
  Claim claim(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report);

  /// The number of the claim that was made last.
  std::uint64_t last_claim() const { return numbers_; }
  /// The message of the claim `number` was taken, and its result is awaited: `so_far` is what is known of it.
  void note_taken(device::IdKey device, std::uint64_t number, const PushReport& so_far);
  /// The result of the push that made the claim `number`. It is remembered if the message was taken; else the id is free again. Calls those who
  /// repeated it meanwhile. Nothing if the claim was forgotten: its id may be another's by now.
  void settle(device::IdKey device, std::uint64_t number, const PushReport& report);

  /// When the first repeat has waited long enough; UINT64_MAX: none waits.
  TimeNs next_follower() const { return followers_.empty() ? UINT64_MAX : followers_.begin()->first.first; }
  /// Tells one repeat that has waited long enough what is known of the first. False: there is none.
  bool give_up_follower(TimeNs now);

  std::size_t size() const { return count_; }

 private:
  using FollowerName = std::pair<TimeNs, std::uint64_t>;  // its deadline, and a number that no other has
  struct Follower {
    device::IdKey device;
    std::uint64_t claim;
    ReportCallback on_report;
  };
  struct Entry {
    device::IdKey id;
    device::IdKey body;
    std::uint64_t number = 0;
    bool is_settled = false;
    PushReport report;                    // until it is settled, what is known
    std::vector<FollowerName> followers;  // repeats that wait for its result
  };
  struct HashOfKey {
    std::size_t operator()(const device::IdKey& key) const { return key.index; }
  };
  struct Age {
    TimeNs expires_at;
    device::IdKey device;
    std::uint64_t number;
  };
  using Device = std::deque<Entry>;  // the oldest first

  Claim claim_with_memory(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report);
  Entry* find(device::IdKey device, std::uint64_t number);
  void tell_followers(const std::vector<FollowerName>& names, const PushReport& report);
  void forget_first();

  std::unordered_map<device::IdKey, Device, HashOfKey> devices_;
  std::map<FollowerName, Follower> followers_;
  std::deque<Age> ages_;  // of all entries and of some that were freed, the oldest first
  std::size_t count_ = 0;
  std::uint64_t numbers_ = 0;   // of claims
  std::uint64_t followed_ = 0;  // numbers of followers
};

}  // namespace ringgate::dispatch
