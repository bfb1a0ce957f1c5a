// Encodes the gate's frames: headers in front of payloads, and whole control frames. Server frames are never masked. No I/O, no
// state, no allocation; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "ringgate/bytes.h"
#include "ringgate/close_code.h"
#include "ringgate/message.h"
#include "ws/frame_format.h"

namespace ringgate::ws {

struct MessageFrameOptions {
  bool compressed = false;  // sets RSV1 (RFC 7692 section 6)
};

/// Writes the header of an unfragmented message to `out`, which has room for header_bytes(payload_bytes) bytes; returns their
/// number.
inline std::size_t write_header(std::uint8_t* out, MessageType type, std::uint64_t payload_bytes,
                                MessageFrameOptions options = {}) {
  return encode_header(
      out, {.payload_bytes = payload_bytes, .opcode = static_cast<Opcode>(type), .fin = true, .rsv1 = options.compressed});
}

/// Writes the header right before `payload`, over header_bytes(payload.size()) bytes, which must belong to the caller, as they do
/// for every payload of a FrameReader. Returns the whole frame: header and payload.
inline MutableBytes write_header_before(MutableBytes payload, MessageType type, MessageFrameOptions options = {}) {
  const std::size_t size = header_bytes(payload.size());
  std::uint8_t* const frame = payload.data() - size;
  write_header(frame, type, payload.size(), options);
  return {frame, size + payload.size()};
}

/// A whole control frame as a value, so that a ping does not allocate. Its unused bytes are 0.
struct ControlFrame {
  std::array<std::uint8_t, 2 + limits::control_payload_bytes_max> bytes{};
  std::uint8_t size = 0;

  ByteView view() const { return {bytes.data(), size}; }
};

/// Ping and Pong with at most limits::control_payload_bytes_max bytes of payload (asserted).
ControlFrame encode_ping(ByteView payload);
ControlFrame encode_pong(ByteView payload);

/// A Close frame with `code` and `reason`. With code no_status the frame is empty; any other code must be close_code_allowed
/// (asserted). A reason longer than limits::close_reason_bytes_max is cut at a character boundary; one that is not UTF-8 is left
/// out.
ControlFrame encode_close(CloseCode code, std::string_view reason);

}  // namespace ringgate::ws
