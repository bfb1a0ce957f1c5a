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
  EXPECT_FALSE(fit->warning.has_value());
}

TEST(FitConnections, SizesTheTableByTheShareAndSlackNotByTheTotal) {
  const auto sockets = [](std::uint64_t connections, std::uint64_t shards) {
    const auto fit = fit_connections(connections, true, {.descriptors_max = 1 << 30, .shards_count = shards});
    return fit ? fit->sockets_per_shard : 0;
  };
  EXPECT_EQ(sockets(1000, 3), 1000 + extra) << "a small table has room for all";
  EXPECT_EQ(sockets(100'000, 64), 1563 + 1024 + extra);
  EXPECT_EQ(sockets(4'000'000, 8), 500'000 + 125'000 + extra);
  EXPECT_EQ(sockets(1U << 22, 5), limits::direct_sockets_max) << "no more than the kernel has";
}

TEST(FitConnections, NamesWhatTheKernelHasForOneRing) {
  const Room room{.descriptors_max = 1 << 30, .shards_count = 2};
  EXPECT_TRUE(fit_connections(2 * ((1 << 20) - extra), true, room).has_value());
  const auto fit = fit_connections(3'000'000, true, room);
  ASSERT_FALSE(fit.has_value());
  EXPECT_EQ(
      to_line(fit.error()),
      "ringgate: limits.max_connections = 3000000 does not fit the kernel's limit of 1048576 sockets per ring, with 2 shards, "
      "which allows 2096896; lower it, or raise server.shards");
}

TEST(FitConnections, DoesNotSizeByARawDescriptorLimit) {
  const auto fit = fit_connections(100'000, true, {.descriptors_max = 1 << 30, .shards_count = 4, .direct_descriptors = false});
  ASSERT_TRUE(fit.has_value());
  EXPECT_GT(fit->sockets_per_shard, 100'000U);
  EXPECT_LT(fit->sockets_per_shard, 110'000U);
  const auto refused = fit_connections(1 << 24, true, {.descriptors_max = 1 << 30, .direct_descriptors = false});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().remedy, "lower it, or set ring.direct_descriptors = \"auto\"");
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
  EXPECT_LT(shared->connections_max + 4 * extra, 20'000U);
  EXPECT_EQ(shared->sockets_per_shard, 20'000U) << "a shard may get any of the numbers";
  EXPECT_GT(direct->connections_max, 3 * shared->connections_max);
}

TEST(FitConnections, KeepsToTheSlotsThatATokenCanName) {
  const auto fit = fit_connections(UINT64_MAX / 2, false, {.descriptors_max = UINT64_MAX, .shards_count = 2});
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->sockets_per_shard, limits::direct_sockets_max);
  const auto shared =
      fit_connections(UINT64_MAX / 2, false, {.descriptors_max = UINT64_MAX, .shards_count = 2, .direct_descriptors = false});
  ASSERT_TRUE(shared.has_value());
  EXPECT_EQ(shared->sockets_per_shard, limits::slots_per_shard_max);
}

TEST(FitConnections, RefusesToServeNobody) {
  for (const std::uint64_t descriptors : {std::uint64_t{0}, std::uint64_t{3}, extra}) {
    const auto fit = fit_connections(100, false, {.descriptors_max = descriptors, .shards_count = 1});
    ASSERT_FALSE(fit.has_value());
    EXPECT_EQ(fit.error().exit_code, ExitCode::system_refused);
  }
}

TEST(ShardsCount, FollowsTheSettingThenTheCpus) {
  EXPECT_EQ(shards_count({.shards_count = 3, .cpus = {0}}, {.cpus_count = 8}), 3U);
  EXPECT_EQ(shards_count({.shards_count = 0, .cpus = {0, 5}}, {.cpus_count = 8}), 2U);
  EXPECT_EQ(shards_count({}, {.cpus_count = 8}), 8U);
  EXPECT_EQ(shards_count({}, {.cpus_count = 1000}), limits::shards_max);
  EXPECT_GE(shards_count({}, cpu_share()), 1U);
}

TEST(ShardsCount, PaysForNoMoreShardsThanTheQuotaOfTheControlGroup) {
  EXPECT_EQ(shards_count({}, {.cpus_count = 8, .quota = 2.0}), 2U);
  EXPECT_EQ(shards_count({}, {.cpus_count = 8, .quota = 1.5}), 2U);
  EXPECT_EQ(shards_count({}, {.cpus_count = 8, .quota = 0.1}), 1U);
  EXPECT_EQ(shards_count({}, {.cpus_count = 2, .quota = 7.0}), 2U);
  EXPECT_EQ(shards_count({.shards_count = 0, .cpus = {0, 1, 2}}, {.cpus_count = 8, .quota = 2.0}), 2U);
  EXPECT_EQ(shards_count({.shards_count = 4, .cpus = {}}, {.cpus_count = 8, .quota = 1.0}), 4U) << "what is set holds";
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
