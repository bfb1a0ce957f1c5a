// The ids of pushes that a shard remembers, with their results: a push that repeats one is not sent again.
//
// Owned by the device session; owner shard. It remembers for the devices of its shard only: a device that comes back on another shard
// has no window there. Bounded per device, per shard and in time; the oldest goes first. Invariant: each claimed id is settled once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
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
    full,      // too many repeats await the first one's result
  };

  /// What a push with an id is known by.
  struct Push {
    device::IdKey device;  // of the device, or of one of its connections if it has several
    device::IdKey id;
    device::IdKey body;  // PushOrder::body
  };

  /// `window`: how long an id is remembered. `on_report` is taken, or called, only for a repeat.
  Claim claim(const Push& push, DurationNs window, TimeNs now, ReportCallback& on_report);

  /// The number of the claim that was made last.
  std::uint64_t last_claim() const { return numbers_; }
  /// The result of the push that made the claim `number`. It is remembered if the message was taken; else the id is free again. Calls those who
  /// repeated it meanwhile. Nothing if the claim was forgotten: its id may be another's by now.
  void settle(device::IdKey device, std::uint64_t number, const PushReport& report);

  std::size_t size() const { return count_; }

 private:
  struct Entry {
    device::IdKey id;
    device::IdKey body;
    std::uint64_t number = 0;
    bool is_settled = false;
    PushReport report;
    std::vector<ReportCallback> followers;
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

  void forget_first();

  std::unordered_map<device::IdKey, Device, HashOfKey> devices_;
  std::deque<Age> ages_;  // of all entries and of some that were freed, the oldest first
  std::size_t count_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace ringgate::dispatch
