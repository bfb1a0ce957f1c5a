#include "load/measure/processor_time.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace ringgate::measure {
namespace {

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * nanoseconds_per_second + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

ProcessorTime operator-(const ProcessorTime& later, const ProcessorTime& earlier) {
  return {later.user_ns - earlier.user_ns,       later.system_ns - earlier.system_ns, later.irq_ns - earlier.irq_ns,
          later.softirq_ns - earlier.softirq_ns, later.steal_ns - earlier.steal_ns,   later.idle_ns - earlier.idle_ns};
}

unsigned ticks_per_second() {
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0 || nanoseconds(tick) == 0) return 0;
  return static_cast<unsigned>((nanoseconds_per_second + nanoseconds(tick) / 2) / nanoseconds(tick));
}

// Reads "cpu1 user nice system idle iowait irq softirq steal guest guest_nice", see proc(5); user includes guest.
std::optional<ProcessorTime> read_processor(int cpu) {
  std::ifstream file("/proc/stat");
  const std::string wanted = "cpu" + std::to_string(cpu) + " ";
  const std::uint64_t tick = nanoseconds_per_second / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(wanted)) continue;
    std::istringstream fields(line.substr(wanted.size()));
    std::array<std::uint64_t, 8> ticks{};
    for (auto& value : ticks) fields >> value;
    if (!fields) return std::nullopt;
    const auto [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
    return ProcessorTime{(user + nice) * tick, system * tick, irq * tick, softirq * tick, steal * tick, (idle + iowait) * tick};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_process_ns(int pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return std::nullopt;
  return nanoseconds(time);
}

std::optional<std::uint64_t> read_resident_bytes(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(file >> total >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t read_thread_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return nanoseconds(time);
}

bool pin_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace ringgate::measure
