// The sinks that a route's messages go to, as bits: bit 0 is the event stream, bit 1 + i the i-th webhook. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "ringgate/config.h"

namespace ringgate::dispatch {

inline constexpr std::uint64_t events_sink = 1;
/// Of what is no message: it goes to every sink, and the sink chooses.
inline constexpr std::uint64_t all_sinks = UINT64_MAX;

/// No bit for a sink that does not exist.
inline std::uint64_t sinks_of(const RouteConfig& route) {
  std::uint64_t sinks = 0;
  for (const std::string& name : route.upstream)
    if (name == "events") sinks |= events_sink;
  return sinks;
}

}  // namespace ringgate::dispatch
