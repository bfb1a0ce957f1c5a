// Constants of permessage-deflate for both directions (RFC 7692 section 7).
#pragma once

#include <array>
#include <cstdint>

namespace ringgate::ws {

/// A window has 2^bits bytes (section 7.1.2).
inline constexpr std::uint8_t window_bits_min = 8;
inline constexpr std::uint8_t window_bits_max = 15;

/// The length fields of an empty stored block. A sender omits them at the end of each message (section 7.2.1).
inline constexpr std::array<std::uint8_t, 4> flush_tail{0x00, 0x00, 0xFF, 0xFF};

}  // namespace ringgate::ws
