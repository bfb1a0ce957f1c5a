// The options of all measuring scenarios: the server, the duration, and whose CPU time to record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ringgate::measure {

struct CommonOptions {
  std::string target;  // 127.0.0.1:8080
  std::string path = "/ws";
  std::string id_prefix = "load-";
  std::uint32_t connections = 64;

  double seconds = 5;
  double warmup = 1;
  std::uint64_t seed = 1;

  int cpu = -1;  // pins this thread; -1: not pinned
  int server_cpu = -1;
  int server_pid = -1;

  bool is_tls = false;
  bool resumes_tls = false;  // handshakes: all but the first of each connection

  std::string json_file;
  bool is_quiet = false;
};

inline constexpr std::uint32_t connections_max = 19'000;
inline constexpr double seconds_max = 24 * 3600.0;

/// The first fault as a sentence in the words of the command line; nothing if there is none.
std::optional<std::string> fault_in_common(const CommonOptions& options);

template <typename Value>
bool is_within(Value value, Value first, Value last) {
  return value >= first && value <= last;  // false for NaN
}

}  // namespace ringgate::measure
