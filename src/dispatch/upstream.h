// The sinks that a route's messages go to, as bits: bit 0 is the event stream, bit 1 + i the i-th webhook. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ringgate/config.h"

namespace ringgate::dispatch {

inline constexpr std::uint64_t events_sink = 1;
constexpr std::uint64_t webhook_sink(std::size_t index) { return std::uint64_t{2} << index; }
/// Of what is no message: it goes to every sink, and the sink chooses.
inline constexpr std::uint64_t all_sinks = UINT64_MAX;

/// No bit for a sink that does not exist.
inline std::uint64_t sinks_of(const RouteConfig& route, const std::vector<WebhookConfig>& webhooks) {
  std::uint64_t sinks = 0;
  for (const std::string& name : route.upstream) {
    if (name == "events") sinks |= events_sink;
    for (std::size_t i = 0; i < webhooks.size(); ++i)
      if (name == "webhook:" + webhooks[i].name) sinks |= webhook_sink(i);
  }
  return sinks;
}

}  // namespace ringgate::dispatch
