#include "load/opening.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace ringgate::load {
namespace {

std::string base64(ByteView bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::string make_key(Random& random) {
  std::array<std::uint8_t, 16> nonce{};
  random.fill(nonce);
  return base64(nonce);
}

std::string accept_of(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  SHA1(bytes_of(text).data(), text.size(), digest.data());
  return base64(digest);
}

void append_request(std::string& out, const OpeningRequest& request) {
  out.append("GET ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(request.host);
  out.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
  out.append(request.key).append("\r\n\r\n");
}

std::optional<OpeningFault> fault_in(const HttpAnswer& answer, std::string_view key) {
  if (answer.status != 101) return OpeningFault::status;
  if (!equal_ignoring_case(answer.field("Upgrade").value_or(""), "websocket")) return OpeningFault::upgrade;
  if (!equal_ignoring_case(answer.field("Connection").value_or(""), "upgrade")) return OpeningFault::connection;
  if (answer.field("Sec-WebSocket-Accept") != accept_of(key)) return OpeningFault::accept;
  if (answer.field_count("Sec-WebSocket-Extensions") != 0) return OpeningFault::extensions;
  if (answer.field_count("Sec-WebSocket-Protocol") != 0) return OpeningFault::subprotocol;
  return std::nullopt;
}

const char* name_of(OpeningFault fault) {
  switch (fault) {
    case OpeningFault::status: return "status is not 101";
    case OpeningFault::upgrade: return "Upgrade is not websocket";
    case OpeningFault::connection: return "Connection is not Upgrade";
    case OpeningFault::accept: return "wrong Sec-WebSocket-Accept";
    case OpeningFault::extensions: return "an extension that was not offered";
    case OpeningFault::subprotocol: return "a subprotocol that was not offered";
  }
  return "?";
}

}  // namespace ringgate::load
