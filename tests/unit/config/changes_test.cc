#include "config/changes.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace ringgate::config {
namespace {

Config config_of(std::string_view toml) {
  auto loaded = load_config_text(toml, "gate.toml");
  EXPECT_TRUE(loaded) << to_line(loaded.error().front());
  return loaded ? loaded->config : Config{};
}

ReloadReport compare_texts(std::string_view in_force, std::string_view fresh) {
  return compare(config_of(in_force), config_of(fresh));
}

using Changes = std::vector<SettingChange>;

TEST(Changes, EqualSettingsDoNotDiffer) {
  EXPECT_EQ(compare_texts("", ""), ReloadReport{});
  EXPECT_EQ(compare_texts("limits.max_message = \"1024KiB\"", "limits.max_message = \"1MiB\""), ReloadReport{});
}

TEST(Changes, ALiveSettingIsTakenAndAnotherNeedsARestart) {
  const ReloadReport report = compare_texts("", "log.level = \"debug\"\nlog.format = \"json\"");
  EXPECT_EQ(report.changed, (Changes{{"log.level", "\"info\"", "\"debug\""}}));
  EXPECT_EQ(report.restart_needed, (Changes{{"log.format", "\"auto\"", "\"json\""}}));
}

TEST(Changes, ANewQueryOfAUrlIsTakenAndNotShown) {
  const auto text = [](std::string_view query) {
    return "[[webhook]]\nname = \"w\"\nurl = \"https://a.example" + std::string(query) + "\"\n";
  };
  const Config in_force = config_of(text("?token=one")), fresh = config_of(text("?token=two"));
  EXPECT_EQ(compare(in_force, fresh).changed,
            (Changes{{"webhook.0.url", "\"https://a.example?...\"", "\"https://a.example?...\""}}));
  Config taken = in_force;
  take_changes(in_force, fresh, taken);
  EXPECT_EQ(taken.webhooks.front().url, "https://a.example?token=two");
  const auto refused = load_config_text(text("?token= three"), "gate.toml");
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_line(refused.error().front()).find("three"), std::string::npos) << to_line(refused.error().front());
}

TEST(Changes, CopiesOnlyWhatIsTaken) {
  const Config in_force = config_of("log.level = \"debug\"\nlog.format = \"json\"");
  const Config fresh = config_of("");
  Config taken = in_force;
  take_changes(in_force, fresh, taken);
  EXPECT_EQ(taken.log.level, LogLevel::info);
  EXPECT_EQ(taken.log.format, LogFormat::json);
}

constexpr std::string_view two_listeners = R"([[listener]]
bind = "127.0.0.1:1"
tls.cert = ["/a.pem"]
tls.key = ["/a.key"]
[[listener]]
bind = "127.0.0.1:2"
)";

TEST(Changes, AnEntryOfASectionIsNamedByItsNumber) {
  const ReloadReport report = compare_texts(two_listeners, R"([[listener]]
bind = "127.0.0.1:1"
tls.cert = ["/b.pem"]
tls.key = ["/b.key"]
[[listener]]
bind = "127.0.0.1:2"
health_path = "/up"
)");
  EXPECT_EQ(report.changed, (Changes{{"listener.0.tls.cert", "[\"/a.pem\"]", "[\"/b.pem\"]"},
                                     {"listener.0.tls.key", "[\"/a.key\"]", "[\"/b.key\"]"}}));
  EXPECT_EQ(report.restart_needed, (Changes{{"listener.1.health_path", "\"/healthz\"", "\"/up\""}}));
}

TEST(Changes, EntriesThatAreOthersAreNotMixed) {
  const ReloadReport fewer = compare_texts(two_listeners, "[[listener]]\nbind = \"127.0.0.1:2\"\n");
  EXPECT_EQ(fewer.changed, Changes{});
  EXPECT_EQ(fewer.restart_needed, (Changes{{"listener", "2 entries", "1 entry"}}));
  const ReloadReport swapped = compare_texts(two_listeners, R"([[listener]]
bind = "127.0.0.1:2"
tls.cert = ["/b.pem"]
tls.key = ["/b.key"]
[[listener]]
bind = "127.0.0.1:1"
)");
  EXPECT_EQ(swapped.changed, Changes{});
  EXPECT_EQ(swapped.restart_needed, (Changes{{"listener.0.bind", "\"127.0.0.1:1\"", "\"127.0.0.1:2\""},
                                             {"listener.1.bind", "\"127.0.0.1:2\"", "\"127.0.0.1:1\""}}));
}

TEST(Changes, TlsIsNotSwitchedOnOrOffWhileTheGateRuns) {
  const std::string_view plain = "[admin]\n";
  const std::string_view secured = "[admin]\ntls.cert = [\"/a.pem\"]\ntls.key = [\"/a.key\"]\n";
  for (const auto& [before, after] : {std::pair{plain, secured}, std::pair{secured, plain}}) {
    const ReloadReport report = compare_texts(before, after);
    EXPECT_EQ(report.changed, Changes{});
    EXPECT_EQ(report.restart_needed.size(), 2U);
  }
}

TEST(Changes, MountedRoutesBehindTheOthersStay) {
  const Config in_force = config_of("log.level = \"debug\"");
  Config with_mounted = in_force;
  with_mounted.routes.push_back({.path = "/mounted"});
  take_changes(in_force, config_of(""), with_mounted);
  EXPECT_EQ(with_mounted.log.level, LogLevel::info);
  ASSERT_EQ(with_mounted.routes.size(), 2U);
  EXPECT_EQ(with_mounted.routes[1].path, "/mounted");
}

}  // namespace
}  // namespace ringgate::config
