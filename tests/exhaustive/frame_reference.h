// What a server must say to a client's frame header, written sentence by sentence from RFC 6455 and RFC 7692:
// the reference for the frame reader, which it shares nothing with but the names of the verdicts.
//
// Not a parser: it is given the fields of one header and where the connection stands. The RFCs leave open
// which fault is named when a header has several; the order of the sentences is ours (what needs fewer bytes
// comes first) and is part of the reference. Invariant: the first sentence that is broken is the verdict.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "ws/violation.h"

namespace ringgate::exhaustive {

using ws::Violation;

enum class Standing { between_messages, in_text, in_binary, ended };

/// Where the connection stands before the header.
struct Connection {
  std::string name;
  std::string bytes;  // what a client sends to come here
  Standing standing = Standing::between_messages;
  bool deflate = false;             // permessage-deflate was negotiated
  bool message_compressed = false;  // of the message begun
  std::uint64_t message_bytes = 0;
  std::string message_payload;  // those bytes
  unsigned message_frames = 0;

  bool in_message() const { return standing == Standing::in_text || standing == Standing::in_binary; }
};

struct Limits {
  std::uint64_t message_bytes = 0;
  std::uint64_t compressed_bytes = 0;
  unsigned message_frames = 0;
};

/// The fields of RFC 6455 section 5.2 by arithmetic alone.
struct Header {
  bool fin, rsv1, rsv2, rsv3, mask;
  unsigned opcode, form;  // form: the 7 bits of length
  std::uint64_t length;   // the 7 bits, or what the extended length says

  static Header of(unsigned first, unsigned second, std::uint64_t extended_length) {
    const unsigned form = second % 128;
    return {.fin = first >= 128,
            .rsv1 = first / 64 % 2 == 1,
            .rsv2 = first / 32 % 2 == 1,
            .rsv3 = first / 16 % 2 == 1,
            .mask = second >= 128,
            .opcode = first % 16,
            .form = form,
            .length = form < 126 ? form : extended_length};
  }
  bool control() const { return opcode >= 8; }
};

/// A verdict, and how many bytes of the header it takes to know it.
struct Judgement {
  Violation violation = Violation::none;
  unsigned bytes = 0;
};

struct Sentence {
  bool broken;
  Violation violation;
};

inline Violation first_broken(std::initializer_list<Sentence> sentences) {
  for (const Sentence& sentence : sentences) {
    if (sentence.broken) return sentence.violation;
  }
  return Violation::none;
}

/// What the first two bytes say.
inline Violation judge_two_bytes(const Header& header, const Connection& connection) {
  const bool data = header.opcode == 1 || header.opcode == 2;
  return first_broken({
      // RFC 6455 section 5.2: "MUST be 0 unless an extension is negotiated that defines meanings"; none of
      // ours does for RSV2 and RSV3.
      {header.rsv2 || header.rsv3, Violation::reserved_bit_set},
      {header.rsv1 && !connection.deflate, Violation::rsv1_not_negotiated},
      // RFC 7692 section 6.1: not on control frames, and on a message's first fragment only.
      {header.rsv1 && header.control(), Violation::rsv1_on_control},
      {header.rsv1 && header.opcode == 0, Violation::rsv1_on_continuation},
      // RFC 6455 section 5.2: %x3-7 and %xB-F are reserved.
      {header.opcode >= 3 && header.opcode <= 7, Violation::reserved_opcode},
      {header.opcode >= 11, Violation::reserved_opcode},
      // RFC 6455 section 5.5: control frames "MUST have a payload length of 125 bytes or less and MUST NOT be
      // fragmented".
      {header.control() && !header.fin, Violation::control_fragmented},
      {header.control() && header.form > 125, Violation::control_too_long},
      // RFC 6455 section 5.1: a server closes "upon receiving a frame that is not masked".
      {!header.mask, Violation::not_masked},
      // RFC 6455 section 5.4: fragments of one message are not interleaved with those of another.
      {header.opcode == 0 && !connection.in_message(), Violation::continuation_without_message},
      {data && connection.in_message(), Violation::message_not_finished},
  });
}

/// What the length says, and with it the limits.
inline Violation judge_length(const Header& header, const Connection& connection, const Limits& limits) {
  constexpr std::uint64_t top_bit = 0x8000'0000'0000'0000;
  const bool begins_compressed = header.rsv1;
  const bool compressed = begins_compressed || (connection.in_message() && connection.message_compressed);
  const std::uint64_t limit = compressed ? limits.compressed_bytes : limits.message_bytes;
  const std::uint64_t before = connection.in_message() ? connection.message_bytes : 0;
  return first_broken({
      // RFC 6455 section 5.2: "the minimal number of bytes MUST be used to encode the length".
      {header.form == 126 && header.length < 126, Violation::length_not_minimal},
      // The same: "the most significant bit MUST be 0".
      {header.form == 127 && header.length >= top_bit, Violation::length_top_bit_set},
      {header.form == 127 && header.length < 65'536, Violation::length_not_minimal},
      // RFC 6455 section 10.4: limits on frame and message size are the implementation's.
      {!header.control() && header.length > limit - before, Violation::message_too_big},
      {!header.control() && connection.in_message() && connection.message_frames >= limits.message_frames,
       Violation::too_many_fragments},
  });
}

/// Bytes that a length of this form has behind the first two.
inline unsigned extended_bytes(const Header& header) { return header.form == 126 ? 2 : header.form == 127 ? 8 : 0; }

inline Judgement judge(const Header& header, const Connection& connection, const Limits& limits) {
  if (const Violation violation = judge_two_bytes(header, connection); violation != Violation::none) {
    return {violation, 2};
  }
  return {judge_length(header, connection, limits), 2 + extended_bytes(header)};
}

}  // namespace ringgate::exhaustive
