// A push with options on its way to the shard of its device, and what comes back. Values; the order crosses as an owned object, the
// report in the parcel itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>

#include "base/time.h"
#include "device/id_key.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class Selection;

/// PushOptions with hashes in place of texts: a key whose index is 0 was not given.
struct PushOrder {
  ws::MessageRef message;
  DurationNs ttl = PushOptions::no_ttl;
  DurationNs timeout = 0;
  device::IdKey coalesce_key;
  device::IdKey id;
  device::IdKey body;  // of the message's type and payload; only with an id
  PushLevel wait = PushLevel::none;
  bool is_part = false;                              // others go to other connections of the device
  bool names_connection = false;                     // PushOptions::only_to is not empty
  std::shared_ptr<const Selection> reach = nullptr;  // what the connection must meet where it is; null: nothing

  bool has_id() const { return id.index != 0; }
  bool has_coalesce_key() const { return coalesce_key.index != 0; }
  bool waits() const { return wait > PushLevel::queued; }
};

/// What became of one.
struct PushReport {
  PushOutcome outcome = PushOutcome::unknown_device;
  std::uint64_t queued_bytes = 0;
  PushReceipt receipt;
};
static_assert(std::is_trivially_copyable_v<PushReport>);

/// Runs exactly once, on the shard of the device.
using ReportCallback = std::move_only_function<void(const PushReport&)>;

/// Any thread.
PushOrder order_of(const device::KeyedHash& hash, ws::MessageRef message, const PushOptions& options);

}  // namespace ringgate::dispatch
