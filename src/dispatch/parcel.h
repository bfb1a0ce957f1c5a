// What shards say to each other: values and generation handles. Words named `owned` carry an object that the receiver frees.
#pragma once

#include <cstdint>
#include <string>

#include "device/id_key.h"
#include "device/reference.h"
#include "ringgate/handler.h"
#include "ringgate/push.h"

namespace ringgate::dispatch {

enum class RequestKind : std::uint8_t {
  push,             // owned: PreparedMessage
  broadcast,        // owned: PreparedMessage
  close_replaced,   // a newer connection owns the id
  close_by_backend, // owned: reason (std::string); code
  describe,         // reply carries a DeviceInfo
  outside,          // from a thread that is no shard; owned: OutsideTask
};

struct Request {
  RequestKind kind = RequestKind::push;
  std::uint16_t code = 0;
  std::uint32_t ticket = 0;
  device::ConnectionRef target;
  device::IdKey key;
  std::uintptr_t owned = 0;
};

struct Reply {
  std::uint32_t ticket = 0;
  PushOutcome outcome = PushOutcome::unknown_device;
  device::ConnectionRef target;
  std::uint64_t queued_bytes = 0;
  BroadcastResult broadcast;
  std::uintptr_t owned = 0;  // DeviceInfo
};
static_assert(sizeof(Request) <= 64 && sizeof(Reply) <= 64);

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

/// Work brought by a thread that is no shard.
struct OutsideTask {
  enum class Kind : std::uint8_t { push, broadcast, with_connection };

  Kind kind = Kind::push;
  PushCallback on_pushed;
  BroadcastCallback on_broadcast;
  std::move_only_function<void(Connection&)> with_connection;
  std::uintptr_t message = 0;  // owned PreparedMessage
};

inline ConnectionRef to_public(device::ConnectionRef ref) {
  return {ref.generation == 0 ? 0 : ref.pack()};
}

}  // namespace ringgate::dispatch
