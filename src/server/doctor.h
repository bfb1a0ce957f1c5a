// `ringgate doctor`: compares this machine with the advised settings. Reads, never changes. Main thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ringgate/error.h"
#include "server/command_line.h"

namespace ringgate::server {

/// Facts about the machine. A kernel setting that cannot be read is absent from `settings`.
struct Machine {
  std::string kernel;
  std::uint64_t cpus_count = 1;
  std::uint64_t descriptors_soft = 0;
  std::uint64_t descriptors_hard = 0;
  std::uint64_t locked_bytes = 0;                            // RLIMIT_MEMLOCK, soft; UINT64_MAX: unlimited
  std::map<std::string, std::string, std::less<>> settings;  // "net.core.somaxconn" -> "4096"
};

/// Reads the facts from /proc and getrlimit.
Machine examine_machine();

enum class Verdict : std::uint8_t { good, improvable, missing };

struct Finding {
  std::string what;
  std::string is;
  std::string advised;
  Verdict verdict = Verdict::good;
};

/// One finding per fact and ring feature. Pure except for the call of `probe`.
std::vector<Finding> diagnose(const Machine& machine, RingProbe probe);

/// The findings as a table for people, columns `what | is | advised | verdict`.
std::string print_findings(const std::vector<Finding>& findings);

/// `fault` if something required is missing, else `success`.
ExitCode exit_code_of(const std::vector<Finding>& findings);

}  // namespace ringgate::server
