// The credentials of connected devices, by slot: when they end, and what a revocation needs to know of them.
//
// The connection record has no room for this, and devices without a credential need none: the table grows with the first one. Owned
// by the device session; owner shard. Invariant: an entry lives at most as long as its connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/grant.h"

namespace ringgate::dispatch {

struct LiveCredential {
  auth::Kind kind = auth::Kind::none;
  bool is_announced = false;              // that it ends soon
  std::int64_t expires_at = auth::never;  // Unix seconds
  std::optional<std::int64_t> issued_at;
  std::string token_id;
  std::vector<std::string> groups;
};

class LiveCredentials {
 public:
  /// True if no slot has had a credential yet: then nothing needs to be looked up.
  bool empty() const { return by_slot_.empty(); }

  /// Null if the connection in `slot` has none.
  const LiveCredential* find(std::uint32_t slot) const { return slot < by_slot_.size() ? by_slot_[slot].get() : nullptr; }
  LiveCredential* find(std::uint32_t slot) { return slot < by_slot_.size() ? by_slot_[slot].get() : nullptr; }

  /// Makes one for the connection in `slot`, or returns the one that it has. Allocates.
  LiveCredential& at(std::uint32_t slot) {
    if (slot >= by_slot_.size()) by_slot_.resize(slot + 1);
    if (by_slot_[slot] == nullptr) by_slot_[slot] = std::make_unique<LiveCredential>();
    return *by_slot_[slot];
  }

  void drop(std::uint32_t slot) {
    if (slot < by_slot_.size()) by_slot_[slot].reset();
  }

 private:
  std::vector<std::unique_ptr<LiveCredential>> by_slot_;
};

}  // namespace ringgate::dispatch
