// What the rows are written in terms of: the good upgrade, the good push, and masked frames.
//
// Not the gate's codec on purpose: a fault shared by both would hide.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringgate::abuse {

/// The devices of the list: the one under test, the one that good pushes are for, and one that must never come online.
inline constexpr std::string_view device_id = "abuser";
inline constexpr std::string_view witness_id = "witness";
inline constexpr std::string_view smuggled_id = "smuggled";

inline std::string good_upgrade(std::string_view id = device_id) {
  return "GET /ws?deviceId=" + std::string(id) +
         " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
}
inline constexpr std::string_view good_accept_line = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

inline std::string good_push() {
  return "POST /v1/devices/" + std::string(witness_id) +
         "/messages HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
}

/// The masking key of all rows, and `payload` masked with it.
inline std::string masked(std::string_view payload) {
  constexpr std::string_view key = "\x37\xfa\x21\x3d";
  std::string bytes(key);
  for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ key[i % 4]);
  return bytes;
}

/// A client's frame with the shortest form of its length; `first` holds FIN, RSV and opcode.
inline std::string frame(std::uint8_t first, std::string_view payload) {
  std::string bytes(1, static_cast<char>(first));
  const auto append_number = [&bytes](std::uint64_t number, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
  };
  if (payload.size() < 126) {
    append_number(0x80 | payload.size(), 1);
  } else if (payload.size() < 65536) {
    append_number(0x80 | 126, 1);
    append_number(payload.size(), 2);
  } else {
    append_number(0x80 | 127, 1);
    append_number(payload.size(), 8);
  }
  return bytes + masked(payload);
}

inline std::string close_payload(std::uint16_t code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + std::string(reason);
}

}  // namespace ringgate::abuse
