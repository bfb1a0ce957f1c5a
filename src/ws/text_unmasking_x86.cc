// Unmasking and validating in one pass with AVX-512BW, 64 octets at a time.
//
// Validation by lookup (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021): whatever is wrong in a
// pair of neighbouring octets shows in three of their four half-octets. Each table gives, for one of those, the faults that it
// allows; a fault that all three allow is there. What remains is that a third or fourth octet is a continuation where, and only
// where, one is due: that is the fault "two continuations" turned round.
#if defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <cstring>

#include "ws/masking_kernels.h"

namespace ringgate::ws::masking {
namespace {

constexpr std::size_t block_bytes = 64;

enum Fault : std::uint8_t {
  lead_alone = 1 << 0,         // a lead octet, and no continuation behind it
  stray_continuation = 1 << 1, // ASCII, and a continuation behind it
  overlong_two = 1 << 2,       // C0, C1
  overlong_three = 1 << 3,     // E0 80..9F
  surrogate = 1 << 4,          // ED A0..BF
  too_large = 1 << 5,          // F4 90..BF, and F5..FF 90..BF
  overlong_four_or_too_large = 1 << 6,  // F0 80..8F, and F5..FF 80..8F
  two_continuations = 1 << 7,  // not a fault where a third or fourth octet is due
};

constexpr std::uint8_t of_any_first_low = lead_alone | stray_continuation | two_continuations;
constexpr std::uint8_t of_any_continuation = stray_continuation | overlong_two | two_continuations;

/// By the upper half of the first octet.
constexpr std::array<std::uint8_t, 16> first_high = [] {
  std::array<std::uint8_t, 16> faults{};
  for (unsigned half = 0x0; half <= 0x7; ++half) faults[half] = stray_continuation;
  for (unsigned half = 0x8; half <= 0xB; ++half) faults[half] = two_continuations;
  faults[0xC] = lead_alone | overlong_two;
  faults[0xD] = lead_alone;
  faults[0xE] = lead_alone | overlong_three | surrogate;
  faults[0xF] = lead_alone | too_large | overlong_four_or_too_large;
  return faults;
}();

/// By the lower half of the first octet.
constexpr std::array<std::uint8_t, 16> first_low = [] {
  std::array<std::uint8_t, 16> faults{};
  for (std::uint8_t& each : faults) each = of_any_first_low;
  faults[0x0] |= overlong_two | overlong_three | overlong_four_or_too_large;
  faults[0x1] |= overlong_two;
  faults[0x4] |= too_large;
  for (unsigned half = 0x5; half <= 0xF; ++half) faults[half] |= too_large | overlong_four_or_too_large;
  faults[0xD] |= surrogate;
  return faults;
}();

/// By the upper half of the second octet.
constexpr std::array<std::uint8_t, 16> second_high = [] {
  std::array<std::uint8_t, 16> faults{};
  for (std::uint8_t& each : faults) each = lead_alone;
  faults[0x8] = of_any_continuation | overlong_three | overlong_four_or_too_large;
  faults[0x9] = of_any_continuation | overlong_three | too_large;
  faults[0xA] = faults[0xB] = of_any_continuation | surrogate | too_large;
  return faults;
}();

#define RINGGATE_AVX512BW __attribute__((target("avx512f,avx512bw"), always_inline)) inline

RINGGATE_AVX512BW __m512i in_every_lane(const std::array<std::uint8_t, 16>& table) {
  __m128i lane;
  std::memcpy(&lane, table.data(), sizeof lane);
  return _mm512_maskz_broadcast_i32x4(0xFFFF, lane);  // as g++ 12 warns of the plain one (GCC bug 105593)
}

RINGGATE_AVX512BW __m512i upper_halves(__m512i octets) {
  return _mm512_and_si512(_mm512_srli_epi16(octets, 4), _mm512_set1_epi8(0x0F));
}

/// Nonzero octets where `block`, behind `previous`, is not UTF-8. A character that the block leaves unfinished shows in the next.
RINGGATE_AVX512BW __m512i faults_of(__m512i block, __m512i previous) {
  // alignr works lane by lane, so each lane needs the one before it.
  const __m512i lanes_before = _mm512_permutex2var_epi64(previous, _mm512_setr_epi64(6, 7, 8, 9, 10, 11, 12, 13), block);
  const __m512i one_before = _mm512_alignr_epi8(block, lanes_before, 15);
  const __m512i two_before = _mm512_alignr_epi8(block, lanes_before, 14);
  const __m512i three_before = _mm512_alignr_epi8(block, lanes_before, 13);
  const __m512i pair_faults = _mm512_and_si512(
      _mm512_and_si512(_mm512_shuffle_epi8(in_every_lane(first_high), upper_halves(one_before)),
                       _mm512_shuffle_epi8(in_every_lane(first_low), _mm512_and_si512(one_before, _mm512_set1_epi8(0x0F)))),
      _mm512_shuffle_epi8(in_every_lane(second_high), upper_halves(block)));
  // The high bit is left where a third octet is due (E0 and above two before) or a fourth (F0 and above three before).
  const __m512i due = _mm512_or_si512(_mm512_subs_epu8(two_before, _mm512_set1_epi8(0xE0 - 0x80)),
                                      _mm512_subs_epu8(three_before, _mm512_set1_epi8(0xF0 - 0x80)));
  return _mm512_xor_si512(_mm512_and_si512(due, _mm512_set1_epi8(static_cast<char>(0x80))), pair_faults);
}

}  // namespace

__attribute__((target("avx512f,avx512bw"))) bool unmask_text_avx512bw(std::uint8_t* octets, std::size_t size,
                                                                      MaskingKey key) {
  const __m512i keys = _mm512_set1_epi32(static_cast<int>(key));
  __m512i previous = _mm512_setzero_si512();
  __m512i faults = _mm512_setzero_si512();
  std::uint64_t previous_high = 0;  // which octets of it are no ASCII
  const auto judge = [&](__m512i block) __attribute__((target("avx512f,avx512bw"), always_inline)) {
    const std::uint64_t high = _mm512_movepi8_mask(block);
    if ((high | previous_high >> 61) != 0) faults = _mm512_or_si512(faults, faults_of(block, previous));
    previous = block;
    previous_high = high;
  };
  std::size_t done = 0;
  for (; done + block_bytes <= size; done += block_bytes) {
    const __m512i block = _mm512_xor_si512(_mm512_loadu_si512(octets + done), keys);
    _mm512_storeu_si512(octets + done, block);
    judge(block);
  }
  // The rest, perhaps nothing, is followed by zeros, so that a character left unfinished meets ASCII.
  const __mmask64 rest = (__mmask64{1} << (size - done)) - 1;
  const __m512i block = _mm512_maskz_mov_epi8(rest, _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, octets + done), keys));
  _mm512_mask_storeu_epi8(octets + done, rest, block);
  judge(block);
  return _mm512_test_epi8_mask(faults, faults) == 0;
}

}  // namespace ringgate::ws::masking

#endif
