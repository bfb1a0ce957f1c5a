// The trace of a run, kept as one number: FNV-1a over everything that happened, in order. Addresses never go in.
#pragma once

#include <cstdint>

#include "ringgate/bytes.h"

namespace ringgate::ring {

class FakeTrace {
 public:
  void add(std::uint64_t word) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<std::uint8_t>(word >> shift));
  }
  void add(ByteView bytes) {
    add(std::uint64_t{bytes.size()});
    for (const std::uint8_t byte : bytes) add_byte(byte);
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x0000'0100'0000'01B3U; }

  std::uint64_t hash_ = 0xCBF2'9CE4'8422'2325U;
};

}  // namespace ringgate::ring
