// Steps that the rows in code share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bytes.h"
#include "simulated_world.h"

namespace ringgate::abuse {

inline constexpr DurationNs milliseconds(std::uint64_t count) { return count * nanoseconds_per_millisecond; }
inline constexpr DurationNs seconds(std::uint64_t count) { return count * nanoseconds_per_second; }

/// A device with an accepted handshake on the world's gate.
inline simulated::DeviceClient online_device(SimulatedWorld& world, const std::string& id) {
  simulated::DeviceClient client(world.gate().connect());
  client.open(id);
  world.gate().settle();
  client.read();
  EXPECT_EQ(client.status(), 101) << id;
  return client;
}

/// Every connection must have been given up by its peer before.
inline void expect_nothing_left(SimulatedWorld& world) {
  world.gate().pass(seconds(30));
  world.gate().expect_nothing_left();
}

}  // namespace ringgate::abuse
