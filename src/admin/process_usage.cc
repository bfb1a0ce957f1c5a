#include "admin/process_usage.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>

namespace ringgate::admin {
namespace {

double seconds_of(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

std::uint64_t count_descriptors() {
  constexpr const char* directory = "/proc/self/fd";
  // Since Linux 6.2 the size of the directory is the number of descriptors. Before, it is 0 and the entries must be counted.
  struct stat entry{};
  if (stat(directory, &entry) == 0 && entry.st_size > 0) return static_cast<std::uint64_t>(entry.st_size);
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) ++count;
  return count;
}

/// The kernel tells it in ticks since it booted: field 22, the 20th behind the command's name, which may hold anything.
double read_start() {
  std::ifstream file("/proc/self/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = stat.rfind(')');
  timespec since_boot{}, now{};
  if (name_end == std::string::npos || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0 ||
      clock_gettime(CLOCK_REALTIME, &now) != 0)
    return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  for (int i = 0; i < 20; ++i) fields.ignore(std::numeric_limits<std::streamsize>::max(), ' ');
  std::uint64_t ticks = 0;
  if (!(fields >> ticks)) return 0;
  const auto seconds = [](const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  return seconds(now) - seconds(since_boot) + static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessUsage read_process_usage() {
  ProcessUsage usage;
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> virtual_pages >> resident_pages) {
    const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    usage.virtual_bytes = virtual_pages * page_bytes;
    usage.resident_bytes = resident_pages * page_bytes;
  }
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  usage.descriptors_open = count_descriptors();
  static const double started_at = read_start();  // as if the wall clock had never been set
  usage.started_at = started_at;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.descriptors_max = limit.rlim_cur;
  return usage;
}

}  // namespace ringgate::admin
