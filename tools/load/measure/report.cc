#include "load/measure/report.h"

#include <fmt/format.h>

#include <cmath>

#include "load/measure/figures.h"

namespace ringgate::measure {
namespace {

constexpr int curve_points = 60;
constexpr double curve_nines = 5;

constexpr double disturbance_share = 0.05;
// The report warns if the client's own lateness is more than this share of the latency, both at p99.9.
constexpr double own_lateness_share = 0.5;

double ratio(std::uint64_t ns, std::uint64_t count) {
  return count == 0 ? 0 : static_cast<double>(ns) / static_cast<double>(count);
}

}  // namespace

double per_second(std::uint64_t count, DurationNs window) {
  return window == 0 ? 0 : static_cast<double>(count) * 1e9 / static_cast<double>(window);
}

Json scenario_json(const char* scenario) {
  return {{"tool", "ringgate-load"}, {"version", RINGGATE_VERSION}, {"scenario", scenario}};
}

Json latency_json(const load::Histogram& latency) {
  return {{"p50", latency.at(0.5)}, {"p90", latency.at(0.9)}, {"p99", latency.at(0.99)}, {"p999", latency.at(0.999)},
          {"max", latency.max()},   {"mean", latency.mean()}, {"count", latency.count()}};
}

Json latency_curve_json(const load::Histogram& latency) {
  Json curve = Json::array();
  for (int i = 0; i < curve_points; ++i) {
    const double quantile = 1 - std::pow(10, -curve_nines * i / (curve_points - 1));
    curve.push_back(Json::array({quantile, latency.at(quantile)}));
  }
  return curve;
}

Json client_json(const ClientFigures& client) {
  return {{"cpu_ns", client.cpu_ns},
          {"busy_share", client.busy_share},
          {"idle_share", client.idle_share},
          {"others_share", client.others_share},
          {"enters", client.enters},
          {"short_sends", client.short_sends},
          {"is_bottleneck", client.is_bottleneck}};
}

Json server_json(const ServerFigures& server, int server_cpu, const char* what, std::uint64_t count) {
  Json json = Json::object();
  if (server.processor) {
    const ProcessorTime& time = *server.processor;
    json["cpu"] = server_cpu;
    json["busy_ns"] = time.busy_ns();
    json["user_ns"] = time.user_ns;
    json["system_ns"] = time.system_ns;
    json["irq_ns"] = time.irq_ns;
    json["softirq_ns"] = time.softirq_ns;
    json["steal_ns"] = time.steal_ns;
    json["idle_ns"] = time.idle_ns;
    json[fmt::format("busy_ns_per_{}", what)] = ratio(time.busy_ns(), count);
  }
  if (server.process_ns) {
    json["process_cpu_ns"] = *server.process_ns;
    json[fmt::format("process_cpu_ns_per_{}", what)] = ratio(*server.process_ns, count);
  }
  if (server.resident_bytes) json["rss_bytes"] = *server.resident_bytes;
  return json;
}

Json run_json(const RunOptions& options, const RunResult& result) {
  Json json = scenario_json("run");
  json["target"] = options.target;
  json["protocol"] = name_of(options.protocol);
  json["path"] = options.path;
  json["id_prefix"] = options.id_prefix;
  json["connections"] = options.connections;
  json["in_flight"] = options.in_flight;
  json["size"] = options.size;
  json["payload"] = name_of(options.payload);
  json["fragments"] = options.fragments;
  json["run_bytes"] = options.run_bytes;
  json["messages_per_unit"] = messages_per_unit(options);
  json["deflate"] = options.is_deflated;
  json["rate"] = options.rate;
  json["seconds_asked"] = options.seconds;
  json["warmup"] = options.warmup;
  json["cpu"] = options.cpu;
  json["tls"] = options.is_tls;
  json["seed"] = options.seed;
  json["seconds"] = static_cast<double>(result.window) / 1e9;
  json["messages"] = result.messages;
  json["messages_per_second"] = per_second(result.messages, result.window);
  json["bytes_per_second"] = per_second(result.bytes, result.window);
  json["latency_ns"] = latency_json(result.latency);
  json["latency_curve"] = latency_curve_json(result.latency);
  if (options.rate > 0) json["lateness_ns"] = latency_json(result.lateness);
  json["client"] = client_json(result.client);
  json["server"] = server_json(result.server, options.server_cpu, "message", result.messages);
  json["connect_failures"] = result.connect_failures;
  json["errors"] = result.errors;
  json["error_text"] = result.error_text;
  return json;
}

std::string latency_text(const char* name, const load::Histogram& latency) {
  return fmt::format("{:<9} p50 {}, p90 {}, p99 {}, p99.9 {}, max {}\n", name, duration_text(latency.at(0.5)),
                     duration_text(latency.at(0.9)), duration_text(latency.at(0.99)), duration_text(latency.at(0.999)),
                     duration_text(latency.max()));
}

std::string server_text(const ServerFigures& server, int server_cpu, const char* what, std::uint64_t count) {
  std::string text;
  if (server.processor) {
    const ProcessorTime& time = *server.processor;
    const auto percent = [&](std::uint64_t ns) { return 100 * ratio(ns, time.total_ns()); };
    text += fmt::format(
        "{:<9} processor {} busy {:.1f} % (user {:.1f}, system {:.1f}, irq {:.1f}, softirq {:.1f}; steal {:.1f}), {} ns per {}\n",
        "server", server_cpu, percent(time.busy_ns()), percent(time.user_ns), percent(time.system_ns), percent(time.irq_ns),
        percent(time.softirq_ns), percent(time.steal_ns), grouped(ratio(time.busy_ns(), count)), what);
  }
  if (server.process_ns)
    text +=
        fmt::format("{:<9} process: {} ns of CPU per {}, {} KiB resident\n", "server", grouped(ratio(*server.process_ns, count)),
                    what, grouped(static_cast<double>(server.resident_bytes.value_or(0)) / 1024));
  return text;
}

std::string client_text(const ClientFigures& client, const char* what, std::uint64_t count) {
  std::string text = fmt::format("{:<9} {:.1f} % busy, {:.1f} % asleep, {} ns of CPU per {}", "client", 100 * client.busy_share,
                                 100 * client.idle_share, grouped(ratio(client.cpu_ns, count)), what);
  if (client.enters != 0) text += fmt::format(", {:.3f} enters", ratio(client.enters, count));
  return text + "\n";
}

std::string bottleneck_text(const ClientFigures& client) {
  std::string text;
  if (client.others_share > disturbance_share)
    text += fmt::format("Other programs took {:.0f} % of the client's processor: do not trust these figures.\n",
                        100 * client.others_share);
  if (client.is_bottleneck)
    text +=
        "The client is the bottleneck: it never slept, and the server is not known to be saturated, so the server can do more "
        "than this.\n";
  return text;
}

/// Warnings about the figures of an open loop.
std::string open_loop_text(const RunOptions& options, const RunResult& result) {
  if (result.client.is_bottleneck)
    return "The client is the bottleneck: it could not send in time, so the latencies are not the server's; lower --rate.\n";
  std::string text;
  const auto late = static_cast<double>(result.lateness.at(0.999));
  if (late > own_lateness_share * static_cast<double>(result.latency.at(0.999)))
    text += fmt::format("The client sent late, by {} at p99.9: this part of the latency is not the server's.\n",
                        duration_text(result.lateness.at(0.999)));
  const unsigned ticks = ticks_per_second();
  if (result.server.processor && ticks != 0 && std::fmod(options.rate, ticks) == 0)
    text += fmt::format(
        "The rate is a multiple of the kernel's ticks ({} per second), so each tick finds the processor in the same state: do "
        "not trust the server's CPU time; use a rate such as {:.0f}.\n",
        ticks, options.rate + 1);
  return text + bottleneck_text(result.client);
}

std::string run_text(const RunOptions& options, const RunResult& result) {
  const std::string loop = options.rate > 0 ? fmt::format("open loop at {} units/s", grouped(options.rate))
                                            : fmt::format("{} in flight each", options.in_flight);
  std::string text = fmt::format("{} connections, {}, {} bytes of {}, {}\n", options.connections, loop, options.size,
                                 name_of(options.payload), name_of(options.protocol));
  text += fmt::format("{:<9} {} messages in {:.2f} s: {} per second, {} bytes per second\n", "rate",
                      grouped(static_cast<double>(result.messages)), static_cast<double>(result.window) / 1e9,
                      grouped(per_second(result.messages, result.window)), grouped(per_second(result.bytes, result.window)));
  text += latency_text("latency", result.latency);
  if (options.rate > 0) text += latency_text("sent late", result.lateness);
  text += client_text(result.client, "message", result.messages);
  text += server_text(result.server, options.server_cpu, "message", result.messages);
  return text + (options.rate > 0 ? open_loop_text(options, result) : bottleneck_text(result.client));
}

}  // namespace ringgate::measure
