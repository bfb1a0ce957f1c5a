// One thing that is done for every device of a selection, on all shards: a broadcast, a count, a close, a comparison.
//
// Immutable and shared by the shards that carry it out. Any thread. It finds no devices: broadcast.cc does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/worst_devices.h"
#include "ringgate/close_code.h"
#include "ringgate/device_filter.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

/// Devices that meet several filters at once, such as that of a token and that of a request.
class Selection {
 public:
  Selection() = default;
  explicit Selection(const DeviceFilter& filter) { restrict_to(filter); }

  /// Keeps only those devices that meet `filter`, too.
  void restrict_to(const DeviceFilter& filter) {
    if (filter.prefix.starts_with(prefix_)) prefix_ = filter.prefix;
    else if (!prefix_.starts_with(filter.prefix)) is_nobody_ = true;
    if (!filter.route.empty()) {
      if (!route_.empty() && route_ != filter.route) is_nobody_ = true;
      route_ = filter.route;
    }
    if (!filter.group.empty() && std::ranges::find(groups_, filter.group) == groups_.end()) groups_.push_back(filter.group);
  }

  bool is_everybody() const { return !is_nobody_ && prefix_.empty() && groups_.empty() && route_.empty(); }
  bool is_nobody() const { return is_nobody_; }  // no device can meet all filters
  std::string_view prefix() const { return prefix_; }
  std::string_view route() const { return route_; }
  const std::vector<std::string>& groups() const { return groups_; }  // a device is in all of them

 private:
  std::string prefix_;
  std::string route_;
  std::vector<std::string> groups_;
  bool is_nobody_ = false;
};

struct Sweep {
  enum class Act : std::uint8_t {
    deliver,  // `message`
    count,
    close,  // with `code` and `reason`
    rank,   // among the `worst`, by `rank_by`; by retransmits it is done for those whose links were read
  };

  Act act = Act::deliver;
  Selection selection;
  ws::MessageRef message;
  CloseCode code = CloseCode::closed_by_backend;
  std::string reason;
  RankBy rank_by = RankBy::rtt;
  std::shared_ptr<WorstDevices> worst = nullptr;
};

using SweepRef = std::shared_ptr<const Sweep>;

}  // namespace ringgate::dispatch
