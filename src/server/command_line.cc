#include "server/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <ctime>
#include <iostream>
#include <string_view>

#include "config/print.h"
#include "config/rule.h"
#include "server/certificates.h"
#include "server/credential_files.h"
#include "server/doctor.h"
#include "server/exposure.h"
#include "server/idle_settings.h"
#include "server/token_command.h"
#include "server/version.h"

namespace ringgate::server {
namespace {

/// A flag that is short for --set of one setting.
struct SettingFlag {
  const char* names;
  const char* type;
  const char* path;
  const char* help;
};

// The settings themselves are in config/rows_*.cc.
constexpr std::array setting_flags{
    SettingFlag{"--listen", "ADDR:PORT", "listener.0.bind", "where devices connect"},
    SettingFlag{"--admin", "ADDR:PORT", "admin.bind", "where backends connect, or off"},
    SettingFlag{"--shards", "N", "server.shards", "serving threads; 0: one per CPU"},
    SettingFlag{"--cpus", "LIST", "server.cpus", "CPUs that the threads are pinned to, e.g. 0,2-3"},
    SettingFlag{"--log-level", "LEVEL", "log.level", "debug, info, warning, error or off"},
    SettingFlag{"--log-format", "FORMAT", "log.format", "auto, logfmt or json"},
};

constexpr const char* description =
    "ringgate - WebSocket gateway for devices\n\n"
    "Devices connect to ws://HOST:PORT/ws?deviceId=ID; backends push to them by id over HTTP.";

constexpr const char* footer =
    "Sources of settings: defaults, the file, RINGGATE_SECTION__KEY in the environment, flags.\n"
    "A later source wins. Unknown keys are errors.\n\n"
    "Signals: SIGTERM closes all devices, after drain.grace, then exits; SIGINT does so without the grace;\n"
    "a second signal exits at once. SIGHUP reads the settings again, and the files that they name.\n"
    "Exit codes: 0 success, 1 fault, 64 usage, 69 no io_uring, 71 refused by the system, 77 no permission,\n"
    "78 bad configuration.\n\n"
    "Examples:\n"
    "  ringgate serve\n"
    "  ringgate serve --listen 0.0.0.0:8080 --set route.0.auth=none    # whoever reaches it may connect\n"
    "  ringgate serve -c /etc/ringgate/ringgate.toml --set limits.max_message=64KiB\n"
    "  RINGGATE_LOG__LEVEL=debug ringgate print-config";

enum class Command : std::uint8_t { serve, check_config, print_config, version, doctor, token };

struct CommandHelp {
  const char* name;
  const char* help;
};

// In the order of `Command`.
constexpr std::array commands{
    CommandHelp{"serve", "run the gateway"},
    CommandHelp{"check-config", "read all settings, open all files that they name, and list every fault"},
    CommandHelp{"print-config", "show the settings in force as TOML, each with its source"},
    CommandHelp{"version", "show versions and the features of io_uring found"},
    CommandHelp{"doctor", "compare this machine with the advised settings"},
    CommandHelp{"token", "make tokens, passwords, signed URLs and keys; its own flags follow it"},
};

/// What the arguments ask for, before any setting is read.
struct Request {
  Command command = Command::serve;
  std::string file;
  std::vector<config::FlagSetting> flags;
};

/// CLI11's parser with our flags, and the texts in which it stores them. Not copied or moved: its options point into this object.
class ArgumentParser {
 public:
  ArgumentParser() {
    app_.name("ringgate");
    app_.footer(footer);
    app_.fallthrough();  // flags may follow the command
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "show this help");
    app_.set_version_flag("--version", std::string("ringgate ") + server::version(), "show the version");
    app_.add_option("-c,--config", file_, "TOML file with settings")->type_name("FILE");
    for (std::size_t i = 0; i < setting_flags.size(); ++i) {
      const SettingFlag& flag = setting_flags[i];
      app_.add_option(flag.names, texts_[i], flag.help)->type_name(flag.type);
    }
    app_.add_option("--set", sets_, "any setting, e.g. limits.max_message=64KiB; repeatable")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    for (const CommandHelp& command : commands) {
      app_.add_subcommand(command.name, command.help)->footer("`ringgate --help` shows the flags.");
    }
  }
  ArgumentParser(const ArgumentParser&) = delete;
  ArgumentParser& operator=(const ArgumentParser&) = delete;

  /// Throws CLI::ParseError, also for --help and --version.
  void parse(std::span<const char* const> arguments) { app_.parse(static_cast<int>(arguments.size()), arguments.data()); }

  CLI::App& app() { return app_; }

  std::expected<Request, StartError> request() const {
    Request request;
    request.file = file_;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (app_.got_subcommand(commands[i].name)) request.command = static_cast<Command>(i);
    }
    if (app_.count("--config") > 0 && file_.empty()) return std::unexpected(usage("--config names no file"));
    for (std::size_t i = 0; i < setting_flags.size(); ++i) {
      const SettingFlag& flag = setting_flags[i];
      if (app_.count(flag.names) > 0) request.flags.push_back({flag.names, flag.path, texts_[i]});
    }
    for (const std::string& set : sets_) {
      const std::size_t equals = set.find('=');
      if (equals == std::string::npos) return std::unexpected(usage("--set " + config::printable(set) + " has no value"));
      request.flags.push_back({"--set", set.substr(0, equals), set.substr(equals + 1)});
    }
    return request;
  }

  static StartError usage(std::string cause) { return {ExitCode::usage, std::move(cause), "`ringgate --help` shows the usage"}; }

 private:
  CLI::App app_{description};
  std::string file_;
  std::array<std::string, setting_flags.size()> texts_;
  std::vector<std::string> sets_;
};

StartError usage_of(const CLI::ParseError& error) {
  // CLI11 reports a missing command also if there is an unknown one.
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return ArgumentParser::usage("the command is missing or unknown: `ringgate serve` runs the gateway");
  }
  return ArgumentParser::usage(config::printable(error.what(), 200));
}

ExitCode refuse(const StartError& error, std::ostream& err) {
  err << to_line(error) << '\n';
  return error.exit_code;
}

/// The arguments as a request; an exit code if nothing is left to do.
std::expected<Request, ExitCode> parse_arguments(std::span<const char* const> arguments, const Terminal& terminal) {
  ArgumentParser parser;
  try {
    parser.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    terminal.out << parser.app().help();
    return std::unexpected(ExitCode::success);
  } catch (const CLI::CallForVersion& text) {
    terminal.out << text.what() << '\n';
    return std::unexpected(ExitCode::success);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(refuse(usage_of(error), terminal.err));
  }
  auto request = parser.request();
  if (!request) return std::unexpected(refuse(request.error(), terminal.err));
  return std::move(*request);
}

/// Faults of routes whose handler is none of the built-in ones: only a program that embeds the gate mounts other handlers.
config::ConfigFaults missing_handlers(const config::LoadedConfig& loaded) {
  config::ConfigFaults faults;
  for (std::size_t i = 0; i < loaded.config.routes.size(); ++i) {
    const std::string& handler = loaded.config.routes[i].handler;
    if (handler == "echo" || handler == "drop") continue;
    const std::string path = fmt::format("route.{}.handler", i);
    const auto origin = loaded.origins.find(path);
    const std::string where = origin == loaded.origins.end() ? path : origin->second + ": " + path;
    faults.push_back({ExitCode::bad_configuration, fmt::format("{}: this program has no handler \"{}\"", where, handler),
                      "write \"echo\" or \"drop\", or embed the gate in a program that mounts the handler"});
  }
  return faults;
}

std::expected<config::LoadedConfig, config::ConfigFaults> read_sources(const Request& request,
                                                                       std::span<const std::string> environment,
                                                                       config::FileReading reading) {
  auto loaded = config::load_config({request.file, environment, request.flags, reading});
  if (!loaded) return loaded;
  if (auto faults = missing_handlers(*loaded); !faults.empty()) return std::unexpected(std::move(faults));
  return loaded;
}

/// The settings. Prints the faults: `serve` only the first, other commands all.
std::expected<config::LoadedConfig, ExitCode> load(const Request& request, std::span<const std::string> environment,
                                                   std::ostream& err) {
  auto loaded = read_sources(request, environment, config::FileReading::first);
  if (loaded) return std::move(*loaded);
  for (const StartError& fault : loaded.error()) {
    refuse(fault, err);
    if (request.command == Command::serve) break;
  }
  return std::unexpected(ExitCode::bad_configuration);
}

/// Opens the files that a start would open.
ExitCode check_files(const Config& config, const Terminal& terminal) {
  const std::int64_t now = std::time(nullptr);
  const CertificateReport certificates = check_certificates(config, now);
  const CredentialReport credentials = check_credentials(config);
  for (const auto* faults : {&certificates.faults, &credentials.faults})
    for (const StartError& fault : *faults) refuse(fault, terminal.err);
  if (!certificates.faults.empty() || !credentials.faults.empty()) return ExitCode::bad_configuration;
  const auto warn = [&](const std::string& text) { terminal.err << "ringgate: warning: " << text << '\n'; };
  for (const tls::CertificateFacts& each : certificates.ending_soon)
    warn(fmt::format("{} expires in {} days; renew it", each.file, (each.expires - now) / 86'400));
  for (const std::string& text : credentials.warnings) warn(text);
  for (const Exposure& each : exposures_of(config))
    warn(fmt::format("{}: {}{}", each.cause, each.path.empty() ? "" : each.path + " on ", each.address));
  for (const IdleSetting& each : idle_settings_of(config))
    warn(fmt::format("{} does nothing: {}; {}", each.key, each.cause, each.remedy));
  terminal.out << "the configuration is valid\n";
  return ExitCode::success;
}

}  // namespace

std::expected<config::LoadedConfig, ExitCode> run_command_line(std::span<const char* const> arguments,
                                                               std::span<const std::string> environment, RingProbe probe,
                                                               const Terminal& terminal) {
  if (arguments.size() > 1 && std::string_view(arguments[1]) == "token") {
    return std::unexpected(run_token_command(arguments.subspan(1), std::cin, std::time(nullptr), terminal));
  }
  const auto request = parse_arguments(arguments, terminal);
  if (!request) return std::unexpected(request.error());
  if (request->command == Command::token) {
    return std::unexpected(refuse(ArgumentParser::usage("no flag stands before `ringgate token`"), terminal.err));
  }
  if (request->command == Command::version) {
    terminal.out << describe_version(probe);
    return std::unexpected(ExitCode::success);
  }
  if (request->command == Command::doctor) {
    const auto findings = diagnose(examine_machine(), probe);
    terminal.out << print_findings(findings);
    return std::unexpected(exit_code_of(findings));
  }
  auto loaded = load(*request, environment, terminal.err);
  if (!loaded || request->command == Command::serve) return loaded;
  if (request->command == Command::check_config) return std::unexpected(check_files(loaded->config, terminal));
  terminal.out << config::print_config(*loaded);
  return std::unexpected(ExitCode::success);
}

std::expected<config::LoadedConfig, StartError> read_settings_again(std::span<const char* const> arguments,
                                                                    std::span<const std::string> environment) {
  ArgumentParser parser;
  try {
    parser.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(usage_of(error));
  }
  const auto request = parser.request();
  if (!request) return std::unexpected(request.error());
  auto loaded = read_sources(*request, environment, config::FileReading::again);
  if (!loaded) return std::unexpected(std::move(loaded.error().front()));
  return std::move(*loaded);
}

std::vector<std::string> process_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace ringgate::server
