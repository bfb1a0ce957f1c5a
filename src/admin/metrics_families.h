// The figures of the gate as Prometheus' own structures, before they become text or JSON. Only metrics.cc and stats.cc include this.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <vector>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "dispatch/gate_state.h"
#include "events/event_hub.h"

namespace ringgate::admin {

/// As in metrics.h.
std::vector<prometheus::MetricFamily> metric_families(const AdminSettings& settings, const dispatch::GateState& gate,
                                                      std::span<const ShardCounters* const> shards, TimeNs now,
                                                      const events::EventHub* hub = nullptr);

}  // namespace ringgate::admin
