// The vector kernels behind masking.h and text_unmasking.h; not for use elsewhere. Each takes any size, is exact, and needs the
// machine it is named after.
//
// One shape for all of masking.h: the last block is loaded before the loop and stored after it, so that the loop runs over
// whole blocks only and the overlap between its last block and the tail is never unmasked twice.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ws/frame_format.h"

namespace ringgate::ws::masking {

#if defined(__x86_64__)
bool unmask_avx2(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key);
bool unmask_avx512bw(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key);
bool unmask_text_avx512bw(std::uint8_t* bytes, std::size_t size, MaskingKey key);
#elif defined(__aarch64__)
bool unmask_neon(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key);
#endif

}  // namespace ringgate::ws::masking
