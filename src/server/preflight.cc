#include "server/preflight.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "base/limits.h"

namespace ringgate::server {
namespace {

// Descriptors that are no connections: rings, listeners, event descriptors, standard streams.
constexpr std::uint64_t other_descriptors = 32;
constexpr std::uint64_t other_descriptors_per_shard = 8 + limits::reserved_descriptors_per_shard;

// Every shard has slots beyond its share of connections: to answer 503, and for the admin port.
constexpr std::uint64_t extra_slots = limits::spare_slots_per_shard + limits::admin_slots_per_shard;

// Connections do not spread evenly, so a shard may hold more than its share by this much.
constexpr std::uint64_t slack_min = 1024;
constexpr std::uint64_t slack_of(std::uint64_t share) { return std::max(share / 4, slack_min); }

// A program that embeds the gate may open files of its own. Sockets then get higher numbers.
constexpr std::uint64_t foreign_descriptors = 4096;

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from > what ? from - what : 0; }

/// How many connections fit, and what the operator can do if those are too few.
struct Capacity {
  std::uint64_t connections = 0;
  std::string cause;  // "the descriptor limit of 20000 with 2 shards"
  std::string remedy;
};

std::string with_shards(const Room& room) {
  return fmt::format("with {} shard{}", room.shards_count, room.shards_count == 1 ? "" : "s");
}

Capacity limited_by_descriptors(std::uint64_t connections, const Room& room) {
  return {connections, fmt::format("the descriptor limit of {} {}", room.descriptors_max, with_shards(room)),
          "raise RLIMIT_NOFILE (LimitNOFILE= in the unit, ulimit -n in a shell)"};
}

/// With direct descriptors, each ring has its own table, bounded by RLIMIT_NOFILE and by the kernel.
Capacity capacity_of_tables(const Room& room) {
  const std::uint64_t sockets = std::min<std::uint64_t>(room.descriptors_max, limits::direct_sockets_max);
  const std::uint64_t connections = less(sockets, extra_slots) * room.shards_count;
  if (sockets == room.descriptors_max) return limited_by_descriptors(connections, room);
  return {connections, fmt::format("the kernel's limit of {} sockets per ring, {}", sockets, with_shards(room)),
          "raise server.shards"};
}

/// Without direct descriptors, all shards share the descriptors of the process.
Capacity capacity_of_process(const Room& room) {
  const std::uint64_t others = other_descriptors + room.shards_count * (other_descriptors_per_shard + extra_slots);
  const std::uint64_t numbers = std::min<std::uint64_t>(room.descriptors_max, limits::slots_per_shard_max);
  const std::uint64_t connections = less(numbers, others);
  if (numbers == room.descriptors_max) return limited_by_descriptors(connections, room);
  return {connections, fmt::format("a shard's limit of {} descriptor numbers, {}", numbers, with_shards(room)),
          "set ring.direct_descriptors = \"auto\""};
}

/// The slots of a shard's table. With process descriptors any shard may get any descriptor number.
std::uint64_t table_size(std::uint64_t connections_max, const Room& room) {
  if (room.direct_descriptors) {
    const std::uint64_t share = (connections_max + room.shards_count - 1) / room.shards_count;
    const std::uint64_t admin_slots =
        less(room.admin_connections_max + limits::spare_admin_connections, limits::admin_slots_per_shard);
    const std::uint64_t wanted = std::min(connections_max, share + slack_of(share)) + extra_slots + admin_slots;
    return std::min<std::uint64_t>({wanted, room.descriptors_max, limits::direct_sockets_max});
  }
  const std::uint64_t numbers =
      connections_max + other_descriptors + foreign_descriptors + room.shards_count * (other_descriptors_per_shard + extra_slots);
  return std::min<std::uint64_t>({numbers, room.descriptors_max, limits::slots_per_shard_max});
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
  const Capacity capacity = room.direct_descriptors ? capacity_of_tables(room) : capacity_of_process(room);
  if (capacity.connections == 0)
    return std::unexpected(
        StartError{ExitCode::system_refused, capacity.cause + " leaves no room for connections", capacity.remedy});
  Fit fit{room.shards_count, connections_max, 0, std::nullopt};
  if (connections_max > capacity.connections) {
    if (is_explicit) {
      return std::unexpected(StartError{ExitCode::system_refused,
                                        fmt::format("limits.max_connections = {} does not fit {}, which allows {}",
                                                    connections_max, capacity.cause, capacity.connections),
                                        "lower it, or " + capacity.remedy});
    }
    fit.connections_max = capacity.connections;
    fit.warning = fmt::format("limits.max_connections lowered from {} to {}: {} allows no more", connections_max,
                              capacity.connections, capacity.cause);
  }
  fit.sockets_per_shard = table_size(fit.connections_max, room);
  return fit;
}

std::uint64_t shards_count(const ServerConfig& config, const CpuShare& share) {
  if (config.shards_count != 0) return config.shards_count;
  const std::uint64_t cpus = config.cpus.empty() ? share.cpus_count : config.cpus.size();
  const std::uint64_t affordable = share.quota ? static_cast<std::uint64_t>(std::ceil(*share.quota)) : cpus;
  return std::clamp<std::uint64_t>(std::min(cpus, affordable), 1, limits::shards_max);
}

std::expected<Fit, StartError> preflight(config::LoadedConfig& loaded, bool direct_descriptors) {
  Config& config = loaded.config;
  const Room room{raise_descriptor_limit(), shards_count(config.server, cpu_share()), direct_descriptors,
                  config.admin.connections_max};
  auto fit = fit_connections(config.limits.connections_max, !loaded.is_default("limits.max_connections"), room);
  if (!fit) return fit;
  config.server.shards_count = fit->shards_count;
  config.limits.connections_max = fit->connections_max;
  return fit;
}

}  // namespace ringgate::server
