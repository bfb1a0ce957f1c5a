// SHA-256 of short texts, without a look-up of the algorithm and without an allocation for each. Any thread.
#pragma once

#include <array>
#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::auth {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(ByteView bytes);

/// Compares in a time that does not depend on the contents.
bool equal_in_constant_time(const Sha256& a, const Sha256& b);

}  // namespace ringgate::auth
