// Plays a case in a world.
#pragma once

#include <cstdint>
#include <string>

#include "delivery.h"
#include "list.h"
#include "verdict.h"
#include "world.h"

namespace ringgate::abuse {

/// Plays all steps in segments as `delivery` has them, and looks at the connection until it has ended or come to rest.
/// The world is prepared.
Outcome play(World& world, const Case& one, const Delivery& delivery);

/// Plays and judges: what is wrong; empty: nothing.
std::string play_and_judge(World& world, const Case& one, const Delivery& delivery);

/// A good device connects and is echoed: what is wrong; empty: nothing.
std::string check_fresh_connection(World& world);

}  // namespace ringgate::abuse
