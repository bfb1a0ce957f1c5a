// The devices of one shard that have begun something and not finished it, a request head or a message, the oldest first. Links lie in the devices' side
// objects; nothing is allocated. Owner shard.
#pragma once

#include <cstdint>

#include "base/assert.h"

namespace ringgate::dispatch {

class UnfinishedList {
 public:
  struct Link {
    Link* older = nullptr;
    Link* newer = nullptr;
    std::uint32_t slot = 0;      // the connection's
    std::uint32_t began_at = 0;  // in milliseconds, as DeviceRecord counts them
    bool linked = false;
  };

  UnfinishedList() = default;
  UnfinishedList(const UnfinishedList&) = delete;
  UnfinishedList& operator=(const UnfinishedList&) = delete;

  /// Null if all is finished.
  Link* oldest() { return oldest_; }

  void append(Link& link) {
    RINGGATE_ASSERT(!link.linked);
    link.older = newest_;
    link.newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = &link;
    newest_ = &link;
    link.linked = true;
  }

  /// Nothing to do if it is not linked.
  void remove(Link& link) {
    if (!link.linked) return;
    (link.older != nullptr ? link.older->newer : oldest_) = link.newer;
    (link.newer != nullptr ? link.newer->older : newest_) = link.older;
    link.linked = false;
  }

 private:
  Link* oldest_ = nullptr;
  Link* newest_ = nullptr;
};

}  // namespace ringgate::dispatch
