// The vector kernels of masking.h and text_unmasking.h; for those alone. Each takes any size, is exact, and needs a machine with
// the instructions that its name says.
//
// The kernels of masking.h load the last block before the loop and store it after the loop. So the loop has only whole blocks,
// and the overlap of its last block with the tail is never unmasked twice.
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
