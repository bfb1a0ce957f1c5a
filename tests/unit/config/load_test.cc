#include "config/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "config/table.h"
#include "support/source_root.h"

namespace ringgate::config {
namespace {

/// A file for the length of a test.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / fmt::format("ringgate-{}-{}.toml", getpid(), ++count_)) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~ScratchFile() { std::filesystem::remove(path_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::filesystem::path path_;
};

/// The faults of a text, one line each; "" when there are none.
std::string faults_of(std::string_view toml) {
  const auto loaded = load_config_text(toml, "gate.toml");
  std::string lines;
  if (loaded) return lines;
  for (const StartError& fault : loaded.error()) lines += to_line(fault) + '\n';
  return lines;
}

std::string faults_of(const ConfigSources& sources) {
  const auto loaded = load_config(sources);
  return loaded ? "" : to_line(loaded.error().front());
}

TEST(LoadConfig, GivesTheDefaultsOfTheStructs) {
  const auto loaded = load_config({});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->config, default_config());
  EXPECT_TRUE(loaded->origins.empty());
}

TEST(LoadConfig, LaterSourcesWin) {
  const ScratchFile file("[limits]\nmax_fragments = 2\nmax_message = \"2KiB\"\nsend_queue = \"8KiB\"\n");
  const std::vector<std::string> environment{"RINGGATE_LIMITS__MAX_MESSAGE=3KiB", "RINGGATE_LIMITS__SEND_QUEUE=12KiB"};
  const std::vector<FlagSetting> flags{{"--set", "limits.send_queue", "16KiB"}};
  const auto loaded = load_config({file.path(), environment, flags});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->config.limits.fragments_max, 2U);
  EXPECT_EQ(loaded->config.limits.message_bytes_max, 3U * 1024);
  EXPECT_EQ(loaded->config.limits.send_queue_bytes_max, 16U * 1024);
  EXPECT_EQ(loaded->origins.at("limits.max_fragments"), file.path().string() + ":2");
  EXPECT_EQ(loaded->origins.at("limits.max_message"), "environment RINGGATE_LIMITS__MAX_MESSAGE");
  EXPECT_EQ(loaded->origins.at("limits.send_queue"), "--set");
}

TEST(LoadConfig, TheLargestPushFollowsTheLargestMessageUnlessSet) {
  const auto followed = load_config_text("limits.max_message = \"2KiB\"", "gate.toml");
  EXPECT_EQ(followed->config.limits.push_bytes_max, 2048U);
  const auto set = load_config_text("limits = { max_message = \"2KiB\", max_push = \"1KiB\" }", "gate.toml");
  EXPECT_EQ(set->config.limits.push_bytes_max, 1024U);
}

TEST(LoadConfig, EntriesOfTheFileReplaceTheDefaultOnes) {
  const auto loaded = load_config_text("[[listener]]\nbind = \"[::1]:1\"\n[[listener]]\n[[route]]\npath = \"/x\"\n", "gate.toml");
  ASSERT_TRUE(loaded.has_value());
  ASSERT_EQ(loaded->config.listeners.size(), 2U);
  EXPECT_EQ(loaded->config.listeners[0].bind, "[::1]:1");
  EXPECT_EQ(loaded->config.listeners[1], ListenerConfig{});
  ASSERT_EQ(loaded->config.routes.size(), 1U);
  EXPECT_EQ(loaded->config.routes[0].path, "/x");
}

TEST(LoadConfig, FlagsAndTheEnvironmentAddEntriesInOrder) {
  std::vector<std::string> environment;
  for (int i = 11; i >= 0; --i) environment.push_back(fmt::format("RINGGATE_LISTENER__{}__BIND=127.0.0.1:{}", i, 1000 + i));
  const std::vector<FlagSetting> flags{{"--listen", "listener.0.bind", "127.0.0.1:7"}};
  const auto loaded = load_config({{}, environment, flags});
  ASSERT_TRUE(loaded.has_value());
  ASSERT_EQ(loaded->config.listeners.size(), 12U);
  EXPECT_EQ(loaded->config.listeners[0].bind, "127.0.0.1:7");
  EXPECT_EQ(loaded->config.listeners[11].bind, "127.0.0.1:1011");
}

TEST(LoadConfig, RefusesAGapBetweenEntriesAndOneTooMany) {
  const std::vector<FlagSetting> gap{{"--set", "listener.2.bind", "127.0.0.1:7"}};
  EXPECT_EQ(
      faults_of({{}, {}, gap}),
      "ringgate: --set listener.2.bind: there is no entry 2 of listener; number the entries from 0 without a gap, at most 16");
  std::string many;
  for (int i = 0; i < 17; ++i) many += fmt::format("[[listener]]\nbind = \"127.0.0.1:{}\"\n", i + 1);
  EXPECT_TRUE(
      faults_of(many).starts_with("ringgate: gate.toml:33: listener: not a list of 1 to 16 sections; write [[listener]]\n"));
  EXPECT_EQ(faults_of(many.substr(0, many.find("[[listener]]\nbind = \"127.0.0.1:17\""))), "");
}

TEST(LoadConfig, NamesFileLineAndKeyOfEachFault) {
  EXPECT_EQ(
      faults_of("[limits]\n"
                "max_mesage = \"1MiB\"\n"
                "max_message = 5\n"
                "max_fragments = 0\n"
                "idle_timeout = \"0s\"\n"
                "close_timeout = \"off\"\n"
                "[device]\n"
                "required = \"no\"\n"
                "id_from = [\"cookie:id\"]\n"
                "[log]\n"
                "level = \"loud\"\n"
                "[tls]\n"
                "cert_file = \"x\"\n"),
      "ringgate: gate.toml:2: limits.max_mesage: unknown key; did you mean limits.max_message?\n"
      "ringgate: gate.toml:3: limits.max_message: 5 is a bare number; write a size from 125B to 256MiB, with a unit\n"
      "ringgate: gate.toml:4: limits.max_fragments: 0 is out of range; write a number from 1 to 1048576\n"
      "ringgate: gate.toml:5: limits.idle_timeout: \"0s\" is out of range; write a duration from 100ms to 720h, with a unit, or "
      "\"off\"\n"
      "ringgate: gate.toml:6: limits.close_timeout: \"off\" is refused here; write a duration from 100ms to 1h, with a unit\n"
      "ringgate: gate.toml:8: device.required: \"no\" is a text; write true or false\n"
      "ringgate: gate.toml:9: device.id_from: \"cookie:id\" does not fit; write a list of 1 to 8 different texts, each "
      "\"query:NAME\" or \"header:NAME\"\n"
      "ringgate: gate.toml:11: log.level: \"loud\" is none of the words; write one of \"debug\", \"info\", \"warning\", "
      "\"error\", \"off\"\n"
      "ringgate: gate.toml:12: tls: unknown key; `ringgate print-config` lists the keys\n");
}

TEST(LoadConfig, NamesTheSourceOfEachFault) {
  const std::vector<std::string> environment{"RINGGATE_LIMITS__MAX_MESAGE=1MiB", "RINGGATE_lower=1", "RINGGATE_=1",
                                             "RINGGATE_LOG__LEVEL"};
  const std::vector<FlagSetting> flags{{"--listen", "listener.0.bind", "8080"}, {"--set", "limits.max\n", "1"}};
  const auto loaded = load_config({"/no/such/file", environment, flags});
  ASSERT_FALSE(loaded.has_value());
  std::string lines;
  for (const StartError& fault : loaded.error()) lines += to_line(fault) + '\n';
  EXPECT_EQ(lines,
            "ringgate: /no/such/file: there is no such file; name a readable TOML file with --config\n"
            "ringgate: environment RINGGATE_: unknown key; `ringgate print-config` lists the keys\n"
            "ringgate: environment RINGGATE_lower: unknown key; `ringgate print-config` lists the keys\n"
            "ringgate: environment RINGGATE_LOG__LEVEL: \"\" is none of the words; write one of \"debug\", \"info\", "
            "\"warning\", \"error\", \"off\"\n"
            "ringgate: environment RINGGATE_LIMITS__MAX_MESAGE: unknown key; did you mean RINGGATE_LIMITS__MAX_MESSAGE?\n"
            "ringgate: --listen: \"8080\" does not fit; write an address such as \"127.0.0.1:8080\" or \"[::1]:8080\", "
            "or \"unix:/PATH\" of at most 107 bytes\n"
            "ringgate: --set limits.max\\x0a: unknown key; `ringgate print-config` lists the keys\n");
}

TEST(LoadConfig, RefusesKeysGivenTwice) {
  const std::string in_file = faults_of("[limits]\nmax_message = \"1MiB\"\nmax_message = \"2MiB\"\n");
  EXPECT_TRUE(in_file.starts_with("ringgate: gate.toml:3: ")) << in_file;
  EXPECT_NE(in_file.find("'max_message'"), std::string::npos) << in_file;
  EXPECT_NE(faults_of("[limits]\n[limits]\n"), "");
  const std::vector<FlagSetting> flags{{"--listen", "listener.0.bind", "127.0.0.1:7"},
                                       {"--set", "listener.0.bind", "127.0.0.1:8"}};
  EXPECT_EQ(faults_of({{}, {}, flags}), "ringgate: --set listener.0.bind: the key is given twice; keep one of them");
  const std::vector<std::string> environment{"RINGGATE_LOG__LEVEL=info", "RINGGATE_LOG__LEVEL=error"};
  EXPECT_EQ(faults_of({{}, environment, {}}),
            "ringgate: environment RINGGATE_LOG__LEVEL: the key is given twice; keep one of them");
}

TEST(LoadConfig, RefusesSectionsOfTheWrongKind) {
  EXPECT_EQ(faults_of("limits = 5"), "ringgate: gate.toml:1: limits: a section is not a value; write [limits]\n");
  EXPECT_EQ(faults_of("[listener]\nbind = \"127.0.0.1:1\""),
            "ringgate: gate.toml:1: listener: not a list of 1 to 16 sections; write [[listener]]\n");
  EXPECT_EQ(faults_of("listener = []"), "ringgate: gate.toml:1: listener: not a list of 1 to 16 sections; write [[listener]]\n");
  EXPECT_NE(faults_of("listener = [1]"), "");
  EXPECT_NE(faults_of("[[limits]]\nmax_fragments = 1"), "");
  EXPECT_NE(faults_of("[limits.max_message]\nx = 1"), "");
  EXPECT_NE(faults_of("\"limits.max_fragments\" = 1"), "") << "a quoted dot is no path";
  EXPECT_NE(faults_of("limits.max_fragments = 1.0"), "");
  EXPECT_NE(faults_of("limits.max_message = 2026-01-02"), "");
}

TEST(LoadConfig, RefusesSettingsThatContradictOneAnother) {
  EXPECT_EQ(faults_of("[[route]]\norigin = \"list\""),
            "ringgate: gate.toml:2: route.0.origin: \"list\" without allowed_origins accepts no origin; give allowed_origins\n");
  EXPECT_EQ(faults_of("[[route]]\nallowed_origins = [\"https://a.example\"]"),
            "ringgate: gate.toml:2: route.0.allowed_origins: the list is not used; set origin = \"list\"\n");
  EXPECT_EQ(faults_of("[[route]]\n[[route]]\n"),
            "ringgate: route.1.path: /ws is the path of another route; give each route its own path\n");
  EXPECT_EQ(faults_of("[[listener]]\n[[listener]]\nbind = \"127.0.0.1:8080\"\n"),
            "ringgate: gate.toml:3: listener.1.bind: 127.0.0.1:8080 is the address of another listener; give each listener its "
            "own address\n");
  EXPECT_EQ(faults_of("[[listener]]\nbind = \"127.0.0.1:0\"\n[[listener]]\nbind = \"127.0.0.1:0\"\n"), "")
      << "port 0 is another port each time";
  EXPECT_EQ(faults_of("[[listener]]\n[[listener]]\nhealth_path = \"off\"\n"),
            "ringgate: listener.1.bind: 127.0.0.1:8080 is the address of another listener; give each listener its own address\n")
      << "whatever else the two say";
  EXPECT_EQ(
      faults_of("[admin]\nbind = \"127.0.0.1:8080\"\n"),
      "ringgate: gate.toml:2: admin.bind: 127.0.0.1:8080 is a listener's, too; bind the admin port elsewhere, or \"off\"\n");
  EXPECT_EQ(faults_of("[[listener]]\nbind = \"127.0.0.1:0\"\n[admin]\nbind = \"127.0.0.1:0\"\n"), "");
  EXPECT_EQ(faults_of("[[listener]]\ndual_stack = true\n"),
            "ringgate: gate.toml:2: listener.0.dual_stack: 127.0.0.1:8080 is not an IPv6 address; bind \"[::]:PORT\", or leave "
            "dual_stack out\n");
  EXPECT_EQ(faults_of("[admin]\ndual_stack = true\n"),
            "ringgate: gate.toml:2: admin.dual_stack: 127.0.0.1:8081 is not an IPv6 address; bind \"[::]:PORT\", or leave "
            "dual_stack out\n");
  EXPECT_EQ(faults_of("[[listener]]\nhealth_path = \"/ws\"\n"),
            "ringgate: gate.toml:2: listener.0.health_path: /ws is the path of a route; give another path, or \"off\"\n");
}

TEST(LoadConfig, TakesHostsWithoutPort) {
  for (const char* good : {"gate.example.org", "localhost", "192.0.2.1", "[2001:db8::1]"})
    EXPECT_EQ(faults_of(fmt::format("[device]\nallowed_hosts = [\"{0}\"]\n[admin]\nallowed_hosts = [\"{0}\"]\n", good)), "");
  for (const char* bad : {"gate.example.org:8080", "[::1]:80", "::1", "https://gate.example.org", "*", ""})
    EXPECT_NE(faults_of(fmt::format("[device]\nallowed_hosts = [\"{}\"]\n", bad)), "") << bad;
}

TEST(LoadConfig, TakesOriginsThatABrowserSends) {
  const auto faults_with = [](std::string_view origin) {
    return faults_of(fmt::format("[[route]]\norigin = \"list\"\nallowed_origins = [\"{}\"]\n", origin));
  };
  for (const char* good :
       {"https://example.org", "http://192.0.2.1:8080", "https://[2001:db8::1]", "https://[::1]:8443", "https://example.org:443",
        "capacitor://localhost", "chrome-extension://abcdefghijklmnop", "null", "file://"})
    EXPECT_EQ(faults_with(good), "") << good;
  for (const char* bad : {"https://h:0443", "https://h:", "https://h:65536", "https://h:x", "https://h:1:2", "https://:443",
                          "https://[::1]:", "https://[::1]8443", "https://[::1", "https://[", "https://]", "https://[h]"})
    EXPECT_NE(faults_with(bad), "") << bad;
  for (const char* bad : {"https://", "://h", "https:/h", "example.org", "https://example.org/", "https://user@example.org",
                          "https://*.example.org", "*", ""})
    EXPECT_NE(faults_with(bad), "") << bad;
  EXPECT_EQ(
      faults_with("https://example.org/"),
      "ringgate: gate.toml:3: route.0.allowed_origins: \"https://example.org/\" does not fit; write a list of 0 to 256 different "
      "texts, each an origin such as \"https://example.org:8443\", without a path, or \"null\" or \"file://\"\n");
}

TEST(LoadConfig, TakesUrlsOfReceiversThatCanBeCalled) {
  const auto faults_with = [](const std::string& url) { return faults_of(fmt::format("[[webhook]]\nurl = \"{}\"\n", url)); };
  for (const char* good : {"https://h", "http://h:8080/", "https://h/a/b?c=d&e=%20", "https://[2001:db8::1]:8443/x",
                           "https://h?x", "http://192.0.2.1/~a"})
    EXPECT_EQ(faults_with(good), "") << good;
  for (const char* bad : {"h", "/x", "ftp://h/", "https://", "https:///x", "https://user@h/", "https://u:p@h/", "https://h/#f",
                          "https://h/a b", "https://h:65536/", "https://h:/", "https://h\\\\x", "https://h/{id}"})
    EXPECT_NE(faults_with(bad), "") << bad;
  EXPECT_EQ(faults_with(""), "ringgate: gate.toml:2: webhook.0.url: there is nobody to send to; give url\n");
}

TEST(LoadConfig, KeepsWebhooksApartByTheirNames) {
  const std::string one = "[[webhook]]\nname = \"a\"\nurl = \"https://h\"\n";
  EXPECT_EQ(faults_of(one), "");
  EXPECT_EQ(faults_of(one + one),
            "ringgate: gate.toml:5: webhook.1.name: a is the name of another webhook; give each webhook its own name\n");
  EXPECT_EQ(faults_of(one + "retry_min = \"1m\"\n"),
            "ringgate: gate.toml:4: webhook.0.retry_min: it is above retry_max; lower it, or raise retry_max\n");
}

TEST(LoadConfig, WantsTheWebhooksThatARouteNames) {
  const std::string webhook = "[[webhook]]\nname = \"a\"\nurl = \"https://h\"\n";
  const std::string upstream = "[[route]]\nupstream = [\"events\", \"webhook:a\"]\n";
  const std::string asking = "[[route]]\nconnect_hook = \"a\"\n";
  EXPECT_EQ(faults_of(webhook + upstream), "");
  EXPECT_EQ(faults_of(webhook + asking), "");
  EXPECT_EQ(faults_of(upstream),
            "ringgate: gate.toml:2: route.0.upstream: there is no webhook for \"webhook:a\"; add a [[webhook]] of that name\n");
  EXPECT_EQ(faults_of(asking),
            "ringgate: gate.toml:2: route.0.connect_hook: there is no webhook \"a\"; add a [[webhook]] of that name\n");
}

TEST(LoadConfig, TakesTheExamplesOfThePages) {
  constexpr std::string_view fence = "```toml\n";
  std::size_t examples = 0;
  for (const char* name : {"docs/configuration.md", "docs/compression.md", "docs/webhooks.md"}) {
    std::ifstream file(source_file(name));
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at), ++examples) {
      at += fence.size();
      EXPECT_EQ(faults_of(std::string_view(page).substr(at, page.find("```", at) - at)), "") << name;
    }
  }
  EXPECT_GE(examples, 2U);
}

TEST(LoadConfig, SaysThatSizesStandInQuotes) {
  const std::string faults = faults_of("[limits]\nmax_message = 64KiB\n");
  EXPECT_TRUE(faults.starts_with("ringgate: gate.toml:2: ")) << faults;
  EXPECT_TRUE(faults.ends_with("; correct the TOML on this line; all values but numbers and true or false stand in quotes\n"))
      << faults;
}

TEST(LoadConfig, NamesAByteOrderMark) {
  EXPECT_EQ(faults_of("\xef\xbb\xbf[limits]\n"),
            "ringgate: gate.toml:1: the file begins with a byte-order mark; save it without one\n");
}

TEST(LoadConfig, NamesTheLineOfANulByte) {
  EXPECT_EQ(faults_of(std::string_view("[limits]\nmax_fragments = 1\0\n", 28)),
            "ringgate: gate.toml:2: a NUL byte; write plain text\n");
}

TEST(LoadConfig, RefusesAddressesWithEscapedBytes) {
  EXPECT_NE(faults_of("admin.bind = \"127.0.0.1\\u0000:1\""), "");
  EXPECT_NE(faults_of("admin.bind = \"127.0.0.1:65536\""), "");
  EXPECT_NE(faults_of("admin.bind = \"localhost:1\""), "");
  EXPECT_EQ(faults_of("admin.bind = \"off\""), "");
}

TEST(LoadConfig, ReadsNoMoreOfALargeFileThanItsCeiling) {
  const ScratchFile file("");
  std::filesystem::resize_file(file.path(), 100'000'000);
  EXPECT_EQ(
      faults_of({file.path(), {}, {}}),
      "ringgate: " + file.path().string() + ": the file is larger than 1048576 bytes; name the file that holds the settings");
}

TEST(LoadConfig, TakesAFileOfExactlyTheCeiling) {
  std::string lines;
  while (lines.size() < 1024U * 1024) lines += std::string(1023, '#') + '\n';
  const ScratchFile file(lines);
  EXPECT_EQ(faults_of({file.path(), {}, {}}), "");
  const ScratchFile larger(lines + '#');
  EXPECT_NE(faults_of({larger.path(), {}, {}}), "");
}

TEST(LoadConfig, RefusesWhatIsNoFile) {
  EXPECT_EQ(faults_of({"/", {}, {}}), "ringgate: /: it is a directory; name a TOML file with --config");
  EXPECT_EQ(faults_of({"/dev/zero", {}, {}}), "ringgate: /dev/zero: it is a device; name a TOML file with --config");
  EXPECT_EQ(faults_of({"/dev/null", {}, {}, FileReading::again}), "");
}

TEST(LoadConfig, ReadsAPipeOnceAtTheStart) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string name = "/proc/self/fd/" + std::to_string(ends[0]);
  constexpr std::string_view text = "[limits]\nmax_message = '3KiB'\n";
  ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_NE(faults_of({name, {}, {}, FileReading::again}).find("it is a pipe"), std::string::npos);
  close(ends[1]);
  const auto loaded = load_config({name, {}, {}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.limits.message_bytes_max, 3072U);
  close(ends[0]);
}

TEST(LoadConfig, WaitsForTheWritersOfAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::jthread writer([&] {
    for (const char c : std::string_view("[limits]\nmax_message = '3KiB'\n")) {
      EXPECT_EQ(write(ends[1], &c, 1), 1);
      std::this_thread::yield();
    }
    close(ends[1]);
  });
  const auto loaded = load_config({"/proc/self/fd/" + std::to_string(ends[0]), {}, {}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.limits.message_bytes_max, 3072U);
  close(ends[0]);
}

TEST(LoadConfig, SurvivesDepthThatWouldExhaustTheStack) {
  std::string dotted = "a";
  while (dotted.size() < 1000) dotted += ".a";
  EXPECT_NE(faults_of("[" + dotted + "]\n" + dotted + " = 1\n"), "");
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "[{" + dotted + " =\n";
  EXPECT_NE(faults_of("x = " + nested), "");
  EXPECT_EQ(faults_of("x = \"" + std::string(1025, 'y') + "\""),
            "ringgate: gate.toml:1: the line is longer than 1024 bytes; break it; a list may span several lines\n");
}

TEST(LoadConfig, TakesOtherCharactersThanAsciiInCommentsOnly) {
  EXPECT_EQ(faults_of("# caf\xc3\xa9\nlog.level = \"info\"  # \xff\n"), "");
  EXPECT_EQ(faults_of("\nk\xc3\xa9y = 1"), "ringgate: gate.toml:2: a byte beyond ASCII; use such characters only in comments\n");
  EXPECT_NE(faults_of("[[route]]\npath = \"/#\xc3\xa9\""), "");
  EXPECT_NE(faults_of("\"#\".\xd2\x98 = 1"), "");
}

TEST(LoadConfig, RefusesTextThatIsNotToml) {
  for (const char* bad : {"=", "[", "[\n", "[[ \n", "[limits.\n]", "[limits", "a = ", "\xff\xfe", "a = \"\xc3\"",
                          "limits.max_fragments = 1 2", "a = 'x\ny'"}) {
    const std::string faults = faults_of(bad);
    EXPECT_TRUE(faults.starts_with("ringgate: gate.toml:1: ")) << faults;
    EXPECT_EQ(std::ranges::count(faults, '\n'), 1) << faults;
  }
}

}  // namespace
}  // namespace ringgate::config
