// The rules that a peer can break after the upgrade: one enumerator per rule, and one table from it to the gate's Close frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ringgate/close_code.h"

namespace ringgate::ws {

enum class Violation : std::uint8_t {
  none,
  reserved_bit_set,              // RSV2 or RSV3
  rsv1_not_negotiated,           // RSV1 without permessage-deflate
  rsv1_on_control,               // RFC 7692 section 6.1
  rsv1_on_continuation,          // RFC 7692 section 6.1
  reserved_opcode,               // 3-7, 11-15
  control_fragmented,            // FIN = 0 on a control frame
  control_too_long,              // more than 125 bytes, or a longer length form
  not_masked,                    // RFC 6455 section 5.1
  continuation_without_message,  // no message is unfinished
  message_not_finished,          // a new message inside an unfinished one
  length_not_minimal,            // section 5.2: the shortest form must be used
  length_top_bit_set,            // section 5.2: 64-bit lengths have a zero top bit
  message_too_big,
  too_many_fragments,
  text_not_utf8,
  close_payload_one_byte,
  close_code_not_allowed,
  close_reason_not_utf8,
  compressed_data_invalid,  // does not inflate, or refers back beyond the window (RFC 7692 section 7.2.2)
  inflating_too_costly,     // takes more of a core than limits.inflate_cpu allows
  memory_exhausted,         // not the peer's fault: memory for assembling is out
};

struct ViolationFacts {
  Violation violation;
  CloseCode close_code;
  std::string_view reason;  // for the Close frame and the log
};

inline constexpr std::array violation_table{
    ViolationFacts{Violation::none, CloseCode::normal, ""},
    ViolationFacts{Violation::reserved_bit_set, CloseCode::protocol_error, "reserved bit set"},
    ViolationFacts{Violation::rsv1_not_negotiated, CloseCode::protocol_error, "RSV1 without extension"},
    ViolationFacts{Violation::rsv1_on_control, CloseCode::protocol_error, "RSV1 on control frame"},
    ViolationFacts{Violation::rsv1_on_continuation, CloseCode::protocol_error, "RSV1 on continuation"},
    ViolationFacts{Violation::reserved_opcode, CloseCode::protocol_error, "reserved opcode"},
    ViolationFacts{Violation::control_fragmented, CloseCode::protocol_error, "fragmented control frame"},
    ViolationFacts{Violation::control_too_long, CloseCode::protocol_error, "control frame too long"},
    ViolationFacts{Violation::not_masked, CloseCode::protocol_error, "frame not masked"},
    ViolationFacts{Violation::continuation_without_message, CloseCode::protocol_error, "continuation without message"},
    ViolationFacts{Violation::message_not_finished, CloseCode::protocol_error, "message not finished"},
    ViolationFacts{Violation::length_not_minimal, CloseCode::protocol_error, "length not minimal"},
    ViolationFacts{Violation::length_top_bit_set, CloseCode::protocol_error, "length out of range"},
    ViolationFacts{Violation::message_too_big, CloseCode::message_too_big, "message too big"},
    ViolationFacts{Violation::too_many_fragments, CloseCode::policy_violation, "too many fragments"},
    ViolationFacts{Violation::text_not_utf8, CloseCode::invalid_payload, "text is not UTF-8"},
    ViolationFacts{Violation::close_payload_one_byte, CloseCode::protocol_error, "close payload of one byte"},
    ViolationFacts{Violation::close_code_not_allowed, CloseCode::protocol_error, "close code not allowed"},
    ViolationFacts{Violation::close_reason_not_utf8, CloseCode::invalid_payload, "close reason is not UTF-8"},
    ViolationFacts{Violation::compressed_data_invalid, CloseCode::invalid_payload, "compressed data is invalid"},
    ViolationFacts{Violation::inflating_too_costly, CloseCode::policy_violation, "decompression too costly"},
    ViolationFacts{Violation::memory_exhausted, CloseCode::try_again_later, "out of memory"},
};

constexpr const ViolationFacts& facts_of(Violation violation) { return violation_table[static_cast<std::size_t>(violation)]; }

static_assert(violation_table.size() == static_cast<std::size_t>(Violation::memory_exhausted) + 1);
static_assert(
    [] {
      for (std::size_t i = 0; i < violation_table.size(); ++i) {
        if (static_cast<std::size_t>(violation_table[i].violation) != i) return false;
      }
      return true;
    }(),
    "one row per violation, in their order");

}  // namespace ringgate::ws
