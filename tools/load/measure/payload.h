// Payloads of one kind and size, and the stamp that makes each message different from the previous one.
//
// A stamp is eight bytes that suit the kind: any bytes in binary, letters in ascii and json, two-byte characters in utf8. It
// overwrites the payload at StampPlace::offset; a shorter payload takes as many bytes of it as keep the payload valid. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "load/measure/run_options.h"
#include "load/random.h"

namespace ringgate::measure {

/// Exactly `size` bytes of `kind`. json: at least json_size_min.
std::string make_payload(PayloadKind kind, std::size_t size, load::Random& random);

/// The position of the stamp in a payload of this kind, and its length there.
struct StampPlace {
  std::size_t offset = 0;
  std::size_t bytes = 0;  // 0 to 8
};
StampPlace stamp_place(PayloadKind kind, std::size_t size);

/// The stamp for `number`: eight bytes as a little-endian word.
inline std::uint64_t stamp_of(PayloadKind kind, std::uint64_t number) {
  if (kind == PayloadKind::binary) return number * 0x9e3779b97f4a7c15U;
  if (kind == PayloadKind::utf8) {
    // The low 16 bits, four to a character from U+00C0 to U+00CF: C3 80 to C3 8F.
    std::uint64_t spread = number & 0xffff;
    spread = (spread | (spread << 24)) & 0x000000ff000000ffU;
    spread = (spread | (spread << 12)) & 0x000f000f000f000fU;
    return (spread << 8) | 0x80c380c380c380c3U;
  }
  // The low 32 bits, four to a letter from A to P.
  std::uint64_t spread = static_cast<std::uint32_t>(number);
  spread = (spread | (spread << 16)) & 0x0000ffff0000ffffU;
  spread = (spread | (spread << 8)) & 0x00ff00ff00ff00ffU;
  spread = (spread | (spread << 4)) & 0x0f0f0f0f0f0f0f0fU;
  return spread + 0x4141414141414141U;
}

}  // namespace ringgate::measure
