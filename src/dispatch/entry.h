// How any thread reaches the gate's devices: a shard of this gate through its own push service, other threads through the inlet
// of a shard.
//
// A value that refers to the gate, which outlives it. Any thread; never blocks. Invariant: a push or broadcast that is refused
// here is counted here.
#pragma once

#include <memory>
#include <string_view>

#include "dispatch/gate_state.h"
#include "dispatch/outcomes.h"
#include "dispatch/parcel.h"
#include "ringgate/connection_ref.h"
#include "ringgate/handler.h"
#include "ringgate/message.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class Entry {
 public:
  Entry(GateState& gate, std::size_t message_bytes_max) : gate_(gate), message_bytes_max_(message_bytes_max) {}

  /// See Server::push, broadcast and with_connection.
  void push(std::string_view device_id, MessageView message, PushCallback on_result);
  void broadcast(MessageView message, BroadcastCallback on_result);
  bool with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);

 private:
  /// Takes `task` if it is posted.
  PostOutcome post(std::uint32_t shard, Request request, std::unique_ptr<OutsideTask>& task);
  void post_push(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result);

  GateState& gate_;
  const std::size_t message_bytes_max_;
};

}  // namespace ringgate::dispatch
