// The gate's figures as Prometheus text (exposition format 0.0.4), summed or per shard.
//
// Never a device id, path or peer in a label: the size depends on the number of shards alone.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "base/time.h"
#include "dispatch/gate_state.h"

namespace ringgate::admin {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// `shards[i]`: what shard i counts; `now`: on the clock of the rings. Reads relaxed: each value is exact, two of them may be of different
/// moments. Owner shard (the device map is asked for its size); allocates, and reads /proc.
std::string metrics_text(const AdminSettings& settings, const dispatch::GateState& gate,
                         std::span<const ShardCounters* const> shards, TimeNs now);

}  // namespace ringgate::admin
