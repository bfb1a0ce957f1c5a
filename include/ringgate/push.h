// Results of pushes and broadcasts. Each push and each broadcast gets exactly one result, and the metrics count it under its
// outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "ringgate/connection_ref.h"

namespace ringgate {

enum class PushOutcome : std::uint8_t {
  delivered,        // in the connection's outbox or in the kernel
  unknown_device,   // no device with that id is online
  backpressure,     // refused: the device reads too slowly, a queue between shards is full, or memory is out; try again later
  too_large,        // refused: above limits.max_push
  closing,          // refused: the gate ends, or the connection is being closed or replaced; the id may be online again at once
  invalid_utf8,     // refused: a text message that is not UTF-8
  unknown_outcome,  // the device's shard has not answered in time: the message may still be delivered
};

inline constexpr std::size_t push_outcomes_count = static_cast<std::size_t>(PushOutcome::unknown_outcome) + 1;

/// Stable snake_case name, as in the admin API and the metrics. Any thread; does not allocate.
const char* name_of(PushOutcome outcome);

/// What became of a push on one of several connections.
struct PushPart {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;
  std::uint64_t queued_bytes = 0;
};

struct PushResult {
  PushOutcome outcome = PushOutcome::unknown_device;
  ConnectionRef connection;        // took or refused the message; nobody if no connection is known
  std::uint64_t queued_bytes = 0;  // waiting for that device, this message included
  // One for each connection of a device that has more than one. `outcome` is then the best of them, with its connection.
  std::vector<PushPart> parts = {};
};

/// Runs exactly once; null if nobody wants the result. It must not throw. A capture of up to three words costs no allocation.
using PushCallback = std::move_only_function<void(const PushResult&)>;

enum class BroadcastOutcome : std::uint8_t {
  completed,        // the counts cover the devices of every shard
  backpressure,     // refused, reached no device: too many broadcasts are under way, or memory is out; try again later
  too_large,        // refused, reached no device: above limits.max_push
  closing,          // the gate ends: the counts cover the devices that were reached before
  invalid_utf8,     // refused, reached no device: a text message that is not UTF-8
  unknown_outcome,  // a shard has not reported in time and may still deliver: the counts cover the other shards
};

inline constexpr std::size_t broadcast_outcomes_count = static_cast<std::size_t>(BroadcastOutcome::unknown_outcome) + 1;

/// Stable snake_case name, as in the metrics. Any thread; does not allocate.
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
