// Unmasks and validates in one pass with AVX-512BW, 64 bytes at a time.
//
// Validation by lookup (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021): every fault in a pair
// of neighbouring bytes shows in three of their four half-bytes. Each table gives the faults that one half-byte allows; a fault
// that all three allow has happened. One rule remains: there are two continuations in a row exactly where a third or fourth byte
// is due. So the fault "two continuations" is inverted where one is due.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ws/masking.h"
#include "ws/masking_kernels.h"

namespace ringgate::ws::masking {
namespace {

constexpr std::size_t block_bytes = 64;

enum Fault : std::uint8_t {
  lead_alone = 1 << 0,                  // a lead byte without a continuation behind it
  stray_continuation = 1 << 1,          // ASCII with a continuation behind it
  overlong_two = 1 << 2,                // C0, C1
  overlong_three = 1 << 3,              // E0 80..9F
  surrogate = 1 << 4,                   // ED A0..BF
  too_large = 1 << 5,                   // F4 90..BF, and F5..FF 90..BF
  overlong_four_or_too_large = 1 << 6,  // F0 80..8F, and F5..FF 80..8F
  two_continuations = 1 << 7,           // not a fault where a third or fourth byte is due
};

constexpr std::uint8_t of_any_first_low = lead_alone | stray_continuation | two_continuations;
constexpr std::uint8_t of_any_continuation = stray_continuation | overlong_two | two_continuations;

/// By the upper half of the first byte.
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

/// By the lower half of the first byte.
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

/// By the upper half of the second byte.
constexpr std::array<std::uint8_t, 16> second_high = [] {
  std::array<std::uint8_t, 16> faults{};
  for (std::uint8_t& each : faults) each = lead_alone;
  faults[0x8] = of_any_continuation | overlong_three | overlong_four_or_too_large;
  faults[0x9] = of_any_continuation | overlong_three | too_large;
  faults[0xA] = faults[0xB] = of_any_continuation | surrogate | too_large;
  return faults;
}();

#define RINGGATE_AVX512BW __attribute__((target("avx512f,avx512bw"), always_inline)) inline

/// Keeps a constant in a register: g++ 12 would rebuild it in each round, on the port that the shuffles need.
RINGGATE_AVX512BW __m512i kept(__m512i constant) {
  __asm__("" : "+v"(constant));
  return constant;
}

RINGGATE_AVX512BW __m512i in_every_byte(std::uint8_t value) { return kept(_mm512_set1_epi8(static_cast<char>(value))); }

RINGGATE_AVX512BW __m512i in_every_lane(const std::array<std::uint8_t, 16>& table) {
  __m128i lane;
  std::memcpy(&lane, table.data(), sizeof lane);
  return kept(_mm512_maskz_broadcast_i32x4(0xFFFF, lane));  // g++ 12 warns of the unmasked form (GCC bug 105593)
}

/// Validates a text block by block; does almost nothing for ASCII.
class Validator {
 public:
  RINGGATE_AVX512BW Validator() = default;

  template <std::size_t count>
  RINGGATE_AVX512BW void take(const __m512i (&blocks)[count]) {
    __m512i all = blocks[0];
    for (std::size_t i = 1; i < count; ++i) all = _mm512_or_si512(all, blocks[i]);
    if (ends_in_ascii_ && _mm512_movepi8_mask(all) == 0) {
      previous_ = blocks[count - 1];
      return;
    }
    for (const __m512i block : blocks) judge(block);
    ends_in_ascii_ = _mm512_movepi8_mask(previous_) >> 61 == 0;
  }

  /// True if the blocks so far are valid. A character that the last block leaves unfinished shows only in the next one.
  RINGGATE_AVX512BW bool valid() const { return _mm512_test_epi8_mask(faults_, faults_) == 0; }

 private:
  RINGGATE_AVX512BW __m512i upper_halves(__m512i bytes) const {
    return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), lower_half_);
  }

  RINGGATE_AVX512BW void judge(__m512i block) {
    // alignr works in each lane on its own, so each lane needs the lane before it.
    const __m512i lanes_before = _mm512_permutex2var_epi64(previous_, lane_before_, block);
    const __m512i one_before = _mm512_alignr_epi8(block, lanes_before, 15);
    const __m512i two_before = _mm512_alignr_epi8(block, lanes_before, 14);
    const __m512i three_before = _mm512_alignr_epi8(block, lanes_before, 13);
    const __m512i pair_faults =
        _mm512_and_si512(_mm512_and_si512(_mm512_shuffle_epi8(first_high_, upper_halves(one_before)),
                                          _mm512_shuffle_epi8(first_low_, _mm512_and_si512(one_before, lower_half_))),
                         _mm512_shuffle_epi8(second_high_, upper_halves(block)));
    // The high bit is set where a third byte is due (E0 or above two bytes before) or a fourth (F0 or above three bytes before).
    const __m512i due = _mm512_or_si512(_mm512_subs_epu8(two_before, third_due_), _mm512_subs_epu8(three_before, fourth_due_));
    faults_ = _mm512_or_si512(faults_, _mm512_xor_si512(_mm512_and_si512(due, high_bit_), pair_faults));
    previous_ = block;
  }

  const __m512i first_high_ = in_every_lane(first_high);
  const __m512i first_low_ = in_every_lane(first_low);
  const __m512i second_high_ = in_every_lane(second_high);
  const __m512i lower_half_ = in_every_byte(0x0F);
  const __m512i third_due_ = in_every_byte(0xE0 - 0x80);
  const __m512i fourth_due_ = in_every_byte(0xF0 - 0x80);
  const __m512i high_bit_ = in_every_byte(0x80);
  const __m512i lane_before_ = kept(_mm512_setr_epi64(6, 7, 8, 9, 10, 11, 12, 13));

  __m512i previous_ = _mm512_setzero_si512();
  __m512i faults_ = _mm512_setzero_si512();  // nonzero bytes: not UTF-8
  bool ends_in_ascii_ = true;                // the last three bytes of `previous_`
};

}  // namespace

/// Works in aligned blocks, four at a time, because a block across two cache lines takes twice as long, and a payload may begin
/// anywhere. The bytes beside the payload in the first and the last block are neither read nor written; they count as zeros:
/// ASCII.
__attribute__((target("avx512f,avx512bw"))) bool unmask_text_avx512bw(std::uint8_t* bytes, std::size_t size, MaskingKey key) {
  Validator validator;
  const std::size_t before = reinterpret_cast<std::uintptr_t>(bytes) % block_bytes;
  const __m512i keys = _mm512_set1_epi32(static_cast<int>(rotate(key, block_bytes - before)));
  std::uint8_t* at = bytes - before;
  std::size_t left = before + size;  // from `at` on

  const auto take_part = [&](std::size_t begin, std::size_t end) __attribute__((target("avx512f,avx512bw"), always_inline)) {
    const __mmask64 up_to_end = end == block_bytes ? ~__mmask64{0} : (__mmask64{1} << end) - 1;
    const __mmask64 ours = up_to_end & ~__mmask64{0} << begin;
    const __m512i block = _mm512_maskz_mov_epi8(ours, _mm512_xor_si512(_mm512_maskz_loadu_epi8(ours, at), keys));
    _mm512_mask_storeu_epi8(at, ours, block);
    validator.take<1>({block});
  };
  const auto take_whole = [&]<std::size_t count>() __attribute__((target("avx512f,avx512bw"), always_inline)) {
    for (; left >= count * block_bytes; at += count * block_bytes, left -= count * block_bytes) {
      __m512i blocks[count];
      for (std::size_t i = 0; i < count; ++i) blocks[i] = _mm512_xor_si512(_mm512_load_si512(at + i * block_bytes), keys);
      for (std::size_t i = 0; i < count; ++i) _mm512_store_si512(at + i * block_bytes, blocks[i]);
      validator.take(blocks);
    }
  };

  if (before != 0) {
    const std::size_t end = std::min(left, block_bytes);
    take_part(before, end);
    at += block_bytes;
    left -= end;
  }
  take_whole.template operator()<4>();
  take_whole.template operator()<1>();
  take_part(0, left);  // even if nothing is left: zeros must follow the text
  return validator.valid();
}

}  // namespace ringgate::ws::masking

#endif
