// The quota of control groups, out of files as the kernel writes them.
#include "server/cpu_share.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ringgate::server {
namespace {

/// A stand-in for /proc and /sys.
class CpuQuota : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(root_); }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << content;
  }
  std::optional<double> quota() const { return cpu_quota(root_); }

 private:
  const std::string root_ = (std::filesystem::temp_directory_path() / ("ringgate-cgroup-" + std::to_string(getpid()))).string();
};

constexpr const char* unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST_F(CpuQuota, IsAbsentWithoutControlGroups) { EXPECT_EQ(quota(), std::nullopt); }

TEST_F(CpuQuota, IsTheSmallestFromTheOwnGroupUp) {
  write("/proc/self/mountinfo", unified);
  write("/proc/self/cgroup", "0::/system.slice/ringgate.service\n");
  write("/sys/fs/cgroup/system.slice/ringgate.service/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4.0);
  write("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1.5);
  write("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/system.slice/ringgate.service/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuota, OfAContainerStandsAtTheTopOfItsMount) {
  write("/proc/self/mountinfo", unified);
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 0.5);
  write("/proc/self/cgroup", "0::/../../elsewhere\n");  // moved since its namespace was made
  EXPECT_EQ(quota(), 0.5);
}

TEST_F(CpuQuota, OfVersionOneIsReadTheSameWay) {
  write("/proc/self/mountinfo",
        "33 29 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "34 29 0:29 /docker/4ab1 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n");
  write("/proc/self/cgroup", "5:memory:/docker/4ab1\n4:cpu,cpuacct:/docker/4ab1\n");
  write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 2.5);
  write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuota, IgnoresFilesThatSayNothingItKnows) {
  write("/proc/self/mountinfo", fmt::format("{}\nnonsense - \n1 2\n", unified));
  write("/proc/self/cgroup", "nonsense\n:\n0::/a\n");
  for (const char* content : {"", "0 0\n", "100000\n", "-5 100000\n", "lots of it\n"}) {
    write("/sys/fs/cgroup/a/cpu.max", content);
    EXPECT_EQ(quota(), std::nullopt) << content;
  }
}

}  // namespace
}  // namespace ringgate::server
