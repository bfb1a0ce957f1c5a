// What the admin API of a shard uses beyond that shard. Values copy; what they refer to outlives the sessions.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>

#include "admin/access.h"
#include "admin/off_shard.h"
#include "events/event_hub.h"
#include "ringgate/reload.h"

namespace ringgate::admin {

/// Reads settings and files again. Off the shards.
using ReloadGate = std::function<std::expected<ReloadReport, StartError>()>;

struct Services {
  const Access* access = nullptr;      // the tokens in force; null: nobody needs one
  const ReloadGate* reload = nullptr;  // null: a reload is refused
  OffShard* off_shard = nullptr;       // null: the same
  events::EventHub* events = nullptr;  // null: there is no event stream
  std::uint8_t shard = 0;
};

}  // namespace ringgate::admin
