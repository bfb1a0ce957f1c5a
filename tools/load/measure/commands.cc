#include "load/measure/commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "load/measure/echo_run.h"
#include "load/measure/help.h"
#include "load/measure/report.h"
#include "load/measure/scenario_report.h"

namespace ringgate::measure {
namespace {

// The command line fills these in; one process runs one command.
RunOptions run_options;
CommonOptions handshake_options;
CommonOptions hold_options;
PushOptions push_options;

/// An option whose value is one of a few names.
template <typename Value, std::size_t count>
CLI::Option* add_choice(CLI::App& app, const char* name, Value& value, const std::pair<const char*, Value> (&choices)[count],
                        const char* what) {
  const auto read = [name, &value, &choices](const std::string& text) {
    std::string names;
    for (const auto& [choice, meaning] : choices) {
      if (text == choice) {
        value = meaning;
        return;
      }
      names += fmt::format("{}{}", names.empty() ? "" : ", ", choice);
    }
    throw CLI::ValidationError(name, fmt::format("\"{}\" is none of {}", text, names));
  };
  return app.add_option_function<std::string>(name, read, what);
}

constexpr std::pair<const char*, Protocol> protocols[] = {{"websocket", Protocol::websocket}, {"raw", Protocol::raw}};
constexpr std::pair<const char*, PayloadKind> payload_kinds[] = {
    {"binary", PayloadKind::binary}, {"ascii", PayloadKind::ascii}, {"utf8", PayloadKind::utf8}, {"json", PayloadKind::json}};
constexpr std::pair<const char*, PushMode> push_modes[] = {
    {"one", PushMode::one}, {"many", PushMode::many}, {"broadcast", PushMode::broadcast}};

void add_common(CLI::App& command, CommonOptions& o) {
  command.option_defaults()->take_last();
  command.add_option("--target", o.target, "the server: IPv4 address and port")->required();
  command.add_option("--path", o.path, "path of the opening handshake; ?deviceId=PREFIX<n> is added")->capture_default_str();
  command.add_option("--id-prefix", o.id_prefix, "the PREFIX of device ids")->capture_default_str();
  command.add_option("--seed", o.seed, "replays what is random; random unless given");
  command.add_option("--cpu", o.cpu, "run on this processor only");
  command.add_flag("--tls", o.is_tls, "TLS 1.3 with AES-128-GCM and X25519; the server's certificate is not verified");
  command.add_option("--json", o.json_file, "write the result to this file (-: stdout, instead of the text)");
  command.add_flag("--quiet", o.is_quiet, "no seed and no progress on stderr");
}

void add_measuring(CLI::App& command, CommonOptions& o) {
  command.add_option("--seconds", o.seconds, "how long to measure")->capture_default_str();
  command.add_option("--warmup", o.warmup, "seconds of load before measuring")->capture_default_str();
  command.add_option("--server-cpu", o.server_cpu, "record the time of this processor");
  command.add_option("--server-pid", o.server_pid, "record CPU time and memory of this process");
}

void add_run(CLI::App& app) {
  CLI::App& run = *app.add_subcommand("run", "echo at full speed or at a fixed rate, measured and compared byte by byte");
  RunOptions& o = run_options;
  add_common(run, o);
  add_choice(run, "--protocol", o.protocol, protocols, "websocket (default), or raw: bytes as they are, no HTTP");
  run.add_option("--connections", o.connections, "how many at once")->capture_default_str();
  run.add_option("--in-flight", o.in_flight, "units a connection has under way (closed loop)")->capture_default_str();
  run.add_option("--size", o.size, "bytes of payload in a message")->capture_default_str();
  add_choice(run, "--payload", o.payload, payload_kinds, "binary (default), ascii, utf8 (characters of 2 to 4 bytes) or json");
  run.add_option("--fragments", o.fragments, "frames that a message is sent in")->capture_default_str();
  run.add_option("--run-bytes", o.run_bytes, "a unit is a run of whole frames in so many bytes, one write");
  run.add_flag("--deflate", o.is_deflated, "permessage-deflate without context takeover");
  run.add_option("--rate", o.rate, "open loop: units per second over all connections");
  run.add_option("--percentiles", o.percentiles_file, "write latencies to this file, as HdrHistogram does");
  add_measuring(run, o);
  run.footer(help_of_run);
}

void add_handshakes(CLI::App& app) {
  CLI::App& handshakes = *app.add_subcommand("handshakes", "connect, upgrade, close, and again; measured");
  add_common(handshakes, handshake_options);
  handshakes.add_option("--connections", handshake_options.connections, "how many at once")->capture_default_str();
  handshakes.add_flag("--resume", handshake_options.resumes_tls,
                      "with --tls: each connection resumes the session of the one before");
  add_measuring(handshakes, handshake_options);
  handshakes.footer(help_of_handshakes);
}

void add_hold(CLI::App& app) {
  CLI::App& hold = *app.add_subcommand("hold", "opens idle connections and holds them");
  hold_options.seconds = 3600;
  add_common(hold, hold_options);
  hold.add_option("--connections", hold_options.connections, "how many")->capture_default_str();
  hold.add_option("--seconds", hold_options.seconds, "ends by itself after so long")->capture_default_str();
  hold.footer(help_of_hold);
}

void add_pushes(CLI::App& app) {
  CLI::App& pushes = *app.add_subcommand("pushes", "pushes to devices through the admin port, measured and accounted for");
  PushOptions& o = push_options;
  add_common(pushes, o);
  pushes.add_option("--admin", o.admin, "the gate's admin port: IPv4 address and port")->required();
  pushes.add_option("--devices", o.connections, "how many devices are connected")->capture_default_str();
  add_choice(pushes, "--mode", o.mode, push_modes,
             "one (default): to one device; many: to all in turn; broadcast: each push to all");
  pushes.add_option("--pipeline", o.pipeline, "pushes an admin connection has under way")->capture_default_str();
  pushes.add_option("--lines", o.lines, "admin connections")->capture_default_str();
  pushes.add_option("--size", o.size, "bytes of a pushed message")->capture_default_str();
  add_measuring(pushes, o);
  pushes.footer(help_of_pushes);
}

struct Outcome {
  Json json;
  std::string text;
  std::string error;
  int code = 0;
};

int finish(const std::string& json_file, const Outcome& outcome) {
  if (json_file != "-" && outcome.code != 2) fmt::print("{}", outcome.text);
  if (!outcome.error.empty()) complain(outcome.error);
  if (json_file.empty()) return outcome.code;
  // Text from a server may not be UTF-8.
  const auto written = write_file(json_file, outcome.json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  if (written) return outcome.code;
  complain(written.error());
  return 2;
}

void say_seed(const char* command, const CommonOptions& options) {
  if (!options.is_quiet) fmt::print(stderr, "{}: seed {}\n", command, options.seed);
}

int run_echo() {
  const RunOptions& o = run_options;
  if (const auto fault = fault_in(o)) return usage_fault(*fault);
  say_seed("run", o);
  const auto result = std::make_unique<RunResult>(EchoRun(o).run());
  const int code = finish(o.json_file, {run_json(o, *result), run_text(o, *result), result->error_text, result->exit_code()});
  if (code == 2 || o.percentiles_file.empty()) return code;
  const auto written = write_file(o.percentiles_file, percentile_text(result->latency));
  if (written) return code;
  complain(written.error());
  return 2;
}

int run_handshakes_command() {
  const CommonOptions& o = handshake_options;
  if (const auto fault = fault_in_common(o)) return usage_fault(*fault);
  say_seed("handshakes", o);
  const auto result = std::make_unique<HandshakesResult>(run_handshakes(o));
  return finish(o.json_file, {handshakes_json(o, *result), handshakes_text(o, *result), result->error_text, result->exit_code()});
}

int run_hold_command() {
  const CommonOptions& o = hold_options;
  if (const auto fault = fault_in_common(o)) return usage_fault(*fault);
  say_seed("hold", o);
  const HoldResult result = run_hold(o);
  return finish(o.json_file, {hold_json(o, result), hold_text(result), result.error_text, result.exit_code()});
}

int run_pushes_command() {
  const PushOptions& o = push_options;
  if (const auto fault = fault_in(o)) return usage_fault(*fault);
  say_seed("pushes", o);
  const auto result = std::make_unique<PushResult>(run_pushes(o));
  return finish(o.json_file, {pushes_json(o, *result), pushes_text(o, *result), result->error_text, result->exit_code()});
}

}  // namespace

void complain(const std::string& what) { fmt::print(stderr, "ringgate-load: {}\n", what); }

int usage_fault(const std::string& what) {
  complain(what);
  return exit_usage;
}

void add_commands(CLI::App& app, std::uint64_t seed) {
  for (CommonOptions* options :
       {static_cast<CommonOptions*>(&run_options), &handshake_options, &hold_options, static_cast<CommonOptions*>(&push_options)})
    options->seed = seed;
  add_run(app);
  add_handshakes(app);
  add_hold(app);
  add_pushes(app);
}

std::optional<int> run_command(const CLI::App& app) {
  if (app.got_subcommand("run")) return run_echo();
  if (app.got_subcommand("handshakes")) return run_handshakes_command();
  if (app.got_subcommand("hold")) return run_hold_command();
  if (app.got_subcommand("pushes")) return run_pushes_command();
  return std::nullopt;
}

}  // namespace ringgate::measure
