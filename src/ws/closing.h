// Close codes and the payload of a Close frame (RFC 6455 sections 5.5.1 and 7.4). dispatch/closing.cc runs the closing handshake.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

#include "ringgate/bytes.h"
#include "ringgate/close_code.h"
#include "ws/violation.h"

namespace ringgate::ws {

/// A range of close codes under the same rule. The ranges cover 0 to 65535 without a gap.
struct CloseCodeRange {
  std::uint16_t first;
  std::uint16_t last;
  bool allowed_on_wire;  // in either direction; a server sends 1010 only to echo a client's
  std::string_view name;
};

inline constexpr std::array<CloseCodeRange, 20> close_code_ranges{{
    {0, 999, false, "unused"},
    {1000, 1000, true, "normal closure"},
    {1001, 1001, true, "going away"},
    {1002, 1002, true, "protocol error"},
    {1003, 1003, true, "unsupported data"},
    {1004, 1004, false, "reserved"},
    {1005, 1005, false, "no status received"},
    {1006, 1006, false, "abnormal closure"},
    {1007, 1007, true, "invalid payload data"},
    {1008, 1008, true, "policy violation"},
    {1009, 1009, true, "message too big"},
    {1010, 1010, true, "mandatory extension"},
    {1011, 1011, true, "internal error"},
    {1012, 1012, true, "service restart"},
    {1013, 1013, true, "try again later"},
    {1014, 1014, true, "bad gateway"},
    {1015, 2999, false, "reserved"},  // 1015 is TLS failure, reported locally only
    {3000, 3999, true, "registered"},
    {4000, 4999, true, "private"},
    {5000, 65535, false, "unused"},
}};

/// The row of `code`. Every value has one.
constexpr const CloseCodeRange& close_code_facts(std::uint16_t code) {
  std::size_t row = 0;
  while (code > close_code_ranges[row].last) ++row;
  return close_code_ranges[row];
}

/// True if a Close frame, the peer's or ours, may carry `code`.
constexpr bool close_code_allowed(std::uint16_t code) { return close_code_facts(code).allowed_on_wire; }

static_assert(close_code_ranges.front().first == 0 && close_code_ranges.back().last == 65535);
static_assert(
    [] {
      for (std::size_t i = 1; i < close_code_ranges.size(); ++i) {
        if (close_code_ranges[i].first != close_code_ranges[i - 1].last + 1) return false;
        if (close_code_ranges[i].last < close_code_ranges[i].first) return false;
      }
      return true;
    }(),
    "the ranges have no gap and no overlap");

/// The content of a Close frame. `reason` is valid UTF-8 and borrows the frame's payload.
struct CloseStatus {
  CloseCode code = CloseCode::no_status;  // no_status: the frame had no body
  std::string_view reason;
};

/// Reads the unmasked payload of a Close frame (0-125 bytes). Errors: close_payload_one_byte,
/// close_code_not_allowed, close_reason_not_utf8. Any thread; does not allocate.
std::expected<CloseStatus, Violation> decode_close(ByteView payload);

}  // namespace ringgate::ws
