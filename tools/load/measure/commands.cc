#include "load/measure/commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>

#include "load/measure/echo_run.h"
#include "load/measure/help.h"
#include "load/measure/report.h"

namespace ringgate::measure {
namespace {

RunOptions run_options;

void add_run(CLI::App& app) {
  CLI::App* const run = app.add_subcommand("run", "echo at full speed or at a fixed rate, measured");
  RunOptions& o = run_options;
  run->add_option("--target", o.target, "the server: IPv4 address and port")->required();
  run->add_option("--protocol", o.protocol, "websocket, or raw: octets as they are, no HTTP")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Protocol>{{"websocket", Protocol::websocket}, {"raw", Protocol::raw}}))
      ->default_str("websocket");
  run->add_option("--path", o.path, "path of the opening handshake; ?deviceId=PREFIX<n> is added")->capture_default_str();
  run->add_option("--id-prefix", o.id_prefix, "the PREFIX of device ids")->capture_default_str();
  run->add_option("--connections", o.connections, "how many, at once")->capture_default_str();
  run->add_option("--in-flight", o.in_flight, "units a connection has under way (closed loop)")->capture_default_str();
  run->add_option("--size", o.size, "octets of payload in a message")->capture_default_str();
  run->add_option("--payload", o.payload, "binary, ascii, utf8 (characters of 2 to 4 octets) or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, PayloadKind>{{"binary", PayloadKind::binary},
                                                                             {"ascii", PayloadKind::ascii},
                                                                             {"utf8", PayloadKind::utf8},
                                                                             {"json", PayloadKind::json}}))
      ->default_str("binary");
  run->add_option("--fragments", o.fragments, "frames that a message is sent in")->capture_default_str();
  run->add_option("--run-bytes", o.run_bytes, "a unit is a run of whole frames in so many octets, one write");
  run->add_flag("--deflate", o.is_deflated, "permessage-deflate without context takeover");
  run->add_option("--rate", o.rate, "open loop: units per second over all connections");
  run->add_option("--seconds", o.seconds, "how long to measure")->capture_default_str();
  run->add_option("--warmup", o.warmup, "seconds of load before measuring")->capture_default_str();
  run->add_option("--seed", o.seed, "replays payloads and masking keys; random unless given");
  run->add_option("--cpu", o.cpu, "run on this processor only");
  run->add_option("--server-cpu", o.server_cpu, "record the time of this processor");
  run->add_option("--server-pid", o.server_pid, "record CPU time and memory of this process");
  run->add_option("--json", o.json_file, "write the result to this file (-: stdout)");
  run->add_option("--percentiles", o.percentiles_file, "write latencies to this file, as HdrHistogram does");
  run->add_flag("--quiet", o.is_quiet, "no progress line");
  run->footer(help_of_run);
}

int finish(const std::string& json_file, const Json& json, const std::string& text, const std::string& error, int code) {
  if (json_file != "-") fmt::print("{}", text);
  if (!error.empty()) complain(error);
  if (json_file.empty()) return code;
  if (const auto written = write_file(json_file, json.dump(1) + "\n"); !written) {
    complain(written.error());
    return 2;
  }
  return code;
}

int run_echo() {
  const RunOptions& o = run_options;
  if (const auto fault = fault_in(o)) return usage_fault(*fault);
  if (!o.is_quiet) fmt::print(stderr, "run: seed {}\n", o.seed);
  auto run = std::make_unique<EchoRun>(o);
  const auto result = std::make_unique<RunResult>(run->run());
  const std::string text = result->could_run ? run_text(o, *result) : std::string();
  const int code = finish(o.json_file, run_json(o, *result), text, result->error_text, result->exit_code());
  if (code == 2 || o.percentiles_file.empty()) return code;
  if (const auto written = write_file(o.percentiles_file, percentile_text(result->latency)); !written) {
    complain(written.error());
    return 2;
  }
  return code;
}

}  // namespace

void complain(const std::string& what) {
  fmt::print(stderr, "ringgate-load: {}\n", what);
}

int usage_fault(const std::string& what) {
  complain(what);
  return exit_usage;
}

void add_commands(CLI::App& app, std::uint64_t seed) {
  run_options.seed = seed;
  add_run(app);
}

std::optional<int> run_command(const CLI::App& app) {
  if (app.got_subcommand("run")) return run_echo();
  return std::nullopt;
}

}  // namespace ringgate::measure
