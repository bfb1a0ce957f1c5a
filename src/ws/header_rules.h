// Judges a client's frame header from as few bytes as possible, before the gate keeps any byte of the payload: first the first
// two bytes, then the form of the length, then the limits. No state, no allocation; any thread.
//
// Invariant: the verdict does not depend on how the bytes are cut. A rule applies once all bytes it needs are there, and rules
// that need fewer bytes come first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/limits.h"
#include "ringgate/bytes.h"
#include "ws/frame_format.h"
#include "ws/violation.h"

namespace ringgate::ws {

/// The state of the connection before this frame.
struct HeaderContext {
  std::uint64_t message_bytes_left = 0;     // bytes that the message may still grow by
  std::uint64_t compressed_bytes_left = 0;  // the same for a compressed message that begins with this frame
  bool fragments_left = true;               // the message may have one more frame
  bool in_message = false;                  // a message is unfinished
  bool compression = false;                 // permessage-deflate was negotiated
};

/// Judges the first byte alone.
constexpr Violation judge_first_byte(std::uint8_t byte, bool compression) {
  const OpcodeFacts& facts = opcode_facts[byte & opcode_bits];
  if ((byte & (rsv2_bit | rsv3_bit)) != 0) return Violation::reserved_bit_set;
  if ((byte & rsv1_bit) != 0) {
    if (!compression) return Violation::rsv1_not_negotiated;
    if (facts.control) return Violation::rsv1_on_control;
    if ((byte & opcode_bits) == 0) return Violation::rsv1_on_continuation;
  }
  if (!facts.defined) return Violation::reserved_opcode;
  if (facts.control && (byte & fin_bit) == 0) return Violation::control_fragmented;
  return Violation::none;
}

using FirstByteVerdicts = std::array<Violation, 256>;
constexpr FirstByteVerdicts judge_first_bytes(bool compression) {
  FirstByteVerdicts verdicts{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    verdicts[byte] = judge_first_byte(static_cast<std::uint8_t>(byte), compression);
  }
  return verdicts;
}
inline constexpr std::array<FirstByteVerdicts, 2> first_byte_verdicts{judge_first_bytes(false), judge_first_bytes(true)};

/// Judges the first two bytes.
inline Violation judge_first_two(std::uint8_t first, std::uint8_t second, const HeaderContext& context) {
  const Violation violation = first_byte_verdicts[context.compression ? 1 : 0][first];
  if (violation != Violation::none) return violation;
  const auto opcode = static_cast<Opcode>(first & opcode_bits);
  const bool control = is_control(opcode);
  if (control && (second & length_bits) > limits::control_payload_bytes_max) return Violation::control_too_long;
  if ((second & mask_bit) == 0) return Violation::not_masked;
  if (control || (opcode == Opcode::continuation) == context.in_message) return Violation::none;
  return context.in_message ? Violation::message_not_finished : Violation::continuation_without_message;
}

/// Judges the length of a frame whose first two bytes are good. `form` is the 7-bit length field, `length` the decoded length.
inline Violation judge_length(std::uint8_t first, std::uint8_t form, std::uint64_t length, const HeaderContext& context) {
  if (form == length_16_bit_form && length <= length_7_bit_max) return Violation::length_not_minimal;
  if (form == length_64_bit_form) {
    if ((length >> 63) != 0) return Violation::length_top_bit_set;
    if (length <= length_16_bit_max) return Violation::length_not_minimal;
  }
  if (is_control(static_cast<Opcode>(first & opcode_bits))) return Violation::none;
  const std::uint64_t bytes_left = (first & rsv1_bit) != 0 ? context.compressed_bytes_left : context.message_bytes_left;
  if (length > bytes_left) return Violation::message_too_big;
  return context.fragments_left ? Violation::none : Violation::too_many_fragments;
}

/// Judges the header at the front of `bytes`, of which any number of bytes may be there. Ignores bytes behind the header.
inline Violation judge_header(ByteView bytes, const HeaderContext& context) {
  if (bytes.size() < 2) return Violation::none;
  const Violation violation = judge_first_two(bytes[0], bytes[1], context);
  if (violation != Violation::none) return violation;
  if (bytes.size() < 2 + extended_length_bytes(bytes[1])) return Violation::none;
  return judge_length(bytes[0], bytes[1] & length_bits, decode_payload_bytes(bytes.data()), context);
}

}  // namespace ringgate::ws
