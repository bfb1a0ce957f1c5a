// The pushes scenario: pushes messages to devices through the admin port, and checks that each arrives once, in order and
// unchanged.
//
// This program opens the devices and the admin connections, on one thread. Modes: one (all to the same device), many (to all
// devices in turn), broadcast (each push to all).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "load/histogram.h"
#include "load/measure/common_options.h"
#include "load/measure/run_result.h"

namespace ringgate::measure {

enum class PushMode : std::uint8_t { one, many, broadcast };
const char* name_of(PushMode mode);

struct PushOptions : CommonOptions {  // connections: the devices
  std::string admin;
  PushMode mode = PushMode::one;
  std::uint32_t pipeline = 16;  // pushes under way on an admin connection
  std::uint32_t lines = 1;      // admin connections
  std::size_t size = 64;
};

inline constexpr std::uint32_t pipeline_max = 1024;
inline constexpr std::uint32_t lines_max = 64;
inline constexpr std::size_t push_size_max = 64 * 1024;

std::optional<std::string> fault_in(const PushOptions& options);

struct PushResult {
  DurationNs window = 0;
  std::uint64_t pushes = 0;        // answered with success in the window
  std::uint64_t deliveries = 0;    // arrived in the window
  std::uint64_t pushes_total = 0;  // in the whole run
  std::uint64_t deliveries_total = 0;
  std::uint64_t promised_total = 0;      // deliveries that the answers reported
  std::map<int, std::uint64_t> refused;  // answers with another status
  load::Histogram arrival;               // from the push to the arrival at a device
  load::Histogram answer;                // from the push to its answer
  ClientFigures client;
  ServerFigures server;
  std::uint64_t connect_failures = 0;
  std::uint64_t errors = 0;
  std::string error_text;
  bool could_run = true;

  int exit_code() const { return !could_run ? 2 : errors != 0 ? 1 : 0; }
};

PushResult run_pushes(const PushOptions& options);

}  // namespace ringgate::measure
