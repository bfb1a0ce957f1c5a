// What becomes of the questions between shards that carry no message. Pushes and broadcasts: ringgate/push.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ringgate/connection_ref.h"

namespace ringgate::dispatch {

/// Of closing a device by its id.
enum class CloseOutcome : std::uint8_t {
  closed,           // this request started the closing handshake of an open connection
  unknown_device,   // nobody with that id is online
  moving,           // the device changed its connection each time it was asked for; nothing was closed
  backpressure,     // the queue to the device's shard is full; nothing was closed
  stopping,         // the gate ends
  unknown_outcome,  // the device's shard has not answered in time
};

/// Of asking where a device is.
enum class DescribeOutcome : std::uint8_t {
  found,
  unknown_device,  // nobody with that id is online
  unavailable,     // it cannot be told now: a queue between shards is full, a shard does not answer, or the device moves
};

/// Of handing something to a shard from a thread that is none.
enum class PostOutcome : std::uint8_t {
  posted,
  full,   // as many as the shard's inlet holds wait there
  ended,  // the gate's shards run no more
};

/// What the admin API tells about a device.
struct DeviceInfo {
  std::string device_id;
  ConnectionRef connection;
  std::uint32_t shard = 0;
  std::string remote;
  std::string path;
  std::int64_t since_seconds = 0;      // Unix time
  std::int64_t last_seen_seconds = 0;  // Unix time
  std::uint32_t rtt_ms = 0;            // of the last ping; 0: none was answered yet
  std::uint64_t queued_bytes = 0;
};

struct DescribeResult {
  DescribeOutcome outcome = DescribeOutcome::unknown_device;
  std::unique_ptr<DeviceInfo> device;  // exactly if found
};

/// Each runs exactly once, on the shard that asked; before the call returns if the answer is known at once.
using CloseCallback = std::move_only_function<void(CloseOutcome)>;
using DescribeCallback = std::move_only_function<void(DescribeResult)>;

}  // namespace ringgate::dispatch
