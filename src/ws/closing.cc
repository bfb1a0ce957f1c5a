#include "ws/closing.h"

#include "ws/utf8.h"

namespace ringgate::ws {

std::expected<CloseStatus, Violation> decode_close(ByteView payload) {
  if (payload.empty()) return CloseStatus{};
  if (payload.size() == 1) return std::unexpected(Violation::close_payload_one_byte);
  const auto code = static_cast<std::uint16_t>(payload[0] << 8 | payload[1]);
  if (!close_code_allowed(code)) return std::unexpected(Violation::close_code_not_allowed);
  const ByteView reason = payload.subspan(2);
  if (!valid_utf8(reason)) return std::unexpected(Violation::close_reason_not_utf8);
  return CloseStatus{static_cast<CloseCode>(code), text_of(reason)};
}

}  // namespace ringgate::ws
