// Close codes that ringgate sends or reports: RFC 6455 section 7.4.1, the IANA registry, and the gate's own range.
#pragma once

#include <cstdint>

namespace ringgate {

/// A value may be any code of a Close frame. The enumerators are the codes that the gate itself chooses.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never on the wire: the peer's Close frame had no body
  abnormal = 1006,   // never on the wire: TCP ended without a Close frame
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
  closed_by_backend = 4000,  // DELETE /v1/devices/{id} picks from 4000-4099
  credential_ended = 4401,   // it expired or was revoked
  banned = 4403,
  no_pong = 4408,  // also after limits.idle_timeout
  replaced = 4409,
  rate_limited = 4429,
  slow_consumer = 4430,
  lifetime_over = 4440,
};

}  // namespace ringgate
