// The other gates of a cluster, as one shard of this gate sees them: they are told who claims an id here, and asked for devices that are
// not here. Local look-ups come first; only "not here" goes elsewhere.
//
// Owned by the server, which outlives the shard. Owner shard; nothing blocks. Where a gate is alone there is no such object.
#pragma once

#include <cstdint>
#include <string_view>

#include "ringgate/close_code.h"
#include "ringgate/connection_ref.h"
#include "ringgate/presence.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class Selection;

/// A connection that holds an id from now on.
struct Claim {
  std::string_view device_id;
  ConnectionRef connection;
  std::uint64_t epoch = 0;  // see epochs.h: the higher claim of an id wins
  bool shares = false;      // the route lets other connections of the id live (route.duplicate = "allow")
};

class Elsewhere {
 public:
  virtual ~Elsewhere() = default;

  virtual void claimed(const Claim& claim) = 0;
  /// The connection holds its id no more: it closes, or was replaced.
  virtual void released(std::string_view device_id, ConnectionRef connection) noexcept = 0;

  /// As PushService::push of the gate that holds the device. unknown_device: no gate does. `reach`: null, or what the connection must
  /// meet. The callback runs later, on this shard, exactly once.
  virtual void push(std::string_view device_id, ws::MessageRef message, const PushOptions& options, const Selection* reach,
                    PushCallback on_result) = 0;

  /// As PushService::close_device and ::describe there.
  virtual void close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result) = 0;
  virtual void describe(std::string_view device_id, DescribeCallback on_result) = 0;
};

}  // namespace ringgate::dispatch
