// The outcomes of questions between shards that carry no message. Those of pushes and broadcasts are in ringgate/push.h. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringgate/connection_ref.h"

namespace ringgate::dispatch {

/// Outcome of closing a device by its id.
enum class CloseOutcome : std::uint8_t {
  closed,           // this request started the closing handshake of an open connection
  unknown_device,   // no device with that id is online
  moving,           // the device had moved to another connection each time; nothing was closed
  backpressure,     // the queue to the device's shard is full; nothing was closed
  stopping,         // the gate is stopping
  unknown_outcome,  // the device's shard did not answer in time
};

/// Outcome of describing a device.
enum class DescribeOutcome : std::uint8_t {
  found,
  unknown_device,  // no device with that id is online
  unavailable,     // not known now: a queue between shards is full, a shard does not answer, or the device keeps moving
};

/// Outcome of posting to a shard from a thread without one.
enum class PostOutcome : std::uint8_t {
  posted,
  full,   // the shard's inlet is full
  ended,  // the gate's shards have ended
};

/// The description of a device for the admin API.
struct DeviceInfo {
  std::string device_id;
  ConnectionRef connection;
  std::uint32_t shard = 0;
  std::string remote;
  std::string path;
  std::vector<std::string> groups;     // that its credential names
  std::int64_t since_seconds = 0;      // Unix time
  std::int64_t last_seen_seconds = 0;  // Unix time
  std::uint32_t rtt_ms = 0;            // of the last answered ping; 0: none was answered yet
  std::uint64_t queued_bytes = 0;
};

struct DescribeResult {
  DescribeOutcome outcome = DescribeOutcome::unknown_device;
  std::unique_ptr<DeviceInfo> device;  // set exactly if found
};

/// Each runs exactly once on the shard that asked, before the call returns if the answer is known at once.
using CloseCallback = std::move_only_function<void(CloseOutcome)>;
using DescribeCallback = std::move_only_function<void(DescribeResult)>;

}  // namespace ringgate::dispatch
