#include "admin/stats.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "admin/metrics.h"
#include "admin/metrics_families.h"

namespace ringgate::admin {
namespace {

using Json = nlohmann::ordered_json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view gate_prefix = "ringgate_";
constexpr std::string_view process_prefix = "process_";

/// A whole number as one: JSON readers print 1e+06 otherwise.
Json number(double value) {
  constexpr double exact_max = 9007199254740992.0;  // 2^53
  if (std::trunc(value) == value && std::abs(value) <= exact_max) return static_cast<std::int64_t>(value);
  return value;
}

Json value_of(const MetricFamily& family, const ClientMetric& metric) {
  if (family.type == MetricType::Histogram)
    return {{"count", metric.histogram.sample_count}, {"sum", number(metric.histogram.sample_sum)}};
  return number(family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value);
}

const std::string* label(const ClientMetric& metric, std::string_view name) {
  for (const auto& one : metric.label)
    if (one.name == name) return &one.value;
  return nullptr;
}

/// The certificate's labels and its days.
Json certificate(const MetricFamily& family, const ClientMetric& metric) {
  Json entry = Json::object();
  for (const auto& one : metric.label) entry[one.name] = one.value;
  entry["days_left"] = value_of(family, metric);
  return entry;
}

void add(Json& document, const MetricFamily& family, const ClientMetric& metric) {
  const std::string_view name = family.name;
  if (name == "ringgate_build_info") return;
  if (name == "ringgate_certificate_days_left") return document["certificates"].push_back(certificate(family, metric));
  const bool is_gates = name.starts_with(gate_prefix);
  const std::string* shard = label(metric, "shard");
  Json* place = shard != nullptr ? &document["shards"][std::stoul(*shard)] : &document[is_gates ? "gate" : "process"];
  place = &(*place)[std::string(name.substr(is_gates ? gate_prefix.size() : process_prefix.size()))];
  for (const auto& one : metric.label)
    if (one.name != "shard") place = &(*place)[one.value];
  *place = value_of(family, metric);
}

}  // namespace

std::string stats_json(const AdminSettings& settings, const dispatch::GateState& gate,
                       std::span<const ShardCounters* const> shards, TimeNs now, const events::EventHub* hub) {
  Json document = {{"version", settings.version},
                   {"uptime_seconds", now > settings.started_at ? (now - settings.started_at) / nanoseconds_per_second : 0},
                   {"ready", gate.is_ready()},
                   {"draining", gate.draining.load(std::memory_order_acquire)},
                   {"gate", Json::object()},
                   {"process", Json::object()},
                   {"certificates", Json::array()},
                   {"shards", Json::array()}};
  for (const MetricFamily& family : metric_families(settings, gate, shards, now, hub))
    for (const ClientMetric& metric : family.metric) add(document, family, metric);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ringgate::admin
