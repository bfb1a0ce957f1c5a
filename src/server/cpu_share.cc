#include "server/cpu_share.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace ringgate::server {
namespace {

using Quota = std::optional<double>;

/// Where a hierarchy of control groups is mounted, and which group is the top of the mount (in a container its own group).
struct Mount {
  std::string point;
  std::string top;
};

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

/// A quota and its period in microseconds; "max" and negative numbers are no limit.
Quota quota_of(const std::string& quota, const std::string& period) {
  std::istringstream quota_text(quota);
  std::istringstream period_text(period);
  double quota_us = 0;
  double period_us = 0;
  if (!(quota_text >> quota_us) || !(period_text >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_us / period_us;
}

Quota quota_of_group_v2(const std::string& group) {
  const auto line = first_line(group + "/cpu.max");
  if (!line) return std::nullopt;
  const std::size_t space = std::min(line->find(' '), line->size());
  return quota_of(line->substr(0, space), line->substr(space));
}

Quota quota_of_group_v1(const std::string& group) {
  const auto quota = first_line(group + "/cpu.cfs_quota_us");
  const auto period = first_line(group + "/cpu.cfs_period_us");
  return quota && period ? quota_of(*quota, *period) : std::nullopt;
}

bool names_cpu(std::string_view list) { return ("," + std::string(list) + ",").contains(",cpu,"); }

/// The line of /proc/self/mountinfo (proc(5)): ... ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS
std::optional<Mount> find_mount(const std::string& root, std::string_view type) {
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped;
    Mount mount;
    if (!(fields >> skipped >> skipped >> skipped >> mount.top >> mount.point)) continue;
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream rest(line.substr(dash + 3));
    std::string type_here;
    std::string options;
    if (!(rest >> type_here >> skipped >> options) || type_here != type) continue;
    if (type == "cgroup2" || names_cpu(options)) return mount;
  }
  return std::nullopt;
}

/// The group of the process in one hierarchy, read from /proc/self/cgroup: "0::/a/b", or "4:cpu,cpuacct:/a/b" for version 1.
std::optional<std::string> find_group(const std::string& root, std::string_view type) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (type == "cgroup2" ? line.starts_with("0::") : names_cpu(controllers)) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The smallest quota of the process's group and of the groups above it, up to the top of the mount.
template <typename QuotaOfGroup>
Quota smallest_quota(const std::string& root, std::string_view type, const QuotaOfGroup& quota_of_group) {
  const auto mount = find_mount(root, type);
  const auto group = find_group(root, type);
  if (!mount || !group) return std::nullopt;
  std::filesystem::path below = *group;
  // In a container, the path of the group may begin with the host's name of the mounted top.
  if (mount->top != "/" && group->starts_with(mount->top)) below = group->substr(mount->top.size());
  below = below.relative_path().lexically_normal();
  if (!below.empty() && *below.begin() == "..") below.clear();  // a group above the top of this mount
  Quota smallest;
  for (;; below = below.parent_path()) {
    const Quota here = quota_of_group((std::filesystem::path(root + mount->point) / below).string());
    if (here && (!smallest || *here < *smallest)) smallest = here;
    if (below.empty()) return smallest;
  }
}

}  // namespace

std::optional<double> cpu_quota(const std::string& root) {
  const Quota v2 = smallest_quota(root, "cgroup2", quota_of_group_v2);
  const Quota v1 = smallest_quota(root, "cgroup", quota_of_group_v1);
  return v1 && (!v2 || *v1 < *v2) ? v1 : v2;
}

CpuShare cpu_share() { return {std::max(1U, std::thread::hardware_concurrency()), cpu_quota("")}; }

}  // namespace ringgate::server
