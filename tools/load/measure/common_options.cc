#include "load/measure/common_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "load/endpoint.h"

namespace ringgate::measure {
namespace {

std::optional<std::string> fault_in_processors(const CommonOptions& options) {
  const auto processors = static_cast<int>(sysconf(_SC_NPROCESSORS_CONF));
  for (const auto& [name, cpu] : {std::pair{"--cpu", options.cpu}, std::pair{"--server-cpu", options.server_cpu}}) {
    if (cpu < -1 || cpu >= processors)
      return fmt::format("{} {}: this machine has processors 0 to {}", name, cpu, processors - 1);
  }
  if (options.server_pid < -1 || options.server_pid == 0) return "--server-pid must be the number of a process";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> fault_in_common(const CommonOptions& options) {
  if (!load::parse_endpoint(options.target))
    return fmt::format("--target \"{}\" is not an IPv4 address and port such as 127.0.0.1:8080", options.target);
  if (!options.path.starts_with('/')) return "--path must begin with /";
  if (!is_within<std::uint32_t>(options.connections, 1, connections_max))
    return fmt::format("--connections must be from 1 to {}", connections_max);
  if (!is_within(options.seconds, 0.01, seconds_max)) return fmt::format("--seconds must be from 0.01 to {:.0f}", seconds_max);
  if (!is_within(options.warmup, 0.0, seconds_max)) return fmt::format("--warmup must be from 0 to {:.0f}", seconds_max);
  if (options.resumes_tls && !options.is_tls) return "--resume needs --tls";
  return fault_in_processors(options);
}

}  // namespace ringgate::measure
