// Whether a compressed message keeps to the window its sender agreed to (RFC 7692 section 7.1.2).
//
// zlib's inflate does not tell: a reference into what the same call has written is good for it, however far. Its other decoder,
// inflateBack, holds nothing but the window and refuses what points outside, except in its fast loop; so it is fed too few bytes
// at a time to enter that. Slower than inflating, and needed only where less than the full window was agreed to.
#pragma once

#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ws {

/// True if no reference in `payload`, which inflates to `inflated` without fault, goes back more than 2^window_bits bytes or
/// before `history`. Any thread; allocates a decoder for the call.
bool stays_in_window(ByteView payload, ByteView inflated, ByteView history, std::uint8_t window_bits);

}  // namespace ringgate::ws
