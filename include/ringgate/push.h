// What becomes of a push and of a broadcast. Each gets exactly one result, and is counted under exactly one outcome in the metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "ringgate/connection_ref.h"

namespace ringgate {

enum class PushOutcome : std::uint8_t {
  delivered,        // in the connection's outbox or in the kernel
  unknown_device,   // nobody with that id is online
  backpressure,     // refused: the device reads too slowly, or a queue between shards is full; try again later
  too_large,        // refused: above limits.max_push
  closing,          // refused: the connection is being closed or replaced, or the gate ends; the id may be online again at once
  invalid_utf8,     // refused: a text message that is not UTF-8
  unknown_outcome,  // the device's shard has not answered in time: the message may still be delivered
};

inline constexpr std::size_t push_outcomes_count = static_cast<std::size_t>(PushOutcome::unknown_outcome) + 1;

/// Stable snake_case name, as in the admin API and the metrics.
const char* name_of(PushOutcome outcome);

struct PushResult {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;        // whose outbox took or refused the message; nobody if unknown
  std::uint64_t queued_bytes = 0;  // waiting for that device, this message included
};

/// Runs exactly once; null: nobody wants to know. It must not throw. A capture of up to three words costs no allocation.
using PushCallback = std::move_only_function<void(const PushResult&)>;

enum class BroadcastOutcome : std::uint8_t {
  completed,        // every shard has been through its devices: the counts are whole
  backpressure,     // refused, nobody was reached: too many broadcasts are under way; try again later
  too_large,        // refused, nobody was reached: above limits.max_push
  closing,          // the gate ends: the counts are what was reached until then
  invalid_utf8,     // refused, nobody was reached: a text message that is not UTF-8
  unknown_outcome,  // a shard has not reported in time: it may still deliver; the counts are what the others reached
};

inline constexpr std::size_t broadcast_outcomes_count = static_cast<std::size_t>(BroadcastOutcome::unknown_outcome) + 1;

/// Stable snake_case name, as in the metrics.
const char* name_of(BroadcastOutcome outcome);

struct BroadcastResult {
  BroadcastOutcome outcome = BroadcastOutcome::completed;
  std::uint64_t matched = 0;  // devices online when their shard was reached: delivered + refused
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
};

/// As PushCallback.
using BroadcastCallback = std::move_only_function<void(const BroadcastResult&)>;

}  // namespace ringgate
