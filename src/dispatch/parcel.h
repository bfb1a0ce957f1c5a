// What shards say to each other: values and generation handles. Words named `owned` carry an object that the receiver frees.
#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "device/id_key.h"
#include "device/reference.h"
#include "dispatch/outcomes.h"
#include "ringgate/handler.h"
#include "ringgate/push.h"

namespace ringgate::dispatch {

enum class RequestKind : std::uint8_t {
  push,              // owned: PreparedMessage
  broadcast,         // owned: PreparedMessage
  close_replaced,    // a newer connection owns the id
  close_by_backend,  // owned: reason (std::string); code
  describe,
  outside,  // from a thread that is no shard; owned: OutsideTask
};

/// Names one question and who waits for its answer (Tickets). Late, it names nobody: a generation is not used twice in 2^32.
struct TicketName {
  static constexpr std::uint32_t none = UINT32_MAX;  // as index: nobody waits

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

/// That a notice was taken.
struct NoticeReply {};
struct PushReply {
  PushOutcome outcome = PushOutcome::unknown_device;
  std::uint64_t queued_bytes = 0;
};
struct CloseReply {
  CloseOutcome outcome = CloseOutcome::unknown_device;  // closed, unknown_device (not that connection, or not open) or stopping
};
struct DescribeReply {
  DescribeOutcome outcome = DescribeOutcome::unknown_device;  // likewise; unavailable: the gate ends
  std::uintptr_t owned = 0;                                   // DeviceInfo, exactly if found
};

struct Reply {
  TicketName ticket;
  std::variant<NoticeReply, PushReply, CloseReply, DescribeReply, BroadcastResult> of;  // as the request's kind
};
static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Reply>);
static_assert(sizeof(Request) <= 64 && sizeof(Reply) <= 64);

/// Work brought by a thread that is no shard.
struct OutsideTask {
  enum class Kind : std::uint8_t { push, broadcast, with_connection };

  Kind kind = Kind::push;
  PushCallback on_pushed;
  BroadcastCallback on_broadcast;
  std::move_only_function<void(Connection&)> with_connection;
  std::uintptr_t message = 0;  // owned PreparedMessage
};

inline ConnectionRef to_public(device::ConnectionRef ref) { return {ref.generation == 0 ? 0 : ref.pack()}; }

}  // namespace ringgate::dispatch
