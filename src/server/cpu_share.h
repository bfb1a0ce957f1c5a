// How much CPU this process may use: the CPUs it may run on, and the quota of its control groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ringgate::server {

struct CpuShare {
  std::uint64_t cpus_count = 1;
  std::optional<double> quota;  // in CPUs: 1.5; absent: no limit
};

CpuShare cpu_share();

/// The smallest quota of the process's control group and the groups above it, of version 2 (cpu.max) and version 1
/// (cpu.cfs_quota_us), as far as they can be seen from here. `root`: where the files of /proc and /sys are, for tests; else "".
std::optional<double> cpu_quota(const std::string& root);

}  // namespace ringgate::server
