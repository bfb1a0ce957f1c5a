// Finds the end of a run of bytes of one class, so that the parser takes a name or a value at once.
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

/// Index of the first byte in `[from, end)` that is a control (HTAB too) or DEL, or `end`: a field value may hold every byte
/// before it. Tests eight bytes at a time. `end <= bytes.size()`.
inline std::size_t end_of_plain_value(ByteView bytes, std::size_t from, std::size_t end) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x80 * ones;
  while (end - from >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + from, 8);
    // `small` has a byte's top bit set if the byte is below 0x20, `deletes` if it is 0x7f. A borrow may set top bits above a
    // correct one wrongly, but the lowest set bit is always correct.
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
