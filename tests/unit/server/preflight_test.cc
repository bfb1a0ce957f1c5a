#include "server/preflight.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/limits.h"

namespace ringgate::server {
namespace {

constexpr std::uint64_t extra = limits::spare_slots_per_shard + limits::admin_slots_per_shard;

TEST(FitConnections, LeavesALimitThatFits) {
  const auto fit = fit_connections(1000, true, {.descriptors_max = 20'000, .shards_count = 3});
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->connections_max, 1000U);
  EXPECT_EQ(fit->sockets_per_shard, 334 + extra);
  EXPECT_FALSE(fit->warning.has_value());
}

TEST(FitConnections, LowersADefaultWithAWarning) {
  const auto fit = fit_connections(100'000, false, {.descriptors_max = 20'000, .shards_count = 2});
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->connections_max, 2 * (20'000 - extra));
  EXPECT_EQ(fit->sockets_per_shard, 20'000U);
  EXPECT_EQ(fit->warning.value(),
            "limits.max_connections lowered from 100000 to 39744: the descriptor limit of 20000 with 2 shards allows no more");
}

TEST(FitConnections, RefusesAnExplicitLimitThatDoesNotFit) {
  const Room room{.descriptors_max = 20'000, .shards_count = 2};
  EXPECT_TRUE(fit_connections(39'744, true, room).has_value());
  const auto fit = fit_connections(39'745, true, room);
  ASSERT_FALSE(fit.has_value());
  EXPECT_EQ(fit.error().exit_code, ExitCode::system_refused);
  EXPECT_EQ(fit.error().cause,
            "limits.max_connections = 39745 does not fit the descriptor limit of 20000 with 2 shards, which allows 39744");
}

TEST(FitConnections, ProcessDescriptorsAreSharedByAllShards) {
  const auto direct = fit_connections(1'000'000, false, {.descriptors_max = 20'000, .shards_count = 4});
  const auto shared =
      fit_connections(1'000'000, false, {.descriptors_max = 20'000, .shards_count = 4, .direct_descriptors = false});
  EXPECT_LT(shared->sockets_per_shard * 4, 20'000U);
  EXPECT_GT(direct->connections_max, 3 * shared->connections_max);
}

TEST(FitConnections, KeepsToTheSlotsThatATokenCanName) {
  const auto fit = fit_connections(UINT64_MAX / 2, false, {.descriptors_max = UINT64_MAX, .shards_count = 2});
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->sockets_per_shard, limits::slots_per_shard_max);
}

TEST(FitConnections, RefusesToServeNobody) {
  for (const std::uint64_t descriptors : {std::uint64_t{0}, std::uint64_t{3}, extra}) {
    const auto fit = fit_connections(100, false, {.descriptors_max = descriptors, .shards_count = 1});
    ASSERT_FALSE(fit.has_value());
    EXPECT_EQ(fit.error().exit_code, ExitCode::system_refused);
  }
}

TEST(ShardsCount, FollowsTheSettingThenTheCpus) {
  EXPECT_EQ(shards_count({.shards_count = 3, .cpus = {0}}), 3U);
  EXPECT_EQ(shards_count({.shards_count = 0, .cpus = {0, 5}}), 2U);
  EXPECT_GE(shards_count({}), 1U);
}

TEST(Preflight, RaisesTheSoftDescriptorLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lowered{before.rlim_max / 2, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  config::LoadedConfig loaded;
  const auto fit = preflight(loaded, true);
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_TRUE(fit.has_value()) << fit.error().cause;
  EXPECT_EQ(loaded.config.limits.connections_max, fit->connections_max);
  EXPECT_EQ(loaded.config.server.shards_count, fit->shards_count);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace ringgate::server
