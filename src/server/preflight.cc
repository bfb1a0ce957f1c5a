#include "server/preflight.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/limits.h"

namespace ringgate::server {
namespace {

// Beside its connections a process holds its rings, listeners, event descriptors and standard streams.
constexpr std::uint64_t other_descriptors = 32;
constexpr std::uint64_t other_descriptors_per_shard = 8;

// Every shard has slots beyond its share: to answer 503, and for the admin port.
constexpr std::uint64_t extra_slots = limits::spare_slots_per_shard + limits::admin_slots_per_shard;

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from > what ? from - what : 0; }

/// Sockets that one shard can hold: a table per ring is bounded by RLIMIT_NOFILE on its own, process descriptors are shared.
std::uint64_t sockets_per_shard_max(const Room& room) {
  const std::uint64_t own = less(room.descriptors_max, other_descriptors + room.shards_count * other_descriptors_per_shard);
  const std::uint64_t sockets = room.direct_descriptors ? room.descriptors_max : own / room.shards_count;
  return std::min<std::uint64_t>(sockets, limits::slots_per_shard_max);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

}  // namespace

std::expected<Fit, StartError> fit_connections(std::uint64_t connections_max, bool is_explicit, const Room& room) {
  const std::uint64_t share_max = less(sockets_per_shard_max(room), extra_slots);
  const std::uint64_t fitting = share_max * room.shards_count;
  const std::string limit = fmt::format("the descriptor limit of {} with {} shard{}", room.descriptors_max, room.shards_count,
                                        room.shards_count == 1 ? "" : "s");
  if (fitting == 0) {
    return std::unexpected(StartError{ExitCode::system_refused, limit + " leaves no room for connections",
                                      "raise RLIMIT_NOFILE (LimitNOFILE= in the unit, ulimit -n in a shell)"});
  }
  Fit fit{room.shards_count, connections_max, 0, std::nullopt};
  if (connections_max > fitting) {
    if (is_explicit) {
      return std::unexpected(
          StartError{ExitCode::system_refused,
                     fmt::format("limits.max_connections = {} does not fit {}, which allows {}", connections_max, limit, fitting),
                     "lower it, or raise RLIMIT_NOFILE (LimitNOFILE= in the unit, ulimit -n in a shell)"});
    }
    fit.connections_max = fitting;
    fit.warning = fmt::format("limits.max_connections lowered from {} to {}: {} allows no more", connections_max, fitting, limit);
  }
  fit.sockets_per_shard = (fit.connections_max + room.shards_count - 1) / room.shards_count + extra_slots;
  return fit;
}

std::uint64_t shards_count(const ServerConfig& config) {
  if (config.shards_count != 0) return config.shards_count;
  const std::uint64_t cpus = config.cpus.empty() ? std::thread::hardware_concurrency() : config.cpus.size();
  return std::clamp<std::uint64_t>(cpus, 1, limits::shards_max);
}

std::expected<Fit, StartError> preflight(config::LoadedConfig& loaded, bool direct_descriptors) {
  Config& config = loaded.config;
  const Room room{raise_descriptor_limit(), shards_count(config.server), direct_descriptors};
  auto fit = fit_connections(config.limits.connections_max, !loaded.is_default("limits.max_connections"), room);
  if (!fit) return fit;
  config.server.shards_count = fit->shards_count;
  config.limits.connections_max = fit->connections_max;
  return fit;
}

}  // namespace ringgate::server
