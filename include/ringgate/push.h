// What becomes of a push. Every push gets exactly one result.
#pragma once

#include <cstdint>
#include <functional>

#include "ringgate/connection_ref.h"

namespace ringgate {

enum class PushOutcome : std::uint8_t {
  delivered,       // in the connection's outbox or in the kernel
  unknown_device,  // nobody with that id is online
  backpressure,    // refused: the device reads too slowly, or a queue between shards is full; try again later
  too_large,       // refused: above limits.max_push
  closing,         // refused: the connection is being closed
};

/// Stable snake_case name, as in the admin API and the metrics.
const char* name_of(PushOutcome outcome);

struct PushResult {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;        // whose outbox took or refused the message; nobody if unknown
  std::uint64_t queued_bytes = 0;  // waiting for that device, this message included
};

/// Runs exactly once. It must not throw. A capture of up to three words costs no allocation.
using PushCallback = std::move_only_function<void(const PushResult&)>;

struct BroadcastResult {
  std::uint64_t matched = 0;    // devices online when their shard was reached
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
};

using BroadcastCallback = std::move_only_function<void(const BroadcastResult&)>;

}  // namespace ringgate
