// ringgate-load: drives a gate with the native client. Stress scenarios start the gate themselves; measuring scenarios
// (load/measure) take the address of a server.
//
// Exit code: 0 every promise held, 1 a promise broke, 2 could not run, 64 usage.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <random>

#include "load/measure/commands.h"
#include "stress.h"

namespace {

using ringgate::stress::StressOptions;

// The path of another binary of the same build: <build>/tools/load/ringgate-load, <build>/ringgate, ...
std::string beside(const char* self, const char* relative) {
  std::error_code ignored;
  const auto folder = std::filesystem::canonical("/proc/self/exe", ignored).parent_path();
  return ((ignored ? std::filesystem::path(self).parent_path() : folder) / relative).lexically_normal().string();
}

void add_scenario(CLI::App& app, StressOptions& options, const char* name, const char* what) {
  CLI::App* const scenario = app.add_subcommand(name, what);
  scenario->add_option("--gate", options.gate, "the gate's binary")->capture_default_str();
  scenario->add_option("--embedder", options.embedder, "the embedder's binary (push)")->capture_default_str();
  scenario->add_option("--seed", options.seed, "replays a run; random unless given");
  scenario->add_flag("--sample", options.is_sample, "a few seconds only");
  scenario->add_option("--seconds", options.seconds, "how long the timed part lasts");
  scenario->add_option("--devices", options.devices, "how many devices or ids");
  scenario->add_option("--pushes", options.pushes, "how many pushes");
  scenario->add_option("--shards", options.shards, "how many shards");
  scenario->add_option("--log", options.log_file, "keep the gate's log in this file");
}

}  // namespace

int main(int count, char** arguments) {
  StressOptions options;
  options.gate = beside(arguments[0], "../../ringgate");
  options.embedder = beside(arguments[0], "push-embedder");
  options.seed = std::random_device{}();
  CLI::App app{"Drives a WebSocket server with many native devices, measures it and judges what it does.", "ringgate-load"};
  app.require_subcommand(1);
  ringgate::measure::add_commands(app, options.seed);
  add_scenario(app, options, "echo", "byte-exact echo of every size, type and fragmentation, with features masked");
  add_scenario(app, options, "push", "numbered pushes to 10,000 devices: none lost, doubled, reordered or misdelivered");
  add_scenario(app, options, "fight", "two clients with one id: takeovers, log lines and core time, without and with the limit");
  add_scenario(app, options, "takeover", "ids that reconnect as fast as they can: never two owners, nothing leaked");
  add_scenario(app, options, "limits", "mute, idle, slow and endless peers end; the others do not notice");
  add_scenario(app, options, "budgets", "100,000 half heads and 15,000 slow readers cost their budgets and no more");
  add_scenario(app, options, "pairs", "every ordered pair of 64 shards exchanges 10,000 pushes: what memory that takes");
  add_scenario(app, options, "drain", "SIGTERM under load: 1001 to all, nothing accepted is lost");
  add_scenario(app, options, "utf8", "all strings of four bytes through the UTF-8 stream in every cut; needs no gate");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return ringgate::measure::usage_fault(error.what());
  }
  if (const auto code = ringgate::measure::run_command(app)) return *code;
  if (app.got_subcommand("echo")) return ringgate::stress::run_echo(options);
  if (app.got_subcommand("push")) return ringgate::stress::run_push(options);
  if (app.got_subcommand("fight")) return ringgate::stress::run_fight(options);
  if (app.got_subcommand("takeover")) return ringgate::stress::run_takeover(options);
  if (app.got_subcommand("limits")) return ringgate::stress::run_limits(options);
  if (app.got_subcommand("budgets")) return ringgate::stress::run_budgets(options);
  if (app.got_subcommand("pairs")) return ringgate::stress::run_pairs(options);
  if (app.got_subcommand("utf8")) return ringgate::stress::run_utf8(options);
  return ringgate::stress::run_drain(options);
}
