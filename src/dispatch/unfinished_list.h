// A list of devices with something unfinished, a request head or a message, the oldest first. Owned by the device session; owner
// shard. The links are parts of the devices' side objects, so the list allocates nothing.
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

  /// Null if the list is empty.
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
