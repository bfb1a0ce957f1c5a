// The devices with the largest value of something, over all shards. Shared by the shards of one sweep; any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "dispatch/outcomes.h"

namespace ringgate::dispatch {

/// What devices are compared by.
enum class RankBy : std::uint8_t { rtt, queued, retransmits };

class WorstDevices {
 public:
  explicit WorstDevices(std::size_t devices_max) : devices_max_(devices_max) {}

  /// False: a device with this value need not be offered. Relaxed: `offer` decides.
  bool may_be_among(std::uint64_t value) const { return value > least_.load(std::memory_order_relaxed); }

  void offer(std::uint64_t value, DeviceInfo device) {
    const std::lock_guard lock(mutex_);
    if (!may_be_among(value)) return;
    const auto behind = std::ranges::find_if(worst_, [&](const auto& known) { return known.first < value; });
    worst_.emplace(behind, value, std::move(device));
    if (worst_.size() > devices_max_) worst_.pop_back();
    if (worst_.size() == devices_max_) least_.store(worst_.back().first, std::memory_order_relaxed);
  }

  /// The worst first. Once all shards have reported.
  std::vector<DeviceInfo> take() {
    const std::lock_guard lock(mutex_);
    std::vector<DeviceInfo> devices;
    for (auto& [value, device] : worst_) devices.push_back(std::move(device));
    return devices;
  }

 private:
  const std::size_t devices_max_;
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, DeviceInfo>> worst_;  // in falling order
  std::atomic<std::uint64_t> least_{0};                      // a larger value is among the worst; 0: so is every one but 0
};

}  // namespace ringgate::dispatch
