// Before the first ring: raises the descriptor limit and makes `limits.max_connections` fit it. Changes the process's soft
// RLIMIT_NOFILE and nothing else of the world.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "config/load.h"
#include "ringgate/error.h"
#include "server/cpu_share.h"

namespace ringgate::server {

/// What connections must fit into.
struct Room {
  std::uint64_t descriptors_max = 0;  // RLIMIT_NOFILE, after raising it
  std::uint64_t shards_count = 1;
  bool direct_descriptors = true;           // each ring has a table of its own; else all shards share the process's descriptors
  std::uint64_t admin_connections_max = 0;  // they get slots beside the devices', where the limit leaves some
};

/// What a start may count on. `connections_max` is over all shards; `warning`, if any, is for one log line.
struct Fit {
  std::uint64_t shards_count = 1;
  std::uint64_t connections_max = 0;
  std::uint64_t sockets_per_shard = 0;  // the share, slack, the spare and the admin slots: RingOptions::sockets_max
  std::optional<std::string> warning;
};

/// Lowers a default limit that does not fit; an explicit one (`is_explicit`) is refused with exit code 71. Pure.
std::expected<Fit, StartError> fit_connections(std::uint64_t connections_max, bool is_explicit, const Room& room);

/// One shard per CPU given, else per CPU this process may run on, but no more than its quota pays for (1.5 CPUs: two shards);
/// unless `server.shards` says. At least 1.
std::uint64_t shards_count(const ServerConfig& config, const CpuShare& share);

/// Raises soft RLIMIT_NOFILE to the hard limit, and puts what fits into `loaded.config.limits.connections_max` and
/// `loaded.config.server.shards_count`. `direct_descriptors`: what the probe found, already masked by the settings.
std::expected<Fit, StartError> preflight(config::LoadedConfig& loaded, bool direct_descriptors);

}  // namespace ringgate::server
