// Who is online: what Server::find, list and close tell. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringgate/connection_ref.h"
#include "ringgate/link_quality.h"

namespace ringgate {

/// A device at the moment at which its shard was asked.
struct DeviceInfo {
  std::string device_id;
  ConnectionRef connection;
  std::uint32_t shard = 0;
  std::string remote;                  // "192.0.2.7:51234"
  std::string path;                    // the route's
  std::vector<std::string> groups;     // that its credential names
  std::int64_t since_seconds = 0;      // Unix time
  std::int64_t last_seen_seconds = 0;  // Unix time
  std::uint32_t rtt_ms = 0;            // of the last answered ping; 0: none was answered yet
  std::uint64_t queued_bytes = 0;      // output that waits for the device
  LinkReading link = {};               // not_asked unless the question was for it too
};

/// Outcome of closing a device by its id.
enum class CloseOutcome : std::uint8_t {
  closed,           // this request started the closing handshake of each connection that was open
  partly,           // of a device with several connections, some were closed, others not: CloseResult::parts; may be repeated
  unknown_device,   // no device with that id is online
  moving,           // the device had moved to another connection each time; nothing was closed
  backpressure,     // the queue to the device's shard is full; nothing was closed
  stopping,         // the gate is stopping
  no_room,          // of a change of groups: the device or its shard has as many as it may have
  unknown_outcome,  // the device's shard did not answer in time
};

/// What became of one of several connections: closed, moving, backpressure, stopping or unknown_outcome.
struct ClosePart {
  CloseOutcome outcome = CloseOutcome::unknown_outcome;
  ConnectionRef connection;
};

/// Stands for its outcome where that is enough.
struct CloseResult {
  CloseOutcome outcome = CloseOutcome::unknown_device;
  // One for each connection of a device that has more than one, but for those that had ended before they were reached.
  std::vector<ClosePart> parts = {};

  CloseResult() = default;
  CloseResult(CloseOutcome one) : outcome(one) {}
  operator CloseOutcome() const { return outcome; }
};

/// Outcome of describing a device.
enum class DescribeOutcome : std::uint8_t {
  found,
  unknown_device,  // no device with that id is online
  unavailable,     // not known now: a queue is full, a shard does not answer or has ended, or the device keeps moving
};

struct DescribeResult {
  DescribeOutcome outcome = DescribeOutcome::unknown_device;
  std::unique_ptr<DeviceInfo> device;  // set exactly if found
};

/// Where a list of devices goes on. An opaque value; it does not expire.
struct DeviceCursor {
  std::uint64_t word = 0;  // 0: the beginning

  friend bool operator==(const DeviceCursor&, const DeviceCursor&) = default;
};

enum class ListOutcome : std::uint8_t {
  completed,
  unavailable,  // `devices` may lack some: a queue is full, or a shard does not answer or has ended; ask for the same page again
};

struct ListResult {
  ListOutcome outcome = ListOutcome::completed;
  std::vector<DeviceInfo> devices;  // in no order; fewer than the limit do not mean the end
  DeviceCursor next;                // the next page; {}: there is none, or the outcome is unavailable
};

inline constexpr std::size_t listed_devices_max = 1000;  // of one page

/// Each runs exactly once; null if nobody wants the result. It must not throw.
using CloseCallback = std::move_only_function<void(const CloseResult&)>;
using DescribeCallback = std::move_only_function<void(DescribeResult)>;
using ListCallback = std::move_only_function<void(ListResult)>;

}  // namespace ringgate
