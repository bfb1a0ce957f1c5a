// Payloads that prove themselves: they carry their device, their number, and a checksum over all of it.
//
//   device 8 hex digits | number 16 hex digits | checksum 16 hex digits | filler
//
// All bytes are ASCII, so the same payload serves as text and as binary message. The checksum (XXH3, 64
// bits) covers the device, the number and the filler.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "load/random.h"
#include "ringgate/bytes.h"

namespace ringgate::load {

struct PayloadNumber {
  std::uint32_t device = 0;
  std::uint64_t number = 0;

  friend bool operator==(const PayloadNumber&, const PayloadNumber&) = default;
};

inline constexpr std::size_t numbered_payload_bytes_min = 8 + 16 + 16;

/// A payload of `bytes` bytes, at least numbered_payload_bytes_min.
std::string make_numbered_payload(const PayloadNumber& number, std::size_t bytes, Random& random);

/// The device and number of `payload`; nothing if any byte has changed.
std::optional<PayloadNumber> read_numbered_payload(ByteView payload);

}  // namespace ringgate::load
