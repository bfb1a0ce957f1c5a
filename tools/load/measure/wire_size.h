// The size of a frame on the wire in bytes (RFC 6455 section 5.2).
#pragma once

#include <cstddef>

namespace ringgate::measure {

/// The size of a header without masking key, with the length in its shortest form.
constexpr std::size_t server_header_bytes(std::size_t payload_bytes) {
  return payload_bytes < 126 ? 2 : payload_bytes < 65536 ? 4 : 10;
}
constexpr std::size_t client_header_bytes(std::size_t payload_bytes) { return server_header_bytes(payload_bytes) + 4; }
constexpr std::size_t server_frame_bytes(std::size_t payload_bytes) { return server_header_bytes(payload_bytes) + payload_bytes; }
constexpr std::size_t client_frame_bytes(std::size_t payload_bytes) { return client_header_bytes(payload_bytes) + payload_bytes; }
inline constexpr std::size_t header_bytes_max = 14;

}  // namespace ringgate::measure
