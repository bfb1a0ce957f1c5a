// How large an event can be that a device's message makes. Pure; any thread.
#pragma once

#include <cstdint>

#include "ringgate/config.h"

namespace ringgate::config {

/// Bytes of the largest event of a route, in a shard's ring: the message, and beside it a head, an id and groups.
inline std::uint64_t event_bytes_max(const Config& config, const RouteConfig& route) {
  constexpr std::uint64_t beside_message_bytes = 32 * 1024;
  const std::uint64_t own = route.limits.message_bytes_max;
  return (own == inherited ? config.limits.message_bytes_max : own) + beside_message_bytes;
}

}  // namespace ringgate::config
