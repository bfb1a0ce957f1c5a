#include "tls/client_hello.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ringgate::tls {
namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t client_hello_message = 1;
constexpr std::size_t record_header_bytes = 5;
constexpr std::size_t message_header_bytes = 4;

/// The handshake message at the beginning, as it runs through the records.
struct Message {
  std::array<std::uint8_t, message_header_bytes> header{};
  std::size_t bytes = 0;  // of it that have arrived, header included

  void take(ByteView fragment) {
    for (std::size_t i = 0; i < fragment.size() && bytes + i < header.size(); ++i) header[bytes + i] = fragment[i];
    bytes += fragment.size();
  }
  std::size_t size() const {
    return message_header_bytes + (std::size_t{header[1]} << 16U | std::size_t{header[2]} << 8U | header[3]);
  }
};

}  // namespace

Hello judge_client_hello(ByteView bytes) {
  Message message;
  const bool is_too_long = bytes.size() > client_hello_bytes_max;  // short records may take more than the message
  while (!bytes.empty()) {
    if (bytes[0] != handshake_record || (bytes.size() > 1 && bytes[1] != 3)) return Hello::not_tls;
    if (bytes.size() < record_header_bytes) return Hello::incomplete;
    const std::size_t fragment_bytes = std::size_t{bytes[3]} << 8U | bytes[4];
    if (fragment_bytes == 0 || fragment_bytes > client_hello_bytes_max) return Hello::not_tls;
    const std::size_t here = std::min(fragment_bytes, bytes.size() - record_header_bytes);
    message.take(bytes.subspan(record_header_bytes, here));
    if (message.bytes > 0 && message.header[0] != client_hello_message) return Hello::not_tls;
    if (message.bytes >= message_header_bytes) {
      if (message.size() > client_hello_bytes_max) return Hello::too_long;
      if (message.bytes >= message.size()) {
        if (here == fragment_bytes) return Hello::whole;
        break;
      }
    }
    bytes = bytes.subspan(record_header_bytes + here);
  }
  return is_too_long ? Hello::too_long : Hello::incomplete;
}

}  // namespace ringgate::tls
