// Memberships that outlive connections: the groups that a backend gave a device for good.
//
// Shared by all shards, under one mutex, which a handshake takes only if there are any. The key is the keyed hash of the id.
// Invariant: at most `memberships_max` in all, and limits::groups_per_device_max of one device.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "device/id_key.h"

namespace ringgate::dispatch {

class StickyGroups {
 public:
  enum class Added : std::uint8_t { added, already, no_room };

  explicit StickyGroups(std::size_t memberships_max) : memberships_max_(memberships_max) {}

  /// Throws std::bad_alloc; then nothing has changed. Look for the device's connections afterwards: one that is being registered meanwhile
  /// finds the membership here, or is found there.
  Added add(device::IdKey key, std::string_view group) {
    const std::lock_guard lock(mutex_);
    const auto known = by_device_.find(key);
    if (known != by_device_.end() && std::ranges::find(known->second, group) != known->second.end()) return Added::already;
    if (count() >= memberships_max_) return Added::no_room;
    if (known != by_device_.end() && known->second.size() >= limits::groups_per_device_max) return Added::no_room;
    std::vector<std::string> groups = known == by_device_.end() ? std::vector<std::string>{} : known->second;
    groups.emplace_back(group);
    by_device_.insert_or_assign(key, std::move(groups));
    count_.store(count() + 1);
    return Added::added;
  }

  /// False if it was none.
  bool remove(device::IdKey key, std::string_view group) {
    const std::lock_guard lock(mutex_);
    const auto known = by_device_.find(key);
    if (known == by_device_.end() || std::erase(known->second, group) == 0) return false;
    if (known->second.empty()) by_device_.erase(known);
    count_.store(count() - 1);
    return true;
  }

  /// A copy. Call it once the device is registered.
  std::vector<std::string> of(device::IdKey key) const {
    if (count_.load() == 0) return {};
    const std::lock_guard lock(mutex_);
    const auto known = by_device_.find(key);
    return known == by_device_.end() ? std::vector<std::string>{} : known->second;
  }

  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct HashOfKey {
    std::size_t operator()(const device::IdKey& key) const { return key.index; }
  };

  const std::size_t memberships_max_;
  mutable std::mutex mutex_;
  std::unordered_map<device::IdKey, std::vector<std::string>, HashOfKey> by_device_;
  // Changed under the mutex. seq_cst, with the map's compare-and-swap before `of` and its look-up behind `add`: one of the two sees the other.
  std::atomic<std::size_t> count_{0};
};

}  // namespace ringgate::dispatch
