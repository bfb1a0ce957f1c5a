// What this process uses of the machine, as the kernel counts it.
#pragma once

#include <cstdint>

namespace ringgate::admin {

/// A value that cannot be had is 0.
struct ProcessUsage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;
  std::uint64_t descriptors_open = 0;  // process descriptors; connections on direct descriptors are not among them
  std::uint64_t descriptors_max = 0;
};

/// Three short reads of /proc; any thread.
ProcessUsage read_process_usage();

}  // namespace ringgate::admin
