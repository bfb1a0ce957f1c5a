// Reloading a server that runs: what is taken, what is refused as a whole, and where settings come from.
#include "server/reload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "../../support/plain_device.h"
#include "base/log.h"
#include "ringgate/server.h"

namespace ringgate {
namespace {

Config small_config() {
  Config config;
  config.server.shards_count = 2;
  config.listeners = {{.bind = "127.0.0.1:0"}};
  config.admin.bind = "127.0.0.1:0";
  config.routes = {RouteConfig{}};
  config.limits.connections_max = 100;
  config.log.level = LogLevel::off;
  return config;
}

class ServerReload : public testing::Test {
 protected:
  void SetUp() override {
    auto created = Server::create(small_config());
    if (!created && created.error().exit_code == ExitCode::uring_unavailable) GTEST_SKIP() << created.error().cause;
    ASSERT_TRUE(created) << to_line(created.error());
    server = std::move(*created);
  }

  void start() {
    const auto started = server->start();
    ASSERT_TRUE(started) << to_line(started.error());
  }

  std::string metrics() { return test::http_get(server->admin_address(), "/metrics"); }

  std::unique_ptr<Server> server;
};

TEST_F(ServerReload, IsRefusedBeforeTheStart) { EXPECT_FALSE(server->reload()); }

TEST_F(ServerReload, WithoutASourceTheSettingsStay) {
  start();
  const auto report = server->reload();
  ASSERT_TRUE(report) << to_line(report.error());
  EXPECT_EQ(*report, ReloadReport{});
  EXPECT_NE(metrics().find("ringgate_reloads_total{result=\"done\"} 1\n"), std::string::npos);
}

TEST_F(ServerReload, TakesWhatIsLiveAndNamesWhatNeedsARestartEachTime) {
  start();
  Config fresh = small_config();
  fresh.log.level = LogLevel::error;
  fresh.limits.message_bytes_max = 2000;
  fresh.limits.push_bytes_max = 2000;
  const auto report = server->reload(fresh);
  ASSERT_TRUE(report) << to_line(report.error());
  EXPECT_EQ(report->changed, (std::vector<SettingChange>{{"log.level", "\"off\"", "\"error\""}}));
  EXPECT_EQ(report->restart_needed, (std::vector<SettingChange>{{"limits.max_message", "\"1MiB\"", "\"2kB\""},
                                                                {"limits.max_push", "\"1MiB\"", "\"2kB\""}}));
  EXPECT_TRUE(log::enabled(log::Level::error));
  EXPECT_FALSE(log::enabled(log::Level::warning));

  const auto again = server->reload(fresh);
  ASSERT_TRUE(again) << to_line(again.error());
  EXPECT_TRUE(again->changed.empty());
  EXPECT_EQ(again->restart_needed, report->restart_needed);

  const auto back = server->reload(small_config());
  ASSERT_TRUE(back) << to_line(back.error());
  EXPECT_EQ(back->changed, (std::vector<SettingChange>{{"log.level", "\"error\"", "\"off\""}}));
  EXPECT_TRUE(back->restart_needed.empty());
  EXPECT_FALSE(log::enabled(log::Level::error));
}

TEST_F(ServerReload, BadSettingsLeaveEverythingAsItWas) {
  start();
  Config fresh = small_config();
  fresh.log.level = LogLevel::error;
  fresh.drain.closes_per_second = 0;
  const auto report = server->reload(fresh);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().exit_code, ExitCode::bad_configuration);
  EXPECT_FALSE(log::enabled(log::Level::error));
  EXPECT_NE(metrics().find("ringgate_reloads_total{result=\"failed\"} 1\n"), std::string::npos);
}

TEST_F(ServerReload, AsksItsSourceEachTime) {
  int asked = 0;
  server->reload_from([&]() -> std::expected<Config, StartError> {
    if (++asked == 2) return std::unexpected(StartError{ExitCode::bad_configuration, "gone", "bring it back"});
    return small_config();
  });
  start();
  EXPECT_TRUE(server->reload());
  const auto second = server->reload();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().cause, "gone");
  EXPECT_TRUE(server->reload());
  EXPECT_EQ(asked, 3);
}

TEST_F(ServerReload, OfManyThreadsComesOneAfterTheOther) {
  std::atomic<int> inside{0}, overlaps{0};
  server->reload_from([&]() -> std::expected<Config, StartError> {
    if (inside.fetch_add(1) != 0) ++overlaps;
    std::this_thread::yield();
    inside.fetch_sub(1);
    return small_config();
  });
  start();
  std::atomic<int> done{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int round = 0; round < 10; ++round)
          if (server->reload()) ++done;
      });
  }
  EXPECT_EQ(done, 40);
  EXPECT_EQ(overlaps, 0);
}

// -- Parts

server::Prepare part(std::string name, bool fails, std::vector<std::string>& told) {
  return [=, &told](const Config&) -> std::expected<server::Commit, StartError> {
    told.push_back("prepare " + name);
    if (fails) return std::unexpected(StartError{ExitCode::bad_configuration, name, "mend it"});
    return [=, &told] {
      told.push_back("commit " + name);
      return std::vector<SettingChange>{{name, "1", "2"}};
    };
  };
}

TEST(ApplyAll, CommitsAfterAllHavePrepared) {
  std::vector<std::string> told;
  std::vector<server::Prepare> parts;
  parts.push_back(part("a", false, told));
  parts.push_back(part("b", false, told));
  const auto changes = server::apply_all(parts, Config{});
  ASSERT_TRUE(changes);
  EXPECT_EQ(told, (std::vector<std::string>{"prepare a", "prepare b", "commit a", "commit b"}));
  EXPECT_EQ(*changes, (std::vector<SettingChange>{{"a", "1", "2"}, {"b", "1", "2"}}));
}

TEST(ApplyAll, CommitsNothingIfOnePartCannot) {
  std::vector<std::string> told;
  std::vector<server::Prepare> parts;
  parts.push_back(part("a", false, told));
  parts.push_back(part("b", true, told));
  parts.push_back(part("c", false, told));
  const auto changes = server::apply_all(parts, Config{});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().cause, "b");
  EXPECT_EQ(told, (std::vector<std::string>{"prepare a", "prepare b"}));
}

}  // namespace
}  // namespace ringgate
