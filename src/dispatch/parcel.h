// The parcels between shards: values and generation handles. A word named `owned` carries an object that the receiver must free.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "device/id_key.h"
#include "device/reference.h"
#include "dispatch/device_request.h"
#include "dispatch/outcomes.h"
#include "dispatch/push_order.h"
#include "dispatch/sweep.h"
#include "ringgate/handler.h"
#include "ringgate/push.h"
#include "ringgate/upgrade_verdict.h"

namespace ringgate::dispatch {

enum class RequestKind : std::uint8_t {
  push,               // owned: PreparedMessage
  order,              // a push with options; owned: PushOrder
  broadcast,          // owned: SweepRef
  close_replaced,     // a newer connection owns the id
  close_by_backend,   // owned: reason (std::string); code
  extend_credential,  // owned: its new end (std::int64_t, Unix seconds)
  change_group,       // owned: GroupChange
  describe,           // code: Detail
  request_reply,      // owned: DeviceRequest
  outside,            // from a thread without a shard; owned: OutsideTask
};

/// How much is told of a device: what its shard has, or also what the kernel knows of its link.
enum class Detail : std::uint8_t { record, link };

/// A change of the groups of one connection.
struct GroupChange {
  enum class Kind : std::uint8_t { join, leave };

  Kind kind = Kind::join;
  std::string group;
};

/// Names one question and its waiter (Tickets). A late name matches no ticket: generations repeat only after 2^32 uses.
struct TicketName {
  static constexpr std::uint32_t none = UINT32_MAX;  // as index: there is no waiter

  std::uint32_t index = none;
  std::uint32_t generation = 0;
};

struct Request {
  RequestKind kind = RequestKind::push;
  std::uint16_t code = 0;
  TicketName ticket;
  device::ConnectionRef target;
  device::IdKey key;
  std::uintptr_t owned = 0;
};

/// Confirms a notice.
struct NoticeReply {};
struct PushReply {
  PushOutcome outcome = PushOutcome::unknown_device;
  std::uint64_t queued_bytes = 0;
};
struct CloseReply {
  // closed (done), unknown_device (not that connection, or not open), no_room or stopping
  CloseOutcome outcome = CloseOutcome::unknown_device;
};
struct DescribeReply {
  DescribeOutcome outcome = DescribeOutcome::unknown_device;  // found, unknown_device (as above) or unavailable (the gate ends)
  std::uintptr_t owned = 0;                                   // DeviceInfo, exactly if found
};

struct RequestReply {
  RequestOutcome outcome = RequestOutcome::unknown_device;
  std::uintptr_t owned = 0;  // DeviceReply, exactly if answered
};

struct Reply {
  TicketName ticket;
  std::variant<NoticeReply, PushReply, PushReport, CloseReply, DescribeReply, RequestReply, BroadcastResult>
      of;  // by the kind of the request
};
static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Reply>);
static_assert(sizeof(Request) <= 64 && sizeof(Reply) <= 64);

/// A question about devices from a thread without a shard. Only the callback of its kind is set.
struct OutsideQuestion {
  std::string device_id;  // of a device that is not on this gate; else empty, and the request has the key
  CloseCode code = CloseCode::closed_by_backend;
  std::string reason;
  CloseCallback on_closed;
  DescribeCallback on_described;
  DeviceCursor cursor;
  std::size_t limit = 0;
  ListCallback on_listed;
};

/// Work from a thread without a shard.
struct OutsideTask {
  enum class Kind : std::uint8_t {
    push,
    push_elsewhere,  // to a device that is not on this gate
    broadcast,
    with_connection,
    decide,
    close,
    yield,  // another gate has the id
    describe,
    list,
    run,  // `run`, on the shard
  };

  Kind kind = Kind::push;
  PushCallback on_pushed;
  BroadcastCallback on_broadcast;
  std::move_only_function<void(Connection&)> with_connection;
  std::uintptr_t message = 0;          // owned PreparedMessage
  std::unique_ptr<PushOrder> order;    // of a push with options, in place of `message`
  std::vector<ConnectionRef> only_to;  // of such a push
  std::string device_id;               // of a push elsewhere
  PushOptions options;                 // likewise
  std::move_only_function<void()> run;
  Selection selection;  // of a broadcast
  std::unique_ptr<UpgradeDecision> decision;
  DecideCallback on_decided;
  std::unique_ptr<OutsideQuestion> question;  // to close, describe or list
};

inline ConnectionRef to_public(device::ConnectionRef ref) { return {ref.generation == 0 ? 0 : ref.pack()}; }

}  // namespace ringgate::dispatch
