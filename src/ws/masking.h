// Unmasking (RFC 6455 section 5.3), together with a test whether the result is pure ASCII: an ASCII text needs no validation.
//
// Every function is exact: it reads and writes the payload's bytes and no others. (Storing whole vectors over the bytes behind
// the payload would make the loads of the next frame wait for that store to retire.) Up to 64 bytes are unmasked inline by loads
// that overlap in the middle; longer payloads go to a kernel that is chosen once at run time. Precondition: source and
// destination are the same memory or do not overlap.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "ringgate/bytes.h"
#include "ws/frame_format.h"

namespace ringgate::ws {

/// dst[i] = src[i] XOR byte i % 4 of `key`, for i < size; returns whether any result is ≥ 0x80.
using UnmaskFunction = bool (*)(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key);

struct MaskingKernel {
  const char* name;
  UnmaskFunction unmask;
};

/// The kernels that this machine can run; the first is the scalar reference, the last one is in use. Any thread.
std::span<const MaskingKernel> masking_kernels();

inline constexpr std::size_t unmask_inline_bytes_max = 64;

namespace masking {

/// The kernel for more than unmask_inline_bytes_max bytes. The first call sets it; relaxed: it publishes nothing else.
extern std::atomic<UnmaskFunction> kernel;

using Lanes = std::uint64_t __attribute__((vector_size(16)));  // one SSE2 or NEON register

template <typename Word>
Word load(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

template <typename Word>
void store(std::uint8_t* to, Word word) {
  std::memcpy(to, &word, sizeof word);
}

template <typename Word>
Word repeat(MaskingKey key) {
  const std::uint64_t twice = key | (std::uint64_t{key} << 32);
  if constexpr (sizeof(Word) == sizeof(Lanes)) {
    return Lanes{twice, twice};
  } else {
    return static_cast<Word>(twice);
  }
}

inline bool any_high_bit(std::uint64_t bytes) { return (bytes & 0x8080808080808080U) != 0; }
inline bool any_high_bit(Lanes bytes) { return any_high_bit(bytes[0] | bytes[1]); }

/// The key for the payload from byte `offset` on.
inline MaskingKey rotate(MaskingKey key, std::size_t offset) { return std::rotr(key, static_cast<int>(8 * (offset % 4))); }

/// For sizeof(Word) ≤ size ≤ 2 * sizeof(Word): one word from each end; loads both before it stores either.
template <typename Word>
bool unmask_two(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  const std::size_t last = size - sizeof(Word);
  const Word head = load<Word>(src) ^ repeat<Word>(key);
  const Word tail = load<Word>(src + last) ^ repeat<Word>(rotate(key, last));
  store(dst, head);
  store(dst + last, tail);
  return any_high_bit(head | tail);
}

/// For 32 ≤ size ≤ 64: two vectors from each end.
inline bool unmask_four(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  const std::size_t last = size - 2 * sizeof(Lanes);
  const Lanes front = repeat<Lanes>(key);
  const Lanes back = repeat<Lanes>(rotate(key, last));
  const Lanes a = load<Lanes>(src) ^ front;
  const Lanes b = load<Lanes>(src + sizeof(Lanes)) ^ front;
  const Lanes c = load<Lanes>(src + last) ^ back;
  const Lanes d = load<Lanes>(src + last + sizeof(Lanes)) ^ back;
  store(dst, a);
  store(dst + sizeof(Lanes), b);
  store(dst + last, c);
  store(dst + last + sizeof(Lanes), d);
  return any_high_bit(a | b | c | d);
}

/// For 1 ≤ size ≤ 3: first, middle and last byte, which may be the same.
inline bool unmask_bytes(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  const auto unmasked = [&](std::size_t i) { return static_cast<std::uint8_t>(src[i] ^ (key >> (8 * i))); };
  const std::uint8_t first = unmasked(0);
  const std::uint8_t middle = unmasked(size / 2);
  const std::uint8_t last = unmasked(size - 1);
  dst[0] = first;
  dst[size / 2] = middle;
  dst[size - 1] = last;
  return ((first | middle | last) & 0x80) != 0;
}

/// For at most unmask_inline_bytes_max bytes.
inline bool unmask_short(std::uint8_t* dst, const std::uint8_t* src, std::size_t size, MaskingKey key) {
  if (size >= 32) return unmask_four(dst, src, size, key);
  if (size >= 16) return unmask_two<Lanes>(dst, src, size, key);
  if (size >= 8) return unmask_two<std::uint64_t>(dst, src, size, key);
  if (size >= 4) return unmask_two<std::uint32_t>(dst, src, size, key);
  return size != 0 && unmask_bytes(dst, src, size, key);
}

}  // namespace masking

/// Unmasks `src` into `dst`, which has room for as many bytes and is the same memory or does not overlap. `phase`: the number of
/// payload bytes before `src`; only its value modulo 4 counts. Returns whether any result is ≥ 0x80. Any thread; does not
/// allocate.
inline bool unmask_copy(std::uint8_t* dst, ByteView src, MaskingKey key, std::size_t phase = 0) {
  const MaskingKey rotated = masking::rotate(key, phase);
  if (src.size() <= unmask_inline_bytes_max) return masking::unmask_short(dst, src.data(), src.size(), rotated);
  return masking::kernel.load(std::memory_order_relaxed)(dst, src.data(), src.size(), rotated);
}

/// As unmask_copy, in place.
inline bool unmask(MutableBytes payload, MaskingKey key, std::size_t phase = 0) {
  return unmask_copy(payload.data(), payload, key, phase);
}

}  // namespace ringgate::ws
