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
#include "ringgate/device_filter.h"
#include "ringgate/handler.h"
#include "ringgate/message.h"
#include "ringgate/prepared_message.h"
#include "ringgate/presence.h"
#include "ringgate/push.h"
#include "ws/prepared_message.h"

namespace ringgate::dispatch {

class Entry {
 public:
  enum class Reach : std::uint8_t { all_gates, this_gate };

  /// `this_gate`: devices of other gates are not asked for. Then no shard may call.
  Entry(GateState& gate, std::size_t message_bytes_max, Reach reach = Reach::all_gates)
      : gate_(gate), message_bytes_max_(message_bytes_max), goes_elsewhere_(reach == Reach::all_gates && gate.is_in_cluster) {}

  /// See Server::push, broadcast and with_connection.
  void push(std::string_view device_id, MessageView message, PushCallback on_result);
  void push(std::string_view device_id, const PreparedMessage& message, PushCallback on_result);
  void push(std::string_view device_id, MessageView message, const PushOptions& options, PushCallback on_result);
  void push(std::string_view device_id, const PreparedMessage& message, const PushOptions& options, PushCallback on_result);
  /// Only to connections that `reach` selects; null: to all.
  void push(std::string_view device_id, MessageView message, const PushOptions& options, std::shared_ptr<const Selection> reach,
            PushCallback on_result);
  void broadcast(MessageView message, BroadcastCallback on_result);
  void broadcast(const PreparedMessage& message, BroadcastCallback on_result);
  void broadcast(const DeviceFilter& filter, MessageView message, BroadcastCallback on_result);
  void broadcast(const DeviceFilter& filter, const PreparedMessage& message, BroadcastCallback on_result);
  bool with_connection(ConnectionRef connection, std::move_only_function<void(Connection&)> task);
  void close(std::string_view device_id, CloseCode code, std::string_view reason, CloseCallback on_result);
  void describe(std::string_view device_id, DescribeCallback on_result);
  void list(DeviceCursor cursor, std::size_t limit, ListCallback on_result);
  void decide(ConnectionRef connection, UpgradeDecision decision, DecideCallback on_result);
  /// As `decide` where nobody wants the outcome. False, with `decision` as it was: the queue to the shard is full, so try again.
  bool try_decide(ConnectionRef connection, UpgradeDecision& decision);
  /// Closes the connection with 4409, because another gate has its id. False: the queue to the shard is full, so try again.
  bool yield(std::string_view device_id, ConnectionRef connection);
  /// Runs `task` on a shard; where the gate has ended, at once. False, with `task` as it was: the queue to the shard is full.
  bool run_on(std::uint32_t shard, std::move_only_function<void()>& task);

 private:
  /// Takes `task` if it is posted.
  PostOutcome post(std::uint32_t shard, Request request, std::unique_ptr<OutsideTask>& task);
  void push_encoded(std::string_view device_id, ws::MessageRef message, PushCallback on_result);
  void broadcast_encoded(ws::MessageRef message, const DeviceFilter& filter, BroadcastCallback on_result);
  void refuse(PushOutcome outcome, PushCallback on_result);
  void refuse(BroadcastOutcome outcome, BroadcastCallback on_result);
  void push_encoded(std::string_view device_id, ws::MessageRef message, const PushOptions& options,
                    std::shared_ptr<const Selection> reach, PushCallback on_result);
  void push_elsewhere(std::string_view device_id, ws::MessageRef message, const PushOptions& options, PushCallback on_result);
  void post_push(device::ConnectionRef owner, device::IdKey key, ws::MessageRef message, PushCallback on_result);
  void post_push(device::ConnectionRef owner, device::IdKey key, std::unique_ptr<OutsideTask> task);

  GateState& gate_;
  const std::size_t message_bytes_max_;
  const bool goes_elsewhere_;
};

}  // namespace ringgate::dispatch
