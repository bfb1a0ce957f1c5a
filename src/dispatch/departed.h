// The devices that were here: when and how each was seen last, for whoever asks why it is offline.
//
// Shared by all shards: a key belongs to one of a few stripes, each with a mutex that is held for one change or one copy. A stripe forgets
// the device that left longest ago when it is full. Devices choose their ids, so the key is the keyed hash. Invariant: at most
// `devices_max` devices; nothing is kept while that is 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "device/id_key.h"
#include "dispatch/observer.h"
#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/device_id.h"

namespace ringgate::dispatch {

/// How the last connection of a device ended.
struct Departure {
  ConnectionRef connection;
  std::int64_t at_seconds = 0;  // Unix time
  CloseCode code = CloseCode::abnormal;
  EndedBy ended_by = EndedBy::gate;
  std::string reason;
  std::uint64_t duration_ms = 0;
  std::uint32_t rtt_ms = 0;                    // of the last answered ping; 0: none was answered
  std::uint64_t queued_bytes = 0;              // output that the kernel had not taken
  std::optional<std::uint64_t> unacked_bytes;  // that it had taken and the peer's TCP had not acknowledged; nullopt: not known
};

class DepartedDevices {
 public:
  explicit DepartedDevices(std::size_t devices_max)
      : per_stripe_max_(devices_max == 0 ? 0 : (devices_max + stripes_count - 1) / stripes_count) {}

  bool keeps_any() const { return per_stripe_max_ > 0; }

  /// In place of what was known of the device. Without memory a device that was not known stays unknown.
  void note(device::IdKey key, Departure departure) noexcept {
    if (!keeps_any()) return;
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    if (const auto known = stripe.by_key.find(key); known != stripe.by_key.end()) {
      known->second->departure = std::move(departure);
      stripe.oldest_first.splice(stripe.oldest_first.end(), stripe.oldest_first, known->second);
      return;
    }
    try {
      if (stripe.by_key.size() >= per_stripe_max_) forget(stripe, stripe.oldest_first.front().key);
      stripe.oldest_first.push_back({key, std::move(departure)});
      try {
        stripe.by_key.emplace(key, std::prev(stripe.oldest_first.end()));
      } catch (const std::bad_alloc&) {
        stripe.oldest_first.pop_back();
      }
    } catch (const std::bad_alloc&) {
    }
  }

  /// A copy; nullopt: not known, or not any more.
  std::optional<Departure> find(device::IdKey key) const {
    if (!keeps_any()) return std::nullopt;
    const Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.by_key.find(key);
    return found == stripe.by_key.end() ? std::nullopt : std::optional(found->second->departure);
  }

  /// Devices that are known now.
  std::size_t count() const {
    std::size_t sum = 0;
    for (const Stripe& stripe : stripes_) {
      const std::lock_guard lock(stripe.mutex);
      sum += stripe.by_key.size();
    }
    return sum;
  }

 private:
  struct Entry {
    device::IdKey key;
    Departure departure;
  };
  struct HashOfKey {
    std::size_t operator()(const device::IdKey& key) const { return key.index; }
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Entry> oldest_first;
    std::unordered_map<device::IdKey, std::list<Entry>::iterator, HashOfKey> by_key;
  };

  static void forget(Stripe& stripe, device::IdKey key) {
    const auto found = stripe.by_key.find(key);
    if (found == stripe.by_key.end()) return;
    stripe.oldest_first.erase(found->second);
    stripe.by_key.erase(found);
  }

  static constexpr std::size_t stripes_count = 16;
  Stripe& stripe_of(device::IdKey key) { return stripes_[key.check % stripes_count]; }
  const Stripe& stripe_of(device::IdKey key) const { return stripes_[key.check % stripes_count]; }

  const std::size_t per_stripe_max_;
  std::array<Stripe, stripes_count> stripes_;
};

/// Notes the devices of a shard that leave. Anonymous ids are not noted: nobody comes back with one.
class DepartureNotes final : public Observer {
 public:
  /// All arguments outlive the object.
  DepartureNotes(DepartedDevices& departed, const device::KeyedHash& hash, ring::Ring& ring)
      : departed_(departed), hash_(hash), ring_(ring) {}

  bool hears_devices() const override { return departed_.keeps_any(); }
  void on_disconnected(const DeviceView& device, const DisconnectView& end) override {
    if (!departed_.keeps_any() || device.device_id.starts_with(anonymous_id_prefix)) return;
    Departure departure{.connection = device.connection,
                        .at_seconds = ring_.wall_clock_seconds(),
                        .code = end.code,
                        .ended_by = end.ended_by,
                        .reason = {},
                        .duration_ms = end.duration_ms,
                        .rtt_ms = end.rtt_ms,
                        .queued_bytes = end.queued_bytes,
                        .unacked_bytes = end.unacked_bytes};
    try {
      departure.reason = end.reason;
    } catch (const std::bad_alloc&) {  // the code tells enough
    }
    departed_.note(hash_(device.device_id), std::move(departure));
  }

 private:
  DepartedDevices& departed_;
  const device::KeyedHash& hash_;
  ring::Ring& ring_;
};

}  // namespace ringgate::dispatch
