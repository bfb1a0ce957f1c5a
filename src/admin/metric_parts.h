// Builds metric families, and the parts of the exposition that are no row of the table in metrics.cc. Only files of the metrics
// include this.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/admin_settings.h"
#include "base/counters.h"
#include "base/histogram.h"
#include "base/time.h"
#include "dispatch/gate_state.h"
#include "events/event_hub.h"

namespace ringgate::admin {

enum class Kind : std::uint8_t { counter, gauge, histogram };

using Shards = std::span<const ShardCounters* const>;

/// Collects series. Those of one name are added one after another and become one family.
class Families {
 public:
  prometheus::ClientMetric& add(std::string_view name, std::string_view help, Kind kind, double value);

  /// The sum of `histograms`; `unit`: what one recorded step is in the unit that `name` ends with, such as 1e-9 for nanoseconds.
  template <typename Histogram, typename Histograms>
  prometheus::ClientMetric& add_histogram(std::string_view name, std::string_view help, double unit,
                                          const Histograms& histograms) {
    prometheus::ClientMetric& metric = add(name, help, Kind::histogram, 0);
    std::uint64_t count = 0, sum = 0;
    for (std::size_t i = 0; i < Histogram::buckets_count; ++i) {
      for (const Histogram* one : histograms) count += one->count(i);
      const bool is_bounded = i + 1 < Histogram::buckets_count;
      metric.histogram.bucket.push_back(
          {count, is_bounded ? static_cast<double>(Histogram::bound(i)) * unit : std::numeric_limits<double>::infinity()});
    }
    for (const Histogram* one : histograms) sum += one->sum();
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(sum) * unit;
    return metric;
  }

  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

/// The sum of a counter over the shards.
std::uint64_t sum_of(Shards shards, Counter ShardCounters::* counter);

/// How long the shards have been busy. `now`: on the clock of the rings.
void add_busy(Families& families, Shards shards, TimeNs now);
void add_histograms(Families& families, Shards shards);
/// What has a label with several values: close codes, listeners, routes, statuses of the admin port.
void add_by_label(Families& families, const AdminSettings& settings, Shards shards);
/// The limits whose use is a series, too: `NAME_max` beside `NAME`.
void add_limits(Families& families, const AdminSettings& settings, const dispatch::GateState& gate, Shards shards);
/// What was counted when it began, less what was counted when it ended: 0 in quiet.
/// `hub`: of the events; null if there is none. `webhooks`: of their readers; null likewise.
void add_books(Families& families, const dispatch::GateState& gate, Shards shards, const events::EventHub* hub,
               const std::deque<WebhookCounters>* webhooks);

}  // namespace ringgate::admin
