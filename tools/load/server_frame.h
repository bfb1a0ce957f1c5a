// Reads and strictly judges a server's frames (RFC 6455 section 5.2).
//
// It shares no code with the gate's codec, because it tests that codec. It judges single frames; DeviceClient judges their order.
// Invariant: a verdict needs only the header, never the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "ringgate/bytes.h"

namespace ringgate::load {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

/// The rules of section 5 that a server's frame can break.
enum class FrameFault : std::uint8_t {
  reserved_bits,  // no extension was offered
  unknown_opcode,
  masked,              // section 5.1: a server must not mask
  control_fragmented,  // section 5.5
  control_too_long,    // section 5.5: more than 125 bytes
  length_not_minimal,  // section 5.2
  too_long,            // above the caller's limit, or the top bit is set
};
const char* name_of(FrameFault fault);

/// The input ends before the frame. The frame needs at least `size` bytes, header included.
struct NeedMore {
  std::uint64_t size = 0;
};

struct ServerFrame {
  Opcode opcode = Opcode::continuation;
  bool fin = false;
  ByteView payload;      // inside the input
  std::size_t size = 0;  // bytes of the frame in the input, header included
};

/// Whether RSV1 may be set on the first frame of a message (RFC 7692 section 6).
enum class Compression : std::uint8_t { none, agreed };

struct ServerHeader {
  Opcode opcode = Opcode::continuation;
  bool fin = false;
  bool rsv1 = false;
  std::uint64_t payload_bytes = 0;
  std::size_t size = 0;  // bytes of the header itself
};

inline constexpr std::size_t server_header_bytes_max = 10;

using HeaderVerdict = std::variant<NeedMore, ServerHeader, FrameFault>;

/// Reads the header at the front of `input`; ignores the bytes behind it.
HeaderVerdict parse_server_header(ByteView input, std::uint64_t payload_bytes_max, Compression compression);

using FrameVerdict = std::variant<NeedMore, ServerFrame, FrameFault>;

/// Reads the frame at the front of `input`. Keeps nothing between calls: call it again with more bytes from the same start.
FrameVerdict parse_server_frame(ByteView input, std::uint64_t payload_bytes_max);

}  // namespace ringgate::load
