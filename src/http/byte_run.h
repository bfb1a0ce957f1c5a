// How far a head goes on with bytes of one kind: what lets the parser take a name or a value at once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "http/byte_class.h"
#include "ringgate/bytes.h"

namespace ringgate::http {

/// Index of the first byte in `[from, end)` that is in none of `classes`, or `end`. `end <= bytes.size()`.
inline std::size_t end_of_run(ByteView bytes, std::size_t from, std::size_t end, std::uint8_t classes) {
  while (from < end && is_in(bytes[from], classes)) ++from;
  return from;
}

/// Index of the first byte in `[from, end)` that is a control (HTAB too) or DEL, or `end`: what comes before may all stand in a
/// field value. Eight bytes at a time. `end <= bytes.size()`.
inline std::size_t end_of_plain_value(ByteView bytes, std::size_t from, std::size_t end) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x80 * ones;
  while (end - from >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + from, 8);
    // The top bit of a byte of `small` is set where the byte is under 0x20, of `deletes` where it is 0x7f. A borrow can set it
    // wrongly in a byte above one where it is right: the lowest is always right.
    const std::uint64_t small = (eight - 0x20 * ones) & ~eight;
    const std::uint64_t from_delete = eight ^ (0x7f * ones);
    const std::uint64_t deletes = (from_delete - ones) & ~from_delete;
    if (const std::uint64_t stops = (small | deletes) & tops; stops != 0)
      return from + static_cast<std::size_t>(std::countr_zero(stops)) / 8;
    from += 8;
  }
  while (from < end && bytes[from] >= 0x20 && bytes[from] != 0x7f) ++from;
  return from;
}

}  // namespace ringgate::http
