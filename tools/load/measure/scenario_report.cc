#include "load/measure/scenario_report.h"

#include <fmt/format.h>

#include "load/measure/figures.h"

namespace ringgate::measure {
namespace {

void put_common(Json& json, const CommonOptions& options) {
  json["target"] = options.target;
  json["path"] = options.path;
  json["id_prefix"] = options.id_prefix;
  json["connections"] = options.connections;
  json["seconds_asked"] = options.seconds;
  json["warmup"] = options.warmup;
  json["cpu"] = options.cpu;
  json["tls"] = options.is_tls;
  json["seed"] = options.seed;
}

template <typename Result>
void put_errors(Json& json, const Result& result) {
  json["connect_failures"] = result.connect_failures;
  json["error_text"] = result.error_text;
}

}  // namespace

Json handshakes_json(const CommonOptions& options, const HandshakesResult& result) {
  Json json = scenario_json("handshakes");
  put_common(json, options);
  json["seconds"] = static_cast<double>(result.window) / 1e9;
  json["handshakes"] = result.handshakes;
  json["handshakes_per_second"] = per_second(result.handshakes, result.window);
  json["resumed"] = result.resumed;
  json["latency_ns"] = latency_json(result.opening);
  json["latency_curve"] = latency_curve_json(result.opening);
  json["whole_ns"] = latency_json(result.whole);
  json["client"] = client_json(result.client);
  json["server"] = server_json(result.server, options.server_cpu, "handshake", result.handshakes);
  json["errors"] = result.errors;
  put_errors(json, result);
  return json;
}

std::string handshakes_text(const CommonOptions& options, const HandshakesResult& result) {
  std::string text = fmt::format("{} connections at once: connect, upgrade, close\n", options.connections);
  text += fmt::format("{:<9} {} handshakes in {:.2f} s: {} per second\n", "rate", grouped(static_cast<double>(result.handshakes)),
                      static_cast<double>(result.window) / 1e9, grouped(per_second(result.handshakes, result.window)));
  if (options.is_tls) text += fmt::format("{:<9} {} of them resumed\n", "tls", grouped(static_cast<double>(result.resumed)));
  text += latency_text("opening", result.opening);
  text += latency_text("whole", result.whole);
  text += client_text(result.client, "handshake", result.handshakes);
  return text + server_text(result.server, options.server_cpu, "handshake", result.handshakes) + bottleneck_text(result.client);
}

Json hold_json(const CommonOptions& options, const HoldResult& result) {
  Json json = scenario_json("hold");
  put_common(json, options);
  json["seconds"] = result.held_seconds;
  json["opening_seconds"] = result.opening_seconds;
  json["opened"] = result.opened;
  json["ended"] = result.ended;
  json["pings"] = result.pings;
  json["messages"] = result.messages;
  json["errors"] = result.ended;
  put_errors(json, result);
  return json;
}

std::string hold_text(const HoldResult& result) {
  return fmt::format("{} connections opened in {:.2f} s and held for {:.2f} s; {} ended, {} pings answered\n", result.opened,
                     result.opening_seconds, result.held_seconds, result.ended, result.pings);
}

Json pushes_json(const PushOptions& options, const PushResult& result) {
  Json json = scenario_json("pushes");
  put_common(json, options);
  json["admin"] = options.admin;
  json["devices"] = options.connections;
  json["mode"] = name_of(options.mode);
  json["pipeline"] = options.pipeline;
  json["lines"] = options.lines;
  json["size"] = options.size;
  json["seconds"] = static_cast<double>(result.window) / 1e9;
  json["pushes"] = result.pushes;
  json["pushes_per_second"] = per_second(result.pushes, result.window);
  json["deliveries"] = result.deliveries;
  json["deliveries_per_second"] = per_second(result.deliveries, result.window);
  json["pushes_total"] = result.pushes_total;
  json["deliveries_total"] = result.deliveries_total;
  json["refused"] = Json::object();
  for (const auto& [status, count] : result.refused) json["refused"][std::to_string(status)] = count;
  json["latency_ns"] = latency_json(result.arrival);
  json["latency_curve"] = latency_curve_json(result.arrival);
  json["answer_ns"] = latency_json(result.answer);
  json["client"] = client_json(result.client);
  json["server"] = server_json(result.server, options.server_cpu, "push", result.pushes);
  const Json per_delivery = server_json(result.server, options.server_cpu, "delivery", result.deliveries);
  for (const char* name : {"busy_ns_per_delivery", "process_cpu_ns_per_delivery"}) {
    if (per_delivery.contains(name)) json["server"][name] = per_delivery[name];
  }
  json["errors"] = result.errors;
  put_errors(json, result);
  return json;
}

std::string pushes_text(const PushOptions& options, const PushResult& result) {
  std::string text = fmt::format("{} devices, mode {}, {} admin connections with {} pushes under way each, {} bytes\n",
                                 options.connections, name_of(options.mode), options.lines, options.pipeline, options.size);
  text += fmt::format("{:<9} {} pushes and {} deliveries in {:.2f} s: {} and {} per second\n", "rate",
                      grouped(static_cast<double>(result.pushes)), grouped(static_cast<double>(result.deliveries)),
                      static_cast<double>(result.window) / 1e9, grouped(per_second(result.pushes, result.window)),
                      grouped(per_second(result.deliveries, result.window)));
  for (const auto& [status, count] : result.refused)
    text += fmt::format("{:<9} {} pushes with status {}\n", "refused", grouped(static_cast<double>(count)), status);
  text += latency_text("arrival", result.arrival);
  text += latency_text("answer", result.answer);
  text += client_text(result.client, "delivery", result.deliveries);
  text += server_text(result.server, options.server_cpu, "push", result.pushes);
  if (options.mode == PushMode::broadcast) text += server_text(result.server, options.server_cpu, "delivery", result.deliveries);
  return text + bottleneck_text(result.client);
}

}  // namespace ringgate::measure
