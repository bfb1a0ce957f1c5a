// UTF-8 decoded byte by byte into scalar values, straight from the table of RFC 3629 section 3: the slow
// reference.
#pragma once

#include <cstdint>
#include <string>

#include "ringgate/bytes.h"

namespace ringgate::ws::testing {

enum class Utf8Verdict { valid, truncated, invalid };

/// invalid: no bytes appended can make it valid.
inline Utf8Verdict reference_utf8(ByteView text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint32_t lead = text[i];
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0) return Utf8Verdict::invalid;
    const std::uint32_t lead_bits = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    // The characters that may follow: any value of the missing bits. Invalid if none of them is a scalar
    // value of this length.
    std::uint32_t lowest = lead_bits;
    std::uint32_t highest = lead_bits;
    bool cut = false;
    for (std::size_t k = 1; k < length; ++k) {
      cut = cut || i + k >= text.size();
      const std::uint32_t byte = cut ? 0 : text[i + k];
      if (!cut && byte >> 6 != 2) return Utf8Verdict::invalid;
      lowest = lowest << 6 | (cut ? 0 : byte & 0x3F);
      highest = highest << 6 | (cut ? 0x3F : byte & 0x3F);
    }
    const std::uint32_t first_of_length = length == 1 ? 0 : length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    if (highest < first_of_length || lowest > 0x10FFFF) return Utf8Verdict::invalid;
    if (lowest >= 0xD800 && highest <= 0xDFFF) return Utf8Verdict::invalid;
    if (cut) return Utf8Verdict::truncated;
    i += length;
  }
  return Utf8Verdict::valid;
}

inline std::string encode_utf8(std::uint32_t scalar) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (scalar < 0x80) return {byte(scalar)};
  if (scalar < 0x800) return {byte(0xC0 | scalar >> 6), byte(0x80 | (scalar & 0x3F))};
  if (scalar < 0x10000) {
    return {byte(0xE0 | scalar >> 12), byte(0x80 | (scalar >> 6 & 0x3F)), byte(0x80 | (scalar & 0x3F))};
  }
  return {byte(0xF0 | scalar >> 18), byte(0x80 | (scalar >> 12 & 0x3F)), byte(0x80 | (scalar >> 6 & 0x3F)),
          byte(0x80 | (scalar & 0x3F))};
}

}  // namespace ringgate::ws::testing
