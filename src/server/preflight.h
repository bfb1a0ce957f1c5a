// Before the first ring opens: raises the descriptor limit and fits `limits.max_connections` to it. Outside its arguments it
// changes only the soft RLIMIT_NOFILE of the process. Start-up only.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "config/load.h"
#include "ringgate/error.h"
#include "server/cpu_share.h"

namespace ringgate::server {

/// The limits that connections must fit.
struct Room {
  std::uint64_t descriptors_max = 0;  // RLIMIT_NOFILE, after raising it
  std::uint64_t shards_count = 1;
  bool direct_descriptors = true;           // each ring has its own table; else all shards share the process's descriptors
  std::uint64_t admin_connections_max = 0;  // they have slots beside the devices' as far as the limit allows
};

/// What fits. `connections_max` is over all shards; `warning`, if any, is the text of one log line.
struct Fit {
  std::uint64_t shards_count = 1;
  std::uint64_t connections_max = 0;
  std::uint64_t sockets_per_shard = 0;  // share, slack, spare and admin slots: RingOptions::sockets_max
  std::optional<std::string> warning;
};

/// Lowers a default limit that does not fit. An explicit one (`is_explicit`) is refused with exit code 71. Pure.
std::expected<Fit, StartError> fit_connections(std::uint64_t connections_max, bool is_explicit, const Room& room);

/// `server.shards` if it is set. Else one shard per CPU in `server.cpus`, or per CPU that this process may run on, but no more
/// than its quota, rounded up (1.5 CPUs: two shards). At least 1.
std::uint64_t shards_count(const ServerConfig& config, const CpuShare& share);

/// Raises the soft RLIMIT_NOFILE to the hard one, and writes the numbers that fit into `loaded.config.limits.connections_max` and
/// `loaded.config.server.shards_count`. `direct_descriptors`: whether rings will use them.
std::expected<Fit, StartError> preflight(config::LoadedConfig& loaded, bool direct_descriptors);

}  // namespace ringgate::server
