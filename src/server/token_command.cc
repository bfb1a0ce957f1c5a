#include "server/token_command.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <array>
#include <ostream>

#include "base/limits.h"
#include "config/rule.h"
#include "server/token_actions.h"

namespace ringgate::server {
namespace {

constexpr const char* footer =
    "A secret is printed once, on the first line of stdout; the line for the gate's file follows it. With --append the line goes "
    "to\n"
    "the file instead, if the gate would accept the file, and stdout has the secret alone.\n\n"
    "Examples:\n"
    "  ringgate token device pump-7 --append /etc/ringgate/tokens\n"
    "  ringgate token admin --name billing --scopes push,read --append /etc/ringgate/admin-tokens\n"
    "  ringgate token basic CP-17 --append /etc/ringgate/users\n"
    "  ringgate token keys hmac --name 2027 --append /etc/ringgate/url-keys\n"
    "  ringgate token url --key /etc/ringgate/url-keys --path /ws --query deviceId=pump-7 --expires 1h\n"
    "  ringgate token keys jwt-ec > private.jwk; ringgate token jwt --key private.jwk --alg ES256 --claims "
    "'{\"sub\":\"pump-7\"}' --expires 1h\n\n"
    "docs/credentials.md describes the files.";

using Action = TokenResult (*)(const TokenFlags&, const TokenSources&);

/// CLI11's parser with our flags. Not copied or moved: its options point into this object.
class TokenParser {
 public:
  TokenParser() {
    app_.name("ringgate token");
    app_.footer(footer);
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "show this help");
    add_device();
    add_admin();
    add_hash();
    add_basic();
    add_url();
    add_jwt();
    add_keys();
  }
  TokenParser(const TokenParser&) = delete;
  TokenParser& operator=(const TokenParser&) = delete;

  /// Throws CLI::ParseError, also for --help.
  void parse(std::span<const char* const> arguments) { app_.parse(static_cast<int>(arguments.size()), arguments.data()); }

  CLI::App& app() { return app_; }
  const TokenFlags& flags() const { return flags_; }
  Action action() const {
    for (const auto& [command, does] : actions_) {
      if (command->parsed()) return does;
    }
    return nullptr;
  }

 private:
  CLI::App& add(const char* name, const char* help, Action does) {
    CLI::App* const command = app_.add_subcommand(name, help);
    command->footer("`ringgate token --help` shows examples.");
    actions_.emplace_back(command, does);
    return *command;
  }
  void add_text(CLI::App& command, const char* flag, std::string& text, const char* type, const char* help) {
    command.add_option(flag, text, help)->type_name(type);
  }
  void add_end(CLI::App& command) {
    add_text(command, "--expires", flags_.expires, "WHEN", "30d, 12h, 90m, 45s, 2027-01-31T12:00:00Z, Unix seconds or never");
  }
  void add_file(CLI::App& command) {
    add_text(command, "--append", flags_.append, "FILE", "append the line to this file, which is made if missing");
  }
  void add_input(CLI::App& command) {
    command.add_flag("--stdin", flags_.takes_input, "read the token from stdin, and print only the line");
  }

  void add_device() {
    CLI::App& command = add("device", "a token for one device, or for a group of devices", make_device_token);
    command.add_option("ID", flags_.device, "the device that may use the token")->type_name("");
    add_text(command, "--group", flags_.group, "NAME", "instead of ID: any device may use it, and belongs to this group");
    add_text(command, "--prefix", flags_.prefix, "TEXT", "with --group: only ids that begin so");
    add_text(command, "--name", flags_.name, "NAME", "what logs call the token");
    add_end(command);
    add_input(command);
    add_file(command);
  }
  void add_admin() {
    CLI::App& command = add("admin", "a token for a backend", make_admin_token);
    command.add_option("--name", flags_.name, "what logs call the backend")->type_name("NAME")->required();
    command.add_option("--scopes", flags_.scopes, "what it may do: push, read, admin; with commas between")
        ->type_name("LIST")
        ->required();
    add_text(command, "--prefix", flags_.prefix, "TEXT", "only devices whose ids begin so");
    add_text(command, "--group", flags_.group, "NAME", "only devices of this group");
    add_text(command, "--route", flags_.route, "PATH", "only devices of this route");
    add_end(command);
    add_input(command);
    add_file(command);
  }
  void add_hash() { add("hash", "the hash of a token on stdin, with which a line begins", hash_token); }
  void add_basic() {
    CLI::App& command = add("basic", "a user and password for Basic authentication", make_password);
    command.add_option("USER", flags_.user, "the user")->type_name("")->required();
    command.add_flag("--password-stdin", flags_.takes_input, "read the password from stdin, and print only the line");
    command
        .add_option("--encoding", flags_.encoding,
                    "of stdin: text or hex or base64 (a newline at the end does not count), or raw bytes")
        ->type_name("WORD")
        ->check(CLI::IsMember({"text", "raw", "hex", "base64"}))
        ->default_val("text");
    command
        .add_option("--generate", flags_.generated,
                    "without --password-stdin: 20 binary bytes, shown in hex and base64, or 32 characters of text")
        ->type_name("WORD")
        ->check(CLI::IsMember({"binary", "text"}))
        ->default_val("binary");
    command.add_option("--iterations", flags_.iterations, "of PBKDF2; more protect weak passwords, and cost each attempt 0.2 us")
        ->type_name("N")
        ->check(CLI::Range(std::uint32_t{1}, limits::password_iterations_max))
        ->default_val(1000);
    add_text(command, "--device", flags_.device, "ID", "the device that the user may be; else the user's name");
    add_text(command, "--group", flags_.group, "NAME", "the group of the device");
    add_end(command);
    add_file(command);
  }
  void add_url() {
    CLI::App& command = add("url", "a signed path and query", make_signed_url);
    command.add_option("--key", flags_.key, "file of keys; with :NAME that key, which the URL then names, else the first")
        ->type_name("FILE[:NAME]")
        ->required();
    command.add_option("--path", flags_.path, "as in the URL, with its escapes")->type_name("PATH")->required();
    add_text(command, "--query", flags_.query, "TEXT", "as in the URL, with its escapes");
    command.add_option("--expires", flags_.expires, "1h, 30d, 2027-01-31T12:00:00Z or Unix seconds")
        ->type_name("WHEN")
        ->required();
  }
  void add_jwt() {
    CLI::App& command = add("jwt", "a JSON Web Token to try a route with", make_jwt);
    command.add_option("--key", flags_.key, "file of one private or shared key, as JWK; its kid goes into the token")
        ->type_name("FILE")
        ->required();
    command.add_option("--alg", flags_.algorithm, "ES256, RS256, PS256, HS256, or with 384 or 512")
        ->type_name("NAME")
        ->required();
    command.add_option("--claims", flags_.claims, "claims as a JSON object; iat and exp are added unless given")
        ->type_name("JSON")
        ->default_val("{}");
    add_end(command);
  }
  void add_keys() {
    CLI::App& command = add("keys", "a new key", make_key);
    command
        .add_option(
            "KIND", flags_.kind,
            "hmac: a line for a file of keys of signed URLs; jwt-ec: a private JWK on P-256; jwt-oct: a shared JWK; public: what "
            "the gate needs of the private JWK on stdin")
        ->type_name("")
        ->check(CLI::IsMember({"hmac", "jwt-ec", "jwt-oct", "public"}))
        ->required();
    add_text(command, "--name", flags_.name, "NAME", "what a URL or a token calls it (default key-1)");
    add_text(command, "--append", flags_.append, "FILE",
             "of an hmac key: append the line to this file, which is made if missing");
  }

  CLI::App app_{"ringgate token - makes credentials, and lines for the gate's files of them"};
  TokenFlags flags_;
  std::vector<std::pair<CLI::App*, Action>> actions_;
};

StartError usage_of(const CLI::ParseError& error, const CLI::App& app) {
  // CLI11 reports a missing command also if there is an unknown one.
  if (app.get_subcommands().empty())
    return token_usage("what to make is missing or unknown: device, admin, hash, basic, url, jwt or keys");
  return token_usage(config::printable(error.what(), 200));
}

/// The binary blocks the signals that end a gate. A command that waits for stdin is ended by them, as any other program.
void unblock_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

ExitCode run_token_command(std::span<const char* const> arguments, std::istream& in, std::int64_t now, const Terminal& terminal) {
  const auto refuse = [&terminal](const StartError& error) {
    terminal.err << to_line(error) << '\n';
    return error.exit_code;
  };
  unblock_signals();
  TokenParser parser;
  try {
    parser.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    terminal.out << parser.app().help();
    return ExitCode::success;
  } catch (const CLI::ParseError& error) {
    return refuse(usage_of(error, parser.app()));
  }
  const auto result = parser.action()(parser.flags(), {in, now});
  if (!result) return refuse(result.error());
  terminal.out << *result << std::flush;
  if (terminal.out) return ExitCode::success;
  return refuse({ExitCode::system_refused, "stdout cannot be written", "a line that was appended stays; make another secret"});
}

}  // namespace ringgate::server
