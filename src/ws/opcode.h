// The sixteen opcodes of RFC 6455 section 5.2, as a table with every value present.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringgate::ws {

/// The defined opcodes. The gate refuses a frame with a reserved opcode at its header.
enum class Opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA };

struct OpcodeFacts {
  std::string_view name;
  bool defined = false;
  bool control = false;  // section 5.5: at most 125 bytes, never fragmented, may stand between fragments
};

inline constexpr std::array<OpcodeFacts, 16> opcode_facts{{
    {"continuation", true, false},
    {"text", true, false},
    {"binary", true, false},
    {"reserved data 3", false, false},
    {"reserved data 4", false, false},
    {"reserved data 5", false, false},
    {"reserved data 6", false, false},
    {"reserved data 7", false, false},
    {"close", true, true},
    {"ping", true, true},
    {"pong", true, true},
    {"reserved control 11", false, true},
    {"reserved control 12", false, true},
    {"reserved control 13", false, true},
    {"reserved control 14", false, true},
    {"reserved control 15", false, true},
}};

constexpr bool is_control(Opcode opcode) { return opcode_facts[static_cast<std::uint8_t>(opcode) & 0x0F].control; }

}  // namespace ringgate::ws
