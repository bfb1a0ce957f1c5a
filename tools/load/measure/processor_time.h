// CPU time: of one processor by /proc/stat, of a process and of this thread by their CPU clocks.
//
// /proc/stat samples the processor at the kernel's ticks, so a window shorter than a second says little. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace ringgate::measure {

/// Time since boot, or between two readings: ticks in nanoseconds.
struct ProcessorTime {
  std::uint64_t user_ns = 0;  // with nice
  std::uint64_t system_ns = 0;
  std::uint64_t irq_ns = 0;
  std::uint64_t softirq_ns = 0;
  std::uint64_t steal_ns = 0;
  std::uint64_t idle_ns = 0;  // with iowait

  std::uint64_t busy_ns() const { return user_ns + system_ns + irq_ns + softirq_ns; }
  std::uint64_t total_ns() const { return busy_ns() + steal_ns + idle_ns; }
};
ProcessorTime operator-(const ProcessorTime& later, const ProcessorTime& earlier);

std::optional<ProcessorTime> read_processor(int cpu);

/// The kernel's ticks per second, from the resolution of CLOCK_MONOTONIC_COARSE (clock_getres(2)); 0 if it cannot be read.
unsigned ticks_per_second();

/// CPU time of all threads of a process; nothing if it has ended.
std::optional<std::uint64_t> read_process_ns(int pid);
std::optional<std::uint64_t> read_resident_bytes(int pid);

std::uint64_t read_thread_ns();

/// Pins this thread to one processor; false if the kernel refuses.
bool pin_thread(int cpu);

}  // namespace ringgate::measure
