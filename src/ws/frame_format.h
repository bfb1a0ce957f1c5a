// The layout of a frame header on the wire (RFC 6455 section 5.2), for reader, writer and clients. header_rules.h checks headers.
//
//    byte 0: FIN | RSV1 | RSV2 | RSV3 | opcode (4)        byte 1: MASK | length (7)
//    then     length 126: 2 bytes, 127: 8 bytes, big endian; then, if MASK, 4 bytes of masking key
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ws/opcode.h"

namespace ringgate::ws {

static_assert(std::endian::native == std::endian::little, "lengths and masking keys are loaded as little-endian words");

inline constexpr std::uint8_t fin_bit = 0x80;
inline constexpr std::uint8_t rsv1_bit = 0x40;
inline constexpr std::uint8_t rsv2_bit = 0x20;
inline constexpr std::uint8_t rsv3_bit = 0x10;
inline constexpr std::uint8_t opcode_bits = 0x0F;
inline constexpr std::uint8_t mask_bit = 0x80;
inline constexpr std::uint8_t length_bits = 0x7F;

inline constexpr std::uint8_t length_16_bit_form = 126;
inline constexpr std::uint8_t length_64_bit_form = 127;
inline constexpr std::uint64_t length_7_bit_max = 125;
inline constexpr std::uint64_t length_16_bit_max = 0xFFFF;

/// The masking key as it lies in memory: byte i of a payload is XORed with byte i % 4 of this word.
using MaskingKey = std::uint32_t;

struct FrameHeader {
  std::uint64_t payload_bytes = 0;
  MaskingKey masking_key = 0;
  Opcode opcode = Opcode::continuation;
  bool fin = true;
  bool rsv1 = false;
  bool masked = false;
};

/// Bytes of the extended length that the second byte announces: 0, 2 or 8.
constexpr std::size_t extended_length_bytes(std::uint8_t second_byte) {
  const std::uint8_t form = second_byte & length_bits;
  return form < length_16_bit_form ? 0 : form == length_16_bit_form ? 2 : 8;
}

/// Bytes of the whole header that the second byte announces: 2 to 14.
constexpr std::size_t header_bytes_announced(std::uint8_t second_byte) {
  return 2 + extended_length_bytes(second_byte) + ((second_byte & mask_bit) != 0 ? 4 : 0);
}

/// The payload length in the header at `bytes`, which must hold at least 2 + extended_length_bytes(bytes[1]) bytes.
inline std::uint64_t decode_payload_bytes(const std::uint8_t* bytes) {
  const std::uint8_t form = bytes[1] & length_bits;
  if (form < length_16_bit_form) return form;
  if (form == length_16_bit_form) {
    std::uint16_t length = 0;
    std::memcpy(&length, bytes + 2, sizeof length);
    return __builtin_bswap16(length);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes + 2, sizeof length);
  return __builtin_bswap64(length);
}

/// Reads the header at `bytes`, which must hold all header_bytes_announced(bytes[1]) bytes.
inline FrameHeader decode_header(const std::uint8_t* bytes) {
  FrameHeader header;
  header.payload_bytes = decode_payload_bytes(bytes);
  header.opcode = static_cast<Opcode>(bytes[0] & opcode_bits);
  header.fin = (bytes[0] & fin_bit) != 0;
  header.rsv1 = (bytes[0] & rsv1_bit) != 0;
  header.masked = (bytes[1] & mask_bit) != 0;
  if (header.masked) {
    std::memcpy(&header.masking_key, bytes + header_bytes_announced(bytes[1]) - 4, sizeof header.masking_key);
  }
  return header;
}

/// Bytes that encode_header writes: 2, 4 or 10, and 4 more if masked.
constexpr std::size_t header_bytes(std::uint64_t payload_bytes, std::size_t masking_key_bytes = 0) {
  const std::size_t extended = payload_bytes <= length_7_bit_max ? 0 : payload_bytes <= length_16_bit_max ? 2 : 8;
  return 2 + extended + masking_key_bytes;
}

/// Writes `header` in its shortest form to `out`, which has room for header_bytes() bytes; returns their number.
inline std::size_t encode_header(std::uint8_t* out, const FrameHeader& header) {
  const auto first = static_cast<std::uint8_t>(header.opcode);
  out[0] = static_cast<std::uint8_t>(first | (header.fin ? fin_bit : 0) | (header.rsv1 ? rsv1_bit : 0));
  const std::uint8_t mask = header.masked ? mask_bit : 0;
  std::size_t size = 2;
  if (header.payload_bytes <= length_7_bit_max) {
    out[1] = static_cast<std::uint8_t>(mask | header.payload_bytes);
  } else if (header.payload_bytes <= length_16_bit_max) {
    out[1] = mask | length_16_bit_form;
    const std::uint16_t length = __builtin_bswap16(static_cast<std::uint16_t>(header.payload_bytes));
    std::memcpy(out + 2, &length, sizeof length);
    size += sizeof length;
  } else {
    out[1] = mask | length_64_bit_form;
    const std::uint64_t length = __builtin_bswap64(header.payload_bytes);
    std::memcpy(out + 2, &length, sizeof length);
    size += sizeof length;
  }
  if (header.masked) {
    std::memcpy(out + size, &header.masking_key, sizeof header.masking_key);
    size += sizeof header.masking_key;
  }
  return size;
}

}  // namespace ringgate::ws
