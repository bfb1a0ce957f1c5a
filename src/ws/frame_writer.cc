#include "ws/frame_writer.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "ws/closing.h"
#include "ws/utf8.h"

namespace ringgate::ws {
namespace {

ControlFrame encode_control(Opcode opcode, ByteView payload) {
  RINGGATE_ASSERT(payload.size() <= limits::control_payload_bytes_max);
  ControlFrame frame;
  const std::size_t size = encode_header(frame.bytes.data(), {.payload_bytes = payload.size(), .opcode = opcode, .fin = true});
  std::ranges::copy(payload, frame.bytes.data() + size);
  frame.size = static_cast<std::uint8_t>(size + payload.size());
  return frame;
}

/// The longest start of `reason` that fits a Close frame and cuts no character; nothing if `reason` is not UTF-8.
ByteView fitting_reason(std::string_view reason) {
  if (!valid_utf8(bytes_of(reason))) return {};
  std::size_t size = std::min(reason.size(), limits::close_reason_bytes_max);
  const auto cuts_character = [&] { return size < reason.size() && (static_cast<std::uint8_t>(reason[size]) & 0xC0) == 0x80; };
  while (cuts_character()) --size;
  return bytes_of(reason.substr(0, size));
}

}  // namespace

ControlFrame encode_ping(ByteView payload) { return encode_control(Opcode::ping, payload); }
ControlFrame encode_pong(ByteView payload) { return encode_control(Opcode::pong, payload); }

ControlFrame encode_close(CloseCode code, std::string_view reason) {
  if (code == CloseCode::no_status) return encode_control(Opcode::close, {});
  const auto number = static_cast<std::uint16_t>(code);
  RINGGATE_ASSERT(close_code_allowed(number));
  const ByteView text = fitting_reason(reason);
  std::array<std::uint8_t, limits::control_payload_bytes_max> payload{};
  payload[0] = static_cast<std::uint8_t>(number >> 8);
  payload[1] = static_cast<std::uint8_t>(number & 0xFF);
  std::ranges::copy(text, payload.data() + 2);
  return encode_control(Opcode::close, ByteView(payload).first(2 + text.size()));
}

}  // namespace ringgate::ws
