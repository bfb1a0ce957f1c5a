// Replies that callers await from devices: by connection and correlation id, each with its deadline.
//
// It parses nothing and sends nothing. Owned by the device session; owner shard. Invariant: each wait is taken once, by its reply, by its
// deadline or by the end of its connection.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "dispatch/device_request.h"

namespace ringgate::dispatch {

class AwaitedReplies {
 public:
  enum class Added : std::uint8_t { added, id_in_use, no_room };

  /// If not, no message need be looked into.
  bool any() const { return !by_slot_.empty(); }
  bool any(std::uint32_t slot) const { return by_slot_.contains(slot); }

  /// Takes `on_result` only if added.
  Added add(std::uint32_t slot, std::string id, TimeNs deadline, RequestCallback& on_result) {
    if (deadlines_.size() >= limits::replies_awaited_per_shard_max) return Added::no_room;
    if (const auto known = by_slot_.find(slot); known != by_slot_.end()) {
      if (known->second.size() >= limits::replies_awaited_per_device_max) return Added::no_room;
      if (std::ranges::find(known->second, id, &Wait::id) != known->second.end()) return Added::id_in_use;
    }
    try {
      return add_where_there_is_room(slot, std::move(id), deadline, on_result);
    } catch (const std::bad_alloc&) {
      return Added::no_room;
    }
  }

  std::optional<RequestCallback> take(std::uint32_t slot, std::string_view id) {
    const auto known = by_slot_.find(slot);
    if (known == by_slot_.end()) return std::nullopt;
    const auto wait = std::ranges::find(known->second, id, &Wait::id);
    if (wait == known->second.end()) return std::nullopt;
    RequestCallback on_result = std::move(wait->on_result);
    deadlines_.erase({wait->deadline, slot, wait->id});
    known->second.erase(wait);
    if (known->second.empty()) by_slot_.erase(known);
    return on_result;
  }

  /// One of a connection; nullopt: it has none.
  std::optional<RequestCallback> take_any(std::uint32_t slot) {
    const auto known = by_slot_.find(slot);
    return known == by_slot_.end() ? std::nullopt : take(slot, std::string(known->second.front().id));
  }

  /// One whose deadline has passed.
  std::optional<RequestCallback> take_expired(TimeNs now) {
    if (deadlines_.empty() || std::get<TimeNs>(*deadlines_.begin()) > now) return std::nullopt;
    const auto [deadline, slot, id] = *deadlines_.begin();
    return take(slot, id);
  }

  std::optional<TimeNs> next_deadline() const {
    return deadlines_.empty() ? std::nullopt : std::optional(std::get<TimeNs>(*deadlines_.begin()));
  }

  std::size_t count() const { return deadlines_.size(); }

 private:
  Added add_where_there_is_room(std::uint32_t slot, std::string id, TimeNs deadline, RequestCallback& on_result) {
    const auto due = deadlines_.emplace(deadline, slot, id).first;
    try {
      Wait& wait = by_slot_[slot].emplace_back();
      wait = {std::move(id), deadline, std::move(on_result)};
    } catch (const std::bad_alloc&) {
      deadlines_.erase(due);
      if (const auto known = by_slot_.find(slot); known != by_slot_.end() && known->second.empty()) by_slot_.erase(known);
      throw;
    }
    return Added::added;
  }

  struct Wait {
    std::string id;
    TimeNs deadline = 0;
    RequestCallback on_result;
  };

  std::unordered_map<std::uint32_t, std::vector<Wait>> by_slot_;  // never an empty list
  std::set<std::tuple<TimeNs, std::uint32_t, std::string>> deadlines_;
};

}  // namespace ringgate::dispatch
