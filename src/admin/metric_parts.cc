#include "admin/metric_parts.h"

#include <algorithm>
#include <array>

#include "auth/deny_list.h"
#include "base/limits.h"
#include "dispatch/observer.h"

namespace ringgate::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

/// The same histogram of every shard.
template <typename Histogram>
std::vector<const Histogram*> of_all(Shards shards, Histogram ShardCounters::* member) {
  std::vector<const Histogram*> all;
  for (const ShardCounters* shard : shards) all.push_back(&(shard->*member));
  return all;
}

double number(std::uint64_t value) { return static_cast<double>(value); }

constexpr MetricType type_of(Kind kind) {
  switch (kind) {
    case Kind::counter: return MetricType::Counter;
    case Kind::gauge: return MetricType::Gauge;
    case Kind::histogram: break;
  }
  return MetricType::Histogram;
}

}  // namespace

ClientMetric& Families::add(std::string_view name, std::string_view help, Kind kind, double value) {
  if (families_.empty() || families_.back().name != name)
    families_.push_back({.name = std::string(name), .help = std::string(help), .type = type_of(kind), .metric = {}});
  ClientMetric& metric = families_.back().metric.emplace_back();
  if (kind == Kind::counter) metric.counter.value = value;
  if (kind == Kind::gauge) metric.gauge.value = value;
  return metric;
}

std::uint64_t sum_of(Shards shards, Counter ShardCounters::* counter) {
  std::uint64_t sum = 0;
  for (const ShardCounters* shard : shards) sum += (shard->*counter).get();
  return sum;
}

namespace {

/// Nanoseconds since the shard's turn began; 0 while it sleeps.
DurationNs busy_for(const ShardCounters& shard, TimeNs now) {
  const TimeNs began = shard.turn_began.get();
  return began == 0 || began >= now ? 0 : now - began;
}

/// Over a second that has ended, or what is known since if the shard has slept or been stuck for longer.
double busy_ratio(const ShardCounters& shard, TimeNs now) {
  const TimeNs since = shard.busy_since.get();
  if (since == 0 || now < since + nanoseconds_per_second) return number(shard.busy_millionths.get()) / 1e6;
  return std::min(1.0, number(shard.busy_ns.get() + busy_for(shard, now)) / number(now - since));
}

}  // namespace

/// Shows a stuck shard too: any other shard can answer for it.
void add_busy(Families& families, Shards shards, TimeNs now) {
  const auto add = [&](std::size_t shard, const char* name, const char* help, double value) {
    families.add(name, help, Kind::gauge, value).label.push_back({"shard", std::to_string(shard)});
  };
  for (std::size_t i = 0; i < shards.size(); ++i)
    add(i, "ringgate_shard_busy_seconds", "Time since the shard's turn began; 0 while it sleeps.",
        number(busy_for(*shards[i], now)) / nanoseconds_per_second);
  for (std::size_t i = 0; i < shards.size(); ++i)
    add(i, "ringgate_shard_busy_ratio", "Part of its time that the shard was busy, over at least the last second.",
        busy_ratio(*shards[i], now));
  for (std::size_t i = 0; i < shards.size(); ++i)
    families
        .add_histogram<NanosecondHistogram>("ringgate_shard_loop_duration_seconds", "How long the turns of the loop lasted.",
                                            1e-9, std::array{&shards[i]->turn_duration})
        .label.push_back({"shard", std::to_string(i)});
}

void add_histograms(Families& families, Shards shards) {
  constexpr const char* push_help =
      "How long pushes took. local: to a device of the shard that was asked, until the end of the turn, when its bytes are with "
      "the "
      "kernel. remote: until another shard had answered.";
  for (const auto& [scope, member] :
       {std::pair{"local", &ShardCounters::push_local}, std::pair{"remote", &ShardCounters::push_crossed_duration}})
    families.add_histogram<NanosecondHistogram>("ringgate_push_duration_seconds", push_help, 1e-9, of_all(shards, member))
        .label.push_back({"scope", scope});
  families.add_histogram<ByteHistogram>("ringgate_push_queue_bytes",
                                        "Bytes that waited for the device when a push to it was decided, that message included.",
                                        1, of_all(shards, &ShardCounters::queue_at_push));
  const auto add = [&](const char* name, const char* help, MillisecondHistogram ShardCounters::* member) {
    families.add_histogram<MillisecondHistogram>(name, help, 1e-3, of_all(shards, member));
  };
  add("ringgate_handshake_duration_seconds",
      "From accepting a connection to the answer 101, TLS and waiting for a decision included.", &ShardCounters::handshake_ms);
  add("ringgate_tls_handshake_duration_seconds", "From accepting a connection to the end of its TLS handshake.",
      &ShardCounters::tls_handshake_ms);
  add("ringgate_ping_rtt_seconds", "Round trips of answered pings, in whole milliseconds.", &ShardCounters::ping_rtt_ms);
}

namespace {

void add_closes(Families& families, Shards shards) {
  using dispatch::EndedBy;
  for (const EndedBy by : {EndedBy::device, EndedBy::gate, EndedBy::network, EndedBy::backend}) {
    for (std::size_t group = 0; group < close_groups_count; ++group) {
      std::uint64_t sum = 0;
      for (const ShardCounters* shard : shards) sum += shard->closed_as[static_cast<std::size_t>(by)][group].get();
      ClientMetric& metric =
          families.add("ringgate_closes_total", "Device connections that ended, by close code and by who ended them first.",
                       Kind::counter, number(sum));
      metric.label.push_back({"by", std::string(word_of(by))});
      metric.label.push_back({"code", std::string(group < close_groups.size() ? close_groups[group].name : "other")});
    }
  }
}

void add_listeners(Families& families, const AdminSettings& settings, Shards shards) {
  const std::size_t devices = settings.listener_binds.size();
  for (std::size_t i = 0; i <= std::min(devices, limits::listeners_max); ++i) {
    std::uint64_t sum = 0;
    for (const ShardCounters* shard : shards) sum += shard->accepted_by_listener[i].get();
    families
        .add("ringgate_listener_connections_opened_total", "Connections accepted, by listener: its number, or admin.",
             Kind::counter, number(sum))
        .label.push_back({"listener", i == devices ? "admin" : std::to_string(i)});
  }
}

void add_routes(Families& families, const AdminSettings& settings, Shards shards) {
  const std::size_t count = std::min(settings.route_paths.size(), limits::routes_max);
  std::vector<std::uint64_t> accepted(count), connected(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (const ShardCounters* shard : shards) {
      connected[i] -= shard->ended_by_route[i].get();
      accepted[i] += shard->accepted_by_route[i].get();
    }
    connected[i] += accepted[i];
  }
  for (std::size_t i = 0; i < count; ++i)
    families
        .add("ringgate_route_connections", "Devices connected, by the path of their route.", Kind::gauge, number(connected[i]))
        .label.push_back({"route", settings.route_paths[i]});
  for (std::size_t i = 0; i < count; ++i)
    families
        .add("ringgate_route_handshakes_accepted_total", "Opening handshakes that were accepted, by the path of their route.",
             Kind::counter, number(accepted[i]))
        .label.push_back({"route", settings.route_paths[i]});
}

void add_answers(Families& families, Shards shards) {
  constexpr std::array statuses{100U, 101U, 200U, 202U, 204U, 304U, 400U, 401U, 403U, 404U, 405U, 408U, 409U, 410U, 412U,
                                413U, 414U, 415U, 417U, 421U, 422U, 426U, 429U, 431U, 500U, 501U, 502U, 503U, 504U, 505U};
  const auto add = [&](std::string code, std::uint64_t count) {
    families.add("ringgate_admin_answers_total", "Answers of the admin port, by status.", Kind::counter, number(count))
        .label.push_back({"code", std::move(code)});
  };
  std::uint64_t others = 0;
  for (unsigned status = 100; status < 100 + limits::http_statuses_max; ++status) {
    std::uint64_t sum = 0;
    for (const ShardCounters* shard : shards) sum += shard->admin_answers[status - 100].get();
    if (std::ranges::find(statuses, status) != statuses.end()) add(std::to_string(status), sum);
    else others += sum;
  }
  add("other", others);
}

}  // namespace

void add_by_label(Families& families, const AdminSettings& settings, Shards shards) {
  add_closes(families, shards);
  add_listeners(families, settings, shards);
  add_routes(families, settings, shards);
  add_answers(families, shards);
}

void add_limits(Families& families, const AdminSettings& settings, const dispatch::GateState& gate, Shards shards) {
  constexpr const char* connections_help = "The most connections that may be open.";
  const auto add_connections = [&](const char* listener, std::uint64_t most) {
    families.add("ringgate_connections_max", connections_help, Kind::gauge, number(most)).label.push_back({"listener", listener});
  };
  add_connections("devices", gate.connections_max);
  add_connections("admin", settings.connections_max);
  const auto add = [&](const char* name, const char* help, std::uint64_t most) {
    families.add(name, help, Kind::gauge, number(most));
  };
  add("ringgate_handshakes_waiting_max", "limits.max_authenticating.", settings.authenticating_max);
  add("ringgate_bans_max", "The most bans that are remembered.", limits::denials_max);
  add("ringgate_revocations_max", "The most revocations that are remembered.", limits::denials_max);
  add("ringgate_deflate_memory_bytes_max", "limits.deflate_memory.", gate.deflate_memory.bytes_max());
  add("ringgate_device_index_tables_waiting_max", "The most replaced tables of the device map that are kept.",
      limits::device_tables_waiting_max);
  add("ringgate_questions_open_max", "The most pushes and questions of one shard to the others that can wait for an answer.",
      limits::lane_parcels_max * (shards.size() - 1));
}

/// All of it in numbers that wrap around: what ends while this is read makes a small negative difference.
void add_books(Families& families, const dispatch::GateState& gate, Shards shards, const events::EventHub* hub,
               const std::deque<WebhookCounters>* webhooks) {
  using C = ShardCounters;
  const auto sum = [&](auto... counters) { return (std::uint64_t{0} + ... + sum_of(shards, counters)); };
  const auto all_of = [&](const auto& counters) {
    std::uint64_t total = 0;
    for (const auto counter : counters) total += sum_of(shards, counter);
    return total;
  };
  const auto outside = [](const auto& counts) {
    std::uint64_t total = 0;
    for (const auto& count : counts) total += count.load(std::memory_order_relaxed);
    return total;
  };
  const auto add = [&](const char* book, std::uint64_t begun, std::uint64_t ended) {
    families
        .add("ringgate_books_difference", "What was counted when it began less what was counted as its end: 0 in quiet.",
             Kind::gauge, static_cast<double>(static_cast<std::int64_t>(begun - ended)))
        .label.push_back({"book", book});
  };
  const std::uint64_t devices_gone = sum(&C::handshakes_accepted) - sum(&C::devices_connected);
  add("connections", sum(&C::accepted),
      sum(&C::slots_used, &C::handshakes_refused, &C::handshakes_abandoned, &C::handshakes_without_memory, &C::health_answers,
          &C::admin_connections_ended) +
          devices_gone +
          sum(&C::proxy_untrusted, &C::proxy_missing, &C::proxy_malformed, &C::proxy_timeouts, &C::proxy_abandoned,
              &C::proxy_overload) +
          sum(&C::tls_handshakes_failed, &C::tls_clients_refused, &C::tls_timeouts, &C::tls_not_tls, &C::tls_overload,
              &C::tls_limited, &C::tls_drained, &C::tls_cut_off));
  add("devices", sum(&C::handshakes_accepted), sum(&C::devices_connected, &C::closed_by_peer, &C::closed_by_gate, &C::vanished));
  add("pushes", sum(&C::push_asked) + gate.outside.pushes_asked.load(std::memory_order_relaxed),
      all_of(dispatch::push_counters) + outside(gate.outside.pushes));
  add("broadcasts", sum(&C::broadcast_asked) + gate.outside.broadcasts_asked.load(std::memory_order_relaxed),
      all_of(dispatch::broadcast_counters) + outside(gate.outside.broadcasts));
  if (hub == nullptr) return;
  std::uint64_t offered = 0, ended = 0;
  for (std::size_t type = 0; type < events::event_types_count; ++type) {
    ended += hub->lost()[type].get() + hub->logged()[type].get();
    for (const events::EventHub::Shard& shard : hub->shards()) {
      offered += shard.offered[type].get();
      ended += shard.dropped[type].get();
    }
  }
  add("events", offered, ended);
  if (webhooks == nullptr) return;
  // Each webhook reads the whole log, from its first event on.
  std::uint64_t read = 0, done = 0;
  for (const WebhookCounters& webhook : *webhooks) {
    read += hub->log().end() + webhook.notices.get();
    done += webhook.unwanted.get() + webhook.delivered.get() + webhook.queued_messages.get();
    for (const Counter& dropped : webhook.dropped) done += dropped.get();
  }
  add("webhooks", read, done);
}

}  // namespace ringgate::admin
