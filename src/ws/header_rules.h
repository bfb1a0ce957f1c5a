// The verdict on a client's frame header, from as few of its octets as decide it, and before anything of its
// payload is kept: the first two octets, then the form of the length, then the limits. No state of its own.
//
// Invariant: the verdict does not depend on how the octets were cut, since a rule is looked at only where the
// octets it needs end, and those needing fewer come first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/limits.h"
#include "ringgate/bytes.h"
#include "ws/frame_format.h"
#include "ws/violation.h"

namespace ringgate::ws {

/// What went before this frame, and what the connection agreed on.
struct HeaderContext {
  std::uint64_t message_bytes_left = 0;     // what the message may still grow by
  std::uint64_t compressed_bytes_left = 0;  // the same for a compressed message that this frame begins
  bool fragments_left = true;               // one more frame of this message is allowed
  bool in_message = false;                  // a message was begun and not finished
  bool compression = false;                 // permessage-deflate was negotiated
};

/// What is wrong with a first octet whatever follows it.
constexpr Violation judge_first_octet(std::uint8_t octet, bool compression) {
  const OpcodeFacts& facts = opcode_facts[octet & opcode_bits];
  if ((octet & (rsv2_bit | rsv3_bit)) != 0) return Violation::reserved_bit_set;
  if ((octet & rsv1_bit) != 0) {
    if (!compression) return Violation::rsv1_not_negotiated;
    if (facts.control) return Violation::rsv1_on_control;
    if ((octet & opcode_bits) == 0) return Violation::rsv1_on_continuation;
  }
  if (!facts.defined) return Violation::reserved_opcode;
  if (facts.control && (octet & fin_bit) == 0) return Violation::control_fragmented;
  return Violation::none;
}

using FirstOctetVerdicts = std::array<Violation, 256>;
constexpr FirstOctetVerdicts judge_first_octets(bool compression) {
  FirstOctetVerdicts verdicts{};
  for (unsigned octet = 0; octet < 256; ++octet) {
    verdicts[octet] = judge_first_octet(static_cast<std::uint8_t>(octet), compression);
  }
  return verdicts;
}
inline constexpr std::array<FirstOctetVerdicts, 2> first_octet_verdicts{judge_first_octets(false),
                                                                        judge_first_octets(true)};

/// Judges what the first two octets decide.
inline Violation judge_first_two(std::uint8_t first, std::uint8_t second, const HeaderContext& context) {
  const Violation violation = first_octet_verdicts[context.compression ? 1 : 0][first];
  if (violation != Violation::none) return violation;
  const auto opcode = static_cast<Opcode>(first & opcode_bits);
  const bool control = is_control(opcode);
  if (control && (second & length_bits) > limits::control_payload_bytes_max)
    return Violation::control_too_long;
  if ((second & mask_bit) == 0) return Violation::not_masked;
  if (control || (opcode == Opcode::continuation) == context.in_message) return Violation::none;
  return context.in_message ? Violation::message_not_finished : Violation::continuation_without_message;
}

/// Judges the length of a frame whose first two octets are good. `length` is what `form` (0-127) led to.
inline Violation judge_length(std::uint8_t first, std::uint8_t form, std::uint64_t length,
                              const HeaderContext& context) {
  if (form == length_16_bit_form && length <= length_7_bit_max) return Violation::length_not_minimal;
  if (form == length_64_bit_form) {
    if ((length >> 63) != 0) return Violation::length_top_bit_set;
    if (length <= length_16_bit_max) return Violation::length_not_minimal;
  }
  if (is_control(static_cast<Opcode>(first & opcode_bits))) return Violation::none;
  const std::uint64_t bytes_left =
      (first & rsv1_bit) != 0 ? context.compressed_bytes_left : context.message_bytes_left;
  if (length > bytes_left) return Violation::message_too_big;
  return context.fragments_left ? Violation::none : Violation::too_many_fragments;
}

/// Judges the octets of a header that are there: any number, those behind the header are not looked at.
inline Violation judge_header(ByteView octets, const HeaderContext& context) {
  if (octets.size() < 2) return Violation::none;
  const Violation violation = judge_first_two(octets[0], octets[1], context);
  if (violation != Violation::none) return violation;
  if (octets.size() < 2 + extended_length_bytes(octets[1])) return Violation::none;
  return judge_length(octets[0], octets[1] & length_bits, decode_payload_bytes(octets.data()), context);
}

}  // namespace ringgate::ws
