#include "server/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "support/source_root.h"
#include "unit/auth/temporary_folder.h"

namespace ringgate::server {
namespace {

std::expected<ring::Features, ring::SetupError> ring_is_there() { return ring::Features{.multishot_receive = true}; }
std::expected<ring::Features, ring::SetupError> ring_is_forbidden() {
  return std::unexpected(ring::SetupError{69, "io_uring is disabled", "set kernel.io_uring_disabled to 0"});
}

/// A run of the command line and what it said.
struct Outcome {
  std::expected<config::LoadedConfig, ExitCode> result;
  std::string out;
  std::string err;
};

Outcome run(std::vector<const char*> arguments, const std::vector<std::string>& environment = {},
            RingProbe probe = ring_is_there) {
  arguments.insert(arguments.begin(), "ringgate");
  std::ostringstream out;
  std::ostringstream err;
  auto result = run_command_line(arguments, environment, probe, {out, err});
  return {std::move(result), out.str(), err.str()};
}

ExitCode exit_code(const Outcome& finished) { return finished.result ? ExitCode::fault : finished.result.error(); }
auto lines_count(const std::string& text) { return std::ranges::count(text, '\n'); }

TEST(CommandLine, ServeIsHandedBackWithItsSettings) {
  const Outcome finished =
      run({"serve", "--listen", "0.0.0.0:1", "--admin=off", "--shards", "2", "--cpus", "0-1", "--log-level", "debug",
           "--log-format", "json", "--set=route.0.auth=none", "--set", "limits.max_fragments=9", "--set=device.required=false"});
  ASSERT_TRUE(finished.result.has_value()) << finished.err;
  const Config& config = finished.result->config;
  EXPECT_EQ(config.listeners[0].bind, "0.0.0.0:1");
  EXPECT_EQ(config.admin.bind, "off");
  EXPECT_EQ(config.server.shards_count, 2U);
  EXPECT_EQ(config.server.cpus, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.log.format, LogFormat::json);
  EXPECT_EQ(config.limits.fragments_max, 9U);
  EXPECT_FALSE(config.device.required);
  EXPECT_EQ(finished.out + finished.err, "");
}

TEST(CommandLine, FlagsMayStandBeforeTheCommand) {
  EXPECT_TRUE(run({"--listen", "127.0.0.1:1", "serve"}).result.has_value());
  EXPECT_TRUE(run({"--set", "limits.max_fragments=9", "serve"}).result.has_value());
}

TEST(CommandLine, BadUsageIsOneLineAndExit64) {
  const std::vector<std::vector<const char*>> bad{{},
                                                  {"fly"},
                                                  {"serve", "--nope"},
                                                  {"--nope", "serve"},
                                                  {"serve", "extra"},
                                                  {"serve", "--listen"},
                                                  {"serve", "--set"},
                                                  {"serve", "--set", "no-equals-sign"},
                                                  {"serve", "--shards", "1", "--shards", "2"},
                                                  {"serve", "check-config"},
                                                  {"serve", "--config="},
                                                  {"serve", "-x\n"}};
  for (const auto& arguments : bad) {
    const Outcome finished = run(arguments);
    EXPECT_EQ(exit_code(finished), ExitCode::usage) << finished.err;
    EXPECT_EQ(lines_count(finished.err), 1) << finished.err;
    EXPECT_TRUE(finished.err.starts_with("ringgate: ")) << finished.err;
    EXPECT_NE(finished.err.find("; `ringgate --help` shows the usage\n"), std::string::npos) << finished.err;
    EXPECT_EQ(finished.out, "");
  }
}

TEST(CommandLine, WithoutACommandNamesTheOneThatServes) {
  for (const std::vector<const char*>& arguments : {std::vector<const char*>{}, {"--listen", "127.0.0.1:0"}})
    EXPECT_NE(run(arguments).err.find("`ringgate serve`"), std::string::npos) << run(arguments).err;
}

TEST(CommandLine, AFlagsBadValueIsExit78NamingTheFlag) {
  for (const char* flag : {"--listen", "--admin", "--shards", "--cpus", "--log-level", "--log-format"}) {
    const Outcome finished = run({"serve", flag, "?"});
    EXPECT_EQ(exit_code(finished), ExitCode::bad_configuration);
    EXPECT_TRUE(finished.err.starts_with("ringgate: " + std::string(flag) + ": ")) << finished.err;
  }
}

TEST(CommandLine, ServeNamesOneFaultAndCheckConfigAll) {
  const std::vector<std::string> environment{"RINGGATE_LIMITS__MAX_MESAGE=1MiB", "RINGGATE_LOG__LEVEL=loud"};
  const Outcome serve = run({"serve", "--set", "a=b"}, environment);
  const Outcome check = run({"check-config", "--set", "a=b"}, environment);
  const Outcome print = run({"print-config", "--set", "a=b"}, environment);
  EXPECT_EQ(exit_code(serve), ExitCode::bad_configuration);
  EXPECT_EQ(exit_code(check), ExitCode::bad_configuration);
  EXPECT_EQ(exit_code(print), ExitCode::bad_configuration);
  EXPECT_EQ(lines_count(serve.err), 1);
  EXPECT_EQ(lines_count(check.err), 3);
  EXPECT_EQ(print.err, check.err);
  EXPECT_EQ(serve.out + check.out + print.out, "");
}

TEST(CommandLine, AMissingFileIsExit78) {
  const Outcome finished = run({"serve", "-c", "/no/such/file"});
  EXPECT_EQ(exit_code(finished), ExitCode::bad_configuration);
  EXPECT_EQ(finished.err, "ringgate: /no/such/file: there is no such file; name a readable TOML file with --config\n");
}

TEST(CommandLine, PrintConfigReadsAgain) {
  const Outcome printed = run({"print-config", "--set", "limits.max_message=64KiB"});
  EXPECT_EQ(exit_code(printed), ExitCode::success);
  const auto again = config::load_config_text(printed.out, "printed");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->config.limits.message_bytes_max, 64U * 1024);
}

TEST(CommandLine, CheckConfigSaysThatAllIsWell) {
  const Outcome finished = run({"check-config"});
  EXPECT_EQ(exit_code(finished), ExitCode::success);
  EXPECT_EQ(finished.out, "the configuration is valid\n");
}

TEST(CommandLine, CheckConfigOpensEveryFileOfCredentials) {
  const auth::testing::TemporaryFolder folder;
  const std::string bad = folder.file("bad", "no credential\n");
  const std::string empty = folder.file("empty", "");
  const auto said = [](const std::string& setting) {
    const Outcome finished = run({"check-config", "--set", setting.c_str()});
    EXPECT_EQ(exit_code(finished), ExitCode::bad_configuration) << setting;
    EXPECT_EQ(finished.out, "");
    return finished.err;
  };
  for (const std::string key : {"auth.token.tokens", "auth.basic.users", "auth.hmac.keys", "auth.jwt.keys", "admin.tokens"}) {
    EXPECT_TRUE(said(key + "=/no/such/file").starts_with("ringgate: " + key + ": /no/such/file cannot be read: ")) << said(key);
    const std::string fault = said(key + "=" + bad);
    EXPECT_TRUE(fault.starts_with("ringgate: " + key + ": " + bad)) << fault;
    EXPECT_EQ(lines_count(fault), 1) << fault;
  }
  EXPECT_NE(said("admin.tokens=" + empty).find("holds no token"), std::string::npos);
  const Outcome all =
      run({"check-config", "--set=auth.token.tokens=/no/1", "--set=auth.basic.users=/no/2", "--set=admin.tokens=/no/3"});
  EXPECT_EQ(lines_count(all.err), 3) << all.err;
}

TEST(CommandLine, CheckConfigWarnsAsAStartDoes) {
  const auth::testing::TemporaryFolder folder;
  const std::string tokens = "--set=auth.token.tokens=" + folder.file("tokens", "");
  const Outcome finished = run({"check-config", "--listen=0.0.0.0:1", "--set=route.0.auth=token", tokens.c_str()});
  EXPECT_EQ(exit_code(finished), ExitCode::success);
  EXPECT_EQ(finished.err, "ringgate: warning: credentials of devices travel without encryption: 0.0.0.0:1\n");
  EXPECT_EQ(finished.out, "the configuration is valid\n");
}

// The first command of whoever reads the help.
TEST(CommandLine, ExamplesOfTheHelpAreAccepted) {
  const std::string help = run({"--help"}).out;
  std::istringstream lines(help.substr(help.find("Examples:\n")));
  std::size_t tried = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ringgate ") || line.contains(" -c ")) continue;  // the file is the reader's
    std::istringstream words(line.substr(0, line.find(" #")));
    const std::vector<std::string> arguments(std::istream_iterator<std::string>{words}, {});
    std::vector<const char*> pointers;
    for (std::size_t i = 1; i < arguments.size(); ++i) pointers.push_back(arguments[i].c_str());
    EXPECT_EQ(run(pointers).err, "") << line;
    ++tried;
  }
  EXPECT_GE(tried, 2U);
}

// A reader copies them. print-config judges settings, and leaves the files alone that they name.
TEST(CommandLine, BlocksOfSettingsOnThePagesAreAccepted) {
  const auth::testing::TemporaryFolder folder;
  std::size_t tried = 0;
  for (const auto& page : std::filesystem::directory_iterator(source_file("docs"))) {
    if (page.path().extension() != ".md") continue;
    std::ifstream file(page.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    constexpr std::string_view opening = "```toml\n";
    for (std::size_t at = text.find(opening); at != std::string::npos; at = text.find(opening, at + 1), ++tried) {
      const std::size_t begin = at + opening.size();
      const std::string copy = folder.file("block.toml", text.substr(begin, text.find("```", begin) - begin));
      EXPECT_EQ(run({"print-config", "-c", copy.c_str()}).err, "") << page.path() << ", block at byte " << at;
    }
  }
  EXPECT_GT(tried, 8U);
}

TEST(CommandLine, CheckConfigKnowsWhichHandlersThereAre) {
  for (const char* command : {"check-config", "serve"}) {
    const Outcome finished = run({command, "--set", "route.0.handler=other"});
    EXPECT_EQ(exit_code(finished), ExitCode::bad_configuration) << command;
    EXPECT_EQ(finished.err,
              "ringgate: --set: route.0.handler: this program has no handler \"other\"; write \"echo\" or \"drop\", or embed the "
              "gate in a "
              "program that mounts the handler\n");
    EXPECT_EQ(finished.out, "");
  }
}

TEST(CommandLine, HelpAndVersionGoToStdout) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(exit_code(help), ExitCode::success);
  for (const char* word : {"serve", "check-config", "print-config", "version", "doctor", "token", "--config", "--listen",
                           "--admin", "--shards", "--cpus", "--set", "--log-level", "--log-format", "--version", "--help",
                           "Exit codes", "SIGINT does so without the grace"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(exit_code(run({"serve", "--help"})), ExitCode::success);
  EXPECT_EQ(run({"--version"}).out, "ringgate " RINGGATE_VERSION "\n");
}

TEST(CommandLine, VersionTellsWhatItRunsOn) {
  const Outcome finished = run({"version"});
  EXPECT_EQ(exit_code(finished), ExitCode::success);
  for (const char* word : {"ringgate", RINGGATE_VERSION, "compiler", "liburing", "openssl", "kernel", "multishot"}) {
    EXPECT_NE(finished.out.find(word), std::string::npos) << word << " in\n" << finished.out;
  }
  EXPECT_NE(run({"version"}, {}, ring_is_forbidden).out.find("io_uring is disabled"), std::string::npos);
}

TEST(CommandLine, DoctorFailsWhenTheRingIsMissing) {
  EXPECT_EQ(exit_code(run({"doctor"})), ExitCode::success);
  const Outcome ill = run({"doctor"}, {}, ring_is_forbidden);
  EXPECT_EQ(exit_code(ill), ExitCode::fault);
  EXPECT_NE(ill.out.find("MISSING"), std::string::npos);
}

TEST(CommandLine, TokenHasFlagsAndHelpOfItsOwn) {
  const Outcome help = run({"token", "--help"});
  EXPECT_EQ(exit_code(help), ExitCode::success);
  EXPECT_NE(help.out.find("ringgate token basic"), std::string::npos) << help.out;
  EXPECT_EQ(exit_code(run({"token", "device", "a"})), ExitCode::success);
  EXPECT_EQ(exit_code(run({"token", "fly"})), ExitCode::usage);
  for (const std::vector<const char*>& arguments : {std::vector<const char*>{"--shards", "1", "token"}, {"-c", "f", "token"}}) {
    EXPECT_EQ(exit_code(run(arguments)), ExitCode::usage);
    EXPECT_NE(run(arguments).err.find("no flag stands before `ringgate token`"), std::string::npos) << run(arguments).err;
  }
}

TEST(CommandLine, TheEnvironmentMayHoldAnything) {
  EXPECT_TRUE(run({"serve"}, {"", "=", "PATH", "RINGGAT=1", "ringgate_x=1"}).result.has_value());
}

}  // namespace
}  // namespace ringgate::server
