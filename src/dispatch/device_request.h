// A message to a device that is answered with a message of the device: what is asked, and what becomes of it. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "device/reference.h"
#include "ringgate/message.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

/// On its way to the shard of the device.
struct DeviceRequest {
  ws::MessageRef message;
  DurationNs timeout = 0;
};

struct DeviceReply {
  MessageType type = MessageType::text;
  std::string payload;
};

enum class RequestOutcome : std::uint8_t {
  answered,
  unknown_device,
  backpressure,     // the device reads too slowly, or a queue is full: nothing was sent
  too_large,        // nothing was sent
  closing,          // the connection is being closed or replaced, or the gate ends: nothing was sent
  unknown_outcome,  // the device's shard did not answer
  timed_out,        // sent, and the device has not answered in time
  ended,            // sent, and the connection ended before the device had answered
  no_pointer,       // the device's route has no `correlation`: nothing was sent
  no_id,            // the message has no correlation id: nothing was sent
  id_in_use,        // another request with this id waits: nothing was sent
  no_room,          // too many requests wait: nothing was sent
};

struct RequestResult {
  RequestOutcome outcome = RequestOutcome::unknown_device;
  std::unique_ptr<DeviceReply> reply;  // set exactly if answered
};

/// Runs exactly once.
using RequestCallback = std::move_only_function<void(RequestResult)>;

}  // namespace ringgate::dispatch
