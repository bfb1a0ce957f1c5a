// How much CPU this process may use: the CPUs it may run on, and the quota of its control groups. Reads only. Start-up only.
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

/// The smallest quota of the process's control group and of the groups above it, as far as they are visible: version 2 (cpu.max)
/// and version 1 (cpu.cfs_quota_us). `root`: prefix of /proc and /sys for tests; else "".
std::optional<double> cpu_quota(const std::string& root);

}  // namespace ringgate::server
