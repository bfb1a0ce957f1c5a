// Unmasking kernels for x86-64: AVX2 and AVX-512BW, compiled for any target of the build.
#if defined(__x86_64__)

#include <immintrin.h>

#include "ws/masking.h"
#include "ws/masking_kernels.h"

namespace ringgate::ws::masking {
namespace {

inline constexpr std::size_t block_bytes = 64;

/// 64 bytes in two registers of AVX2.
struct Pair {
  __m256i low;
  __m256i high;
};

__attribute__((target("avx2"), always_inline)) inline Pair load_unmasked(const std::uint8_t* from, __m256i key) {
  const auto* words = reinterpret_cast<const __m256i*>(from);
  return {_mm256_xor_si256(_mm256_loadu_si256(words), key), _mm256_xor_si256(_mm256_loadu_si256(words + 1), key)};
}

__attribute__((target("avx2"), always_inline)) inline void store_pair(std::uint8_t* to, Pair block) {
  auto* words = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(words, block.low);
  _mm256_storeu_si256(words + 1, block.high);
}

}  // namespace

__attribute__((target("avx2"))) bool unmask_avx2(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  if (size < block_bytes) return unmask_short(dst, src, size, key);
  const std::size_t last = size - block_bytes;
  const __m256i front = _mm256_set1_epi32(static_cast<int>(key));
  const Pair tail = load_unmasked(src + last, _mm256_set1_epi32(static_cast<int>(rotate(key, last))));
  __m256i all = _mm256_or_si256(tail.low, tail.high);
  for (std::size_t i = 0; i < last; i += block_bytes) {
    const Pair block = load_unmasked(src + i, front);
    all = _mm256_or_si256(all, _mm256_or_si256(block.low, block.high));
    store_pair(dst + i, block);
  }
  store_pair(dst + last, tail);
  return _mm256_movemask_epi8(all) != 0;
}

__attribute__((target("avx512f,avx512bw"))) bool unmask_avx512bw(std::uint8_t* dst, const std::uint8_t* src, std::size_t size,
                                                                 MaskingKey key) {
  if (size < block_bytes) return unmask_short(dst, src, size, key);
  const std::size_t last = size - block_bytes;
  const __m512i front = _mm512_set1_epi32(static_cast<int>(key));
  const __m512i back = _mm512_set1_epi32(static_cast<int>(rotate(key, last)));
  const __m512i tail = _mm512_xor_si512(_mm512_loadu_si512(src + last), back);
  __m512i all = tail;
  for (std::size_t i = 0; i < last; i += block_bytes) {
    const __m512i block = _mm512_xor_si512(_mm512_loadu_si512(src + i), front);
    all = _mm512_or_si512(all, block);
    _mm512_storeu_si512(dst + i, block);
  }
  _mm512_storeu_si512(dst + last, tail);
  return _mm512_movepi8_mask(all) != 0;
}

}  // namespace ringgate::ws::masking

#endif
