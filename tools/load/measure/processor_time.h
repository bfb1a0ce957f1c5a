// Where processors spend their time: one processor as /proc/stat counts it, a process and this thread by their CPU clocks.
//
// /proc/stat counts what the kernel's tick finds the processor doing, so windows shorter than a second say little. Thread: any.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace ringgate::measure {

/// Since boot, or between two readings. The machine's ticks in nanoseconds.
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

/// How often the kernel's tick comes: the resolution of CLOCK_MONOTONIC_COARSE, see clock_getres(2). 0 if that cannot be read.
unsigned ticks_per_second();

/// CPU time of all threads of a process; nothing when it is gone.
std::optional<std::uint64_t> read_process_ns(int pid);
std::optional<std::uint64_t> read_resident_bytes(int pid);

std::uint64_t read_thread_ns();

/// Keeps this thread on one processor; false when the kernel refuses.
bool pin_thread(int cpu);

}  // namespace ringgate::measure
