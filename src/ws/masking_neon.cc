// The unmasking kernel for AArch64, where every machine has NEON.
#if defined(__aarch64__)

#include <arm_neon.h>

#include "ws/masking.h"
#include "ws/masking_kernels.h"

namespace ringgate::ws::masking {
namespace {

inline constexpr std::size_t block_bytes = 64;

inline uint8x16x4_t load_unmasked(const std::uint8_t* from, uint8x16_t key) {
  return {{veorq_u8(vld1q_u8(from), key), veorq_u8(vld1q_u8(from + 16), key), veorq_u8(vld1q_u8(from + 32), key),
           veorq_u8(vld1q_u8(from + 48), key)}};
}

inline void store_block(std::uint8_t* to, const uint8x16x4_t& block) {
  for (int i = 0; i < 4; ++i) vst1q_u8(to + 16 * i, block.val[i]);
}

inline uint8x16_t join(const uint8x16x4_t& block) {
  return vorrq_u8(vorrq_u8(block.val[0], block.val[1]), vorrq_u8(block.val[2], block.val[3]));
}

}  // namespace

bool unmask_neon(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  if (size < block_bytes) return unmask_short(dst, src, size, key);
  const std::size_t last = size - block_bytes;
  const uint8x16_t front = vreinterpretq_u8_u32(vdupq_n_u32(key));
  const uint8x16x4_t tail = load_unmasked(src + last, vreinterpretq_u8_u32(vdupq_n_u32(rotate(key, last))));
  uint8x16_t all = join(tail);
  for (std::size_t i = 0; i < last; i += block_bytes) {
    const uint8x16x4_t block = load_unmasked(src + i, front);
    all = vorrq_u8(all, join(block));
    store_block(dst + i, block);
  }
  store_block(dst + last, tail);
  return vmaxvq_u8(all) >= 0x80;
}

}  // namespace ringgate::ws::masking

#endif
