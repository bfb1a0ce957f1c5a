// The counters of the gate as Prometheus text (exposition format 0.0.4), summed or per shard. It counts nothing itself.
//
// Invariant: no label holds a device id, path or peer, so the size depends only on the number of shards.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "base/time.h"
#include "dispatch/gate_state.h"
#include "events/event_hub.h"

namespace ringgate::admin {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// `shards[i]`: the counters of shard i; `now`: on the clock of the rings. `hub`: null if there are no events. Reads are relaxed: each value is exact, but two values
/// may be of different moments. Owner shard, because it asks the device map for its size. Allocates, and reads /proc.
std::string metrics_text(const AdminSettings& settings, const dispatch::GateState& gate,
                         std::span<const ShardCounters* const> shards, TimeNs now, const events::EventHub* hub = nullptr);

}  // namespace ringgate::admin
