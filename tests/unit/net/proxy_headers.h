// PROXY headers for tests, written byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/proxy_protocol.h"

namespace ringgate::test {

/// A header of version 2: `command` is its byte 12, `family` its byte 13; the length is right.
inline std::string v2_header(std::uint8_t command, std::uint8_t family, std::string_view block) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(block.size() >> 8U);
  header += static_cast<char>(block.size() & 0xFFU);
  return header.append(block);
}

/// The header with the value of its CRC32C filled in, whose four bytes are zeros behind "\x03\0\4".
inline std::string with_crc32c(std::string header) {
  const std::size_t at = header.find(std::string_view("\x03\0\4\0\0\0\0", 7)) + 3;
  const std::uint32_t sum = net::crc32c(bytes_of(header));
  for (unsigned i = 0; i < 4; ++i) header[at + i] = static_cast<char>(sum >> (24 - 8 * i));
  return header;
}

}  // namespace ringgate::test
