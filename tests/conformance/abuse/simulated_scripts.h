// Rows of the list that no line of octets can say: loops, floods, clocks and rings of odd sizes. On the simulated gate.
#pragma once

#include "runner.h"
#include "simulated_world.h"

namespace ringgate::abuse {

/// By row id. `world` outlives them.
std::map<std::string, Script, std::less<>> simulated_scripts(SimulatedWorld& world, std::uint64_t seed);

}  // namespace ringgate::abuse
