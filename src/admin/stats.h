// GET /v1/stats: the figures of the metrics as one JSON document. Any thread; allocates.
#pragma once

#include <span>
#include <string>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "dispatch/gate_state.h"
#include "events/event_hub.h"

namespace ringgate::admin {

/// {"version","uptime_seconds","ready","draining","gate":{…},"process":{…},"certificates":[…],"shards":[{…}]}
///
/// Members of `gate`, `process` and each of `shards` are the series of metrics.h without their prefix; the values of labels are
/// members below. `now`: by the ring's clock.
std::string stats_json(const AdminSettings& settings, const dispatch::GateState& gate,
                       std::span<const ShardCounters* const> shards, TimeNs now, const events::EventHub* hub = nullptr);

}  // namespace ringgate::admin
