#include "tls/client_hello.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ringgate::tls {
namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t client_hello_message = 1;
/// As clients send it for the sake of middleboxes (RFC 8446 appendix D.4).
constexpr std::array<std::uint8_t, 6> change_cipher_spec{20, 3, 3, 0, 1, 1};
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
  if (bytes.size() > client_hello_bytes_max) return {HelloState::too_long};
  Message message;
  std::size_t at =
      bytes.size() >= change_cipher_spec.size() && std::ranges::equal(bytes.first(change_cipher_spec.size()), change_cipher_spec)
          ? change_cipher_spec.size()
          : 0;
  while (at < bytes.size()) {
    const ByteView record = bytes.subspan(at);
    if (at == 0 && record.size() < change_cipher_spec.size() &&
        std::ranges::equal(record, ByteView(change_cipher_spec).first(record.size())))
      return {HelloState::incomplete};
    if (record[0] != handshake_record || (record.size() > 1 && record[1] != 3)) return {HelloState::not_tls};
    if (record.size() < record_header_bytes) return {HelloState::incomplete};
    const std::size_t fragment_bytes = std::size_t{record[3]} << 8U | record[4];
    if (fragment_bytes == 0 || fragment_bytes > client_hello_bytes_max) return {HelloState::not_tls};
    const std::size_t here = std::min(fragment_bytes, record.size() - record_header_bytes);
    message.take(record.subspan(record_header_bytes, here));
    if (message.bytes > 0 && message.header[0] != client_hello_message) return {HelloState::not_tls};
    if (message.bytes >= message_header_bytes && message.size() > client_hello_bytes_max) return {HelloState::too_long};
    if (here < fragment_bytes) return {HelloState::incomplete};
    at += record_header_bytes + here;
    if (message.bytes >= message_header_bytes && message.bytes >= message.size()) return {HelloState::whole, at};
  }
  return {HelloState::incomplete};
}

}  // namespace ringgate::tls
