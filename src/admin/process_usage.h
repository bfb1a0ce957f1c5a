// CPU, memory and descriptors that this process uses, as the kernel counts them. Reads, never changes.
#pragma once

#include <cstdint>

namespace ringgate::admin {

/// A value that cannot be read is 0.
struct ProcessUsage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;
  double started_at = 0;               // Unix time
  std::uint64_t descriptors_open = 0;  // process descriptors, without direct descriptors
  std::uint64_t descriptors_max = 0;
};

/// Reads /proc and asks for limits: a few system calls. Any thread.
ProcessUsage read_process_usage();

}  // namespace ringgate::admin
